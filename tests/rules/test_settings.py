"""What a person is told who wrote a setting or the publication file wrongly."""

import tomllib
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import ROOT, ConfigError, Settings, read_settings
from newsletter.mail import PATIENCE
from newsletter.site import BadPublication, NewsletterSpec, load_site

#: how pydantic talks, to programmers
RAW = ("Value error", "Input should", "should have at ", "Field required", "not permitted", "should be a ")


def faults(**environ: str) -> list[str]:
    try:
        read_settings(environ)
    except ConfigError as error:
        return error.faults
    return []


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("PORT", "eight", "write a whole number"),
        ("PORT", "70000", "write 65535 or less"),
        ("PORT", "0", "write 1 or more"),
        ("MAIL_PROVIDER", "pigeon", "write 'folder', 'smtp' or 'sendgrid'"),
        ("POSTAL_ADDRESS", "Berlin", "write 10 characters or more"),
        ("MAILS_PER_CLAIM", "2.5", "write a whole number"),
        ("LEASE_SECONDS", "7200", "write 3600 or less"),
        ("SECRET_KEY", "short", "use 32 characters or more; make one with: openssl rand -hex 32"),
    ],
)
def test_a_fault_is_told_with_its_remedy(name: str, written: str, told: str) -> None:
    """The setting is named, and what to write instead; what was written is not shown."""
    assert faults(**{name: written}) == [f"{name}: {told}"]


@given(
    st.dictionaries(
        st.sampled_from([name.upper() for name in Settings.model_fields]),
        st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12),
        max_size=6,
    )
)
def test_no_fault_is_told_in_the_words_of_a_library(environ: dict[str, str]) -> None:
    """Whatever is written, each fault is one line in plain words."""
    for fault in faults(**environ):
        assert "\n" not in fault
        assert not any(words in fault for words in RAW)


def test_a_lease_outlasts_the_patience_with_a_server() -> None:
    """One that would end while a server is waited for is refused, and the least that may be is named."""
    least = int(PATIENCE.total_seconds())
    (fault,) = faults(LEASE_SECONDS=str(least - 1))
    assert fault.startswith(f"LEASE_SECONDS: write {least} or more: ")
    assert faults(LEASE_SECONDS=str(least)) == []


def told(path: Path, text: str) -> list[str]:
    """What is said of a publication file of that text, line by line."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadPublication) as caught:
        load_site(path)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


PUBLICATION = (ROOT / "publication.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong", "lines"),
    [
        (
            'slug = "daily"',
            'slug = "AI Daily"',
            ["newsletters, number 1, slug: write small letters, digits and single hyphens, as in ai-daily"],
        ),
        (
            'cadence = "weekly"',
            'cadence = "hourly"',
            ["newsletters, number 2, cadence: write 'daily' or 'weekly'"],
        ),
        (
            "cutoff =",
            "cutof =",
            [
                "newsletters, number 1, cutoff: is missing",
                "newsletters, number 1, cutof: there is nothing of this name: is it misspelt?",
            ],
        ),
        (
            "cutoff =",
            "cutoff = 4 #",
            ['newsletters, number 1, cutoff: write a time of day, as "04:30:00"'],
        ),
        (
            "cutoff =",
            'cutoff = "25:00" #',
            ['newsletters, number 1, cutoff: write a time of day, as "04:30:00"'],
        ),
        (
            "cutoff =",
            'cutoff = "04:00Z" #',
            [
                "newsletters, number 1, cutoff: write it without an offset: "
                "it is a time of the newsletter's own zone"
            ],
        ),
        (
            'weekday = "sun"',
            "",
            ["newsletters, number 2: weekday belongs to a weekly newsletter, and to no other"],
        ),
        (
            'timezone = "UTC"',
            'timezone = "Mars"',
            [
                "newsletters, number 1, timezone: unknown time zone 'Mars': "
                "use a tz database name such as Europe/Paris"
            ],
        ),
        ("max_stories = 8", "max_stories = 80", ["newsletters, number 1, max_stories: write 50 or less"]),
        ("audiences = [", "audiences = 3 #[", ["audiences: write several, in brackets"]),
        ('name = "Race to AGI"', "name = 5", ["name: write a text, in quotes"]),
        ('slug = "weekly"', 'slug = "daily"', ["two newsletters have the same slug"]),
    ],
)
def test_a_publication_file_is_told_what_to_mend(
    tmp_path: Path, right: str, wrong: str, lines: list[str]
) -> None:
    """Each fault says where it stands, with newsletters counted from one, and what to write there."""
    assert right in PUBLICATION
    assert told(tmp_path / "publication.toml", PUBLICATION.replace(right, wrong, 1)) == lines


def test_a_publication_needs_a_newsletter(tmp_path: Path) -> None:
    """A file without one is refused in words, and one with a faulty one only for its fault."""
    path = tmp_path / "publication.toml"
    head = PUBLICATION.partition("[[newsletters]]")[0]
    assert told(path, f"newsletters = []\n{head}") == [
        "nothing is published: write one table [[newsletters]] at least"
    ]
    assert told(path, f"newsletters = 5\n{head}") == ["newsletters: write several, in brackets"]
    assert told(path, f'newsletters = ["daily"]\n{head}') == [
        "newsletters, number 1: write a table, with a line for each of its settings"
    ]


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f"[{value[0]}]" if isinstance(value, list) else f'"{value}"' if isinstance(value, str) else f"{value}"
    )


@given(
    st.sampled_from(sorted(NewsletterSpec.model_fields)),
    st.one_of(
        st.integers(-(10**6), 10**6),
        st.booleans(),
        st.floats(-100, 100),
        st.text("aZ 0:.-+", max_size=50),
        st.times(),
        st.lists(st.integers(0, 3), min_size=1, max_size=1),
    ),
)
def test_no_fault_of_the_file_is_told_in_the_words_of_a_library(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: int | bool | float | str | time | list[int]
) -> None:
    """Whatever a newsletter's setting is, the file is taken, or refused in plain words."""
    document: dict[str, Any] = tomllib.loads(PUBLICATION)
    lines = [f"{key} = {toml(of)}" for key, of in {**document["newsletters"][0], name: value}.items()]
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join([PUBLICATION.partition("[[newsletters]]")[0], "[[newsletters]]", *lines]))
    try:
        load_site(path)
    except BadPublication as error:
        said = str(error)
    else:
        said = ""
    assert not any(words in said for words in RAW)
