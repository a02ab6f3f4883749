"""`python -m benchmarks`: every benchmark, one after the other."""

from benchmarks import intake, people, rendering, segments

if __name__ == "__main__":
    rendering.main()
    print()
    intake.main()
    print()
    people.main()
    print()
    segments.main([])
