"""The samples: sound on any day, and visibly made up."""

from datetime import date
from pathlib import Path

from newsletter.samples.load import sample_stories
from newsletter.sources.records import Incoming


def test_samples_are_sound() -> None:
    """Every sample is accepted, dated to the day asked for or the one before, on any day."""
    for today in (date(2026, 1, 7), date(2026, 1, 9), date(2031, 12, 31)):
        found = list(sample_stories(today))
        assert all(isinstance(one, Incoming) for one in found)
        days = {one.content.date for one in found if isinstance(one, Incoming)}
        assert days == {today, date.fromordinal(today.toordinal() - 1)}


def test_samples_of_another_day_are_other_stories() -> None:
    """The ids change with the day and with nothing else."""
    first, again, later = (
        {one.external_id for one in sample_stories(date(2026, 5, day)) if isinstance(one, Incoming)}
        for day in (1, 1, 3)
    )
    assert first == again
    assert not first & later


def test_samples_are_visibly_made_up() -> None:
    """Every link in the samples ends in .example."""
    text = (Path(__file__).parents[2] / "newsletter" / "samples" / "stories.jsonl").read_text()
    hosts = {link.partition("/")[0] for link in text.split("https://")[1:]}
    assert hosts
    assert all(host.endswith(".example") for host in hosts)
