"""Subscribers brought in from a file, and out again: rows per second, and the most memory it took.

`python -m benchmarks.people [--rows N]`, 100,000 unless told. An import and an export by the command
line, each in a process of its own, on SQLite. An import is to take in 6,000 new rows a second on one
core, in 300 MB, however many there are.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 100_000
LIMIT = 300
FLOOR = 6_000
ROOT = Path(__file__).parent.parent
#: runs a command and says on stderr, last, how much memory it took at most (KiB on Linux)
MEASURED = """
import resource, sys
from newsletter.cli.main import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
HEADER = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
    "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
ZONES = ("Europe/Paris,FR", "America/New_York,US", "Asia/Tokyo,JP", "Australia/Sydney,AU", ",")


def write_export(path: Path, rows: int) -> None:
    """A made-up export of usual width: names, consent times, addresses of machines, zones, tags."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(f"{HEADER}\r\n")
        for number in range(rows):
            zone = chance.choice(ZONES)
            out.write(
                f"reader{number}@host{number % 997}.example,Reader,Number {number},2,"
                f"2021-03-{number % 28 + 1:02} 10:00:00,192.0.2.{number % 256},"
                f"2021-03-{number % 28 + 1:02} 10:05:00,192.0.2.{number % 256},"
                f'1.0,2.0,1,2,{zone},,2022-01-01 00:00:00,{number},{number:x},,"""Group {number % 7}"""\r\n'
            )


def measured(name: str, rows: int, environment: dict[str, str], *arguments: str) -> None:
    """Run the command `newsletter` with the arguments, and print a line of the table."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    elapsed = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    memory = int(done.stderr.splitlines()[-1]) / 1024
    speed = rows / elapsed
    beside = f"{speed:>10,.0f}{speed / FLOOR:>9.2f}x{memory:>10,.0f}{memory / LIMIT:>9.2f}x"
    print(f"{name:<24}{beside}{elapsed:>10,.0f}")


def main(rows: int = ROWS) -> None:
    print(
        f"{rows:,} subscribers, SQLite; speed beside {FLOOR:,} rows/s, memory beside its limit of {LIMIT} MB"
    )
    print(f"{'':<24}{'rows/s':>10}{'':>10}{'MB':>10}{'':>10}{'s':>10}")
    with tempfile.TemporaryDirectory() as folder:
        file, copy = Path(folder, "subscribed.csv"), Path(folder, "export.csv")
        write_export(file, rows)
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{folder}/bench.db"}
        taking = ("subscribers", "import", str(file), "--confirmed", "--source", "made up for the benchmark")
        measured("import, all new", rows, environment, *taking)
        measured("import, all unchanged", rows, environment, *taking)
        measured("export", rows, environment, "subscribers", "export", "--out", str(copy))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    main(parser.parse_args().rows)
