"""`python -m benchmarks`: every benchmark, one after the other."""

from benchmarks import intake, people, rendering, returns, segments, sendgrid, smtp, webhooks

if __name__ == "__main__":
    rendering.main()
    print()
    intake.main()
    print()
    people.main()
    print()
    segments.main([])
    print()
    sendgrid.main()
    print()
    smtp.main()
    print()
    webhooks.main([])
    print()
    returns.main()
