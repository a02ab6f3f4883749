"""At the desk's door: roles are one above the other, sessions end, tokens belong to one session."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editors.rules import IDLE_LIFE, LONGEST_LIFE, digest_of, form_token, is_alive, may
from newsletter.models.editor import Role
from newsletter.web.desk.spans import span

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
roles = st.sampled_from(Role)


@given(roles, roles)
def test_each_role_may_what_those_before_it_may(one: Role, other: Role) -> None:
    """Of two roles the later may all that the earlier may, and never the other way round."""
    order = ["viewer", "editor", "approver", "admin"]
    assert may(one, other) is (order.index(one) >= order.index(other))


@given(st.timedeltas(timedelta(0), timedelta(days=20)), st.timedeltas(timedelta(0), timedelta(days=20)))
def test_a_session_ends_by_itself(age: timedelta, idle: timedelta) -> None:
    """It lasts while its editor was there within half a day, and never beyond two weeks."""
    alive = is_alive(signed_in_at=NOW - max(age, idle), seen_at=NOW - idle, now=NOW)
    assert alive is (idle < timedelta(hours=12) and max(age, idle) < timedelta(days=14))


def test_the_last_moment() -> None:
    """At the very end of its life a session is over."""
    just = timedelta(microseconds=1)
    assert is_alive(signed_in_at=NOW - IDLE_LIFE + just, seen_at=NOW - IDLE_LIFE + just, now=NOW)
    assert not is_alive(signed_in_at=NOW - IDLE_LIFE, seen_at=NOW - IDLE_LIFE, now=NOW)
    assert not is_alive(signed_in_at=NOW - LONGEST_LIFE, seen_at=NOW, now=NOW)


def test_what_is_kept_opens_nothing() -> None:
    """Neither the secret nor the token of its forms can be read off what the table keeps."""
    secret, other = "a" * 43, "b" * 43
    told = {secret, digest_of(secret), form_token(secret), form_token(digest_of(secret)), form_token(other)}
    assert len(told) == 5
    assert form_token(secret) == form_token(secret)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(seconds=40), "less than 1 min"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3, minutes=20, seconds=59), "3 h 20 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=1, hours=2, minutes=3), "1 day 2 h"),
        (timedelta(days=2, minutes=3), "2 days"),
    ],
)
def test_a_countdown_in_words(time: timedelta, words: str) -> None:
    """What is to come is told in two units at most."""
    assert span(time) == words
