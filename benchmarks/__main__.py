"""`python -m benchmarks`: every benchmark, one after the other."""

from benchmarks import intake, rendering

if __name__ == "__main__":
    rendering.main()
    print()
    intake.main()
