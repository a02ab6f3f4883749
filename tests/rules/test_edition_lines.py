"""The lines of a digest on what alerts told: each story once, in a mail that is not clipped."""

from datetime import timedelta
from functools import partial

from newsletter.content import StoryContent
from newsletter.desk.approval import piece_name
from newsletter.editions import MOST_LINES, Composed, compose, content_of
from newsletter.judging import Window
from newsletter.memory import Told
from newsletter.models import Edition, EditionStory, Issue, Newsletter
from newsletter.pool import Candidate, Pool
from newsletter.rendering.joining import LIMIT
from newsletter.rendering.pieces import IN_ISSUES, Card
from newsletter.selection import Limits, select
from subscribers.lens import Lens
from tests.builders import NOON, a_candidate, a_story
from tests.digests import RENDERER, shell

WINDOW = Window(NOON - timedelta(days=7), NOON - timedelta(days=14), NOON)
ISSUE = Issue(id=7, date=NOON.date(), newsletter=Newsletter(name="Race to AGI Weekly"))
KNOWN = a_story("A story of some length that was told when it broke, and by which nothing is new since")


def composed(heard: int) -> tuple[Composed, dict[str, Card]]:
    """The mail of one story, for readers whom alerts told so many."""
    known = [a_candidate(number, KNOWN) for number in range(heard)]
    news = a_candidate(1_000, a_story("News"))
    told = {one.story_id: Told(1, KNOWN, NOON - timedelta(hours=20), alerted=True) for one in known}
    every = partial(select, window=WINDOW, limits=Limits(1, 8), lines=True)
    selection = every(Pool([news, *known]), Lens(), told)
    cards = cards_of([news, *known])
    return compose(ISSUE, selection, shell(), cards, RENDERER), cards


def frozen(mail: Composed) -> Edition:
    """The mail as its rows."""
    rows = [
        EditionStory(
            story_id=one.story_id,
            revision=one.revision,
            piece=one.piece,
            because=list(one.because),
            changes=list(one.changes),
        )
        for one in mail.tellings
    ]
    return Edition(issue_id=ISSUE.id, fingerprint=mail.fingerprint(), subject=mail.subject, stories=rows)


def cards_of(candidates: list[Candidate]) -> dict[str, Card]:
    # a card of its own for each would take seconds
    made: dict[tuple[StoryContent, str], Card] = {}
    for one in candidates:
        for form in IN_ISSUES:
            made.setdefault((one.content, form), RENDERER.card(one.content, form))
    return {piece_name(one, form): made[one.content, form] for one in candidates for form in IN_ISSUES}


def test_a_digest_names_every_story_that_alerts_told() -> None:
    """Somebody who reads once a week finds all of the week's alerts."""
    mail, _ = composed(MOST_LINES)
    assert mail.content.text.count("You heard of it on Wednesday") == MOST_LINES
    assert "more stor" not in mail.content.text


def test_beyond_that_it_says_how_many_there_are() -> None:
    """They stand in the edition, though nothing is said of them, so that no later mail owes them; the mail
    is not clipped, and can be joined again from its rows, byte for byte."""
    mail, cards = composed(MOST_LINES + 200)
    text = " ".join(mail.content.text.split())
    assert text.count("You heard of it on Wednesday") == MOST_LINES
    assert text.count("You heard of it on Wednesday · and 200 more stories of our alerts") == 1
    assert "\nNews\n" in mail.content.text
    assert mail.size_bytes < LIMIT
    assert len({telling.story_id for telling in mail.tellings}) == MOST_LINES + 201
    assert content_of(frozen(mail), shell(), cards) == mail.content
