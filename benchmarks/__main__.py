"""`python -m benchmarks [--full]`: every benchmark, one after the other; each prints its limits.

Ten minutes on two free cores; with --full, which sends to a million readers, half an hour.
"""

import sys
from collections.abc import Callable

from benchmarks import (
    alert_latency,
    alert_matching,
    desk,
    intake,
    people,
    rendering,
    returns,
    scale,
    segments,
    sendgrid,
    smtp,
    webhooks,
    whole_issue,
)

ALL: tuple[Callable[[], None], ...] = (
    rendering.main,
    intake.main,
    people.main,
    lambda: segments.main([]),
    sendgrid.main,
    smtp.main,
    lambda: webhooks.main(["--postgres"]),
    returns.main,
    lambda: desk.main([]),
    lambda: alert_matching.main([]),
    alert_latency.main,
    lambda: whole_issue.main(sys.argv[1:]),
    scale.main,
)

if __name__ == "__main__":
    for number, benchmark in enumerate(ALL):
        if number:
            print()
        benchmark()
