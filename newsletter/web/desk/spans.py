"""Spans of time, in words."""

from datetime import timedelta


def span(time: timedelta) -> str:
    """A span of time in two units at most: `2 days 3 h`, `3 h 20 min`, `5 min`."""
    minutes = int(time.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day" if days == 1 else "days"), (hours, "h"), (minutes, "min")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "less than 1 min"
