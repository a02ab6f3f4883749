"""What was left to a digest that is full: all of it is told, in a mail that is not clipped."""

from datetime import timedelta

import pytest

from newsletter.editions import MOST_FOLDS, MOST_LINES, Composed, compose, content_of, for_everybody
from newsletter.memory import Told
from newsletter.pool import Pool
from newsletter.rendering.joining import LIMIT
from newsletter.rendering.pieces import Card, is_fold
from newsletter.selection import Limits, Selection, select
from subscribers.lens import Lens
from tests.builders import NOON, a_candidate, a_story
from tests.digests import RENDERER, shell
from tests.rules.test_edition_lines import ISSUE, KNOWN, WINDOW, cards_of, frozen

PLACES = 8
WHY = "your alert: mentions Sample Lab, Other Lab or Third Lab; from 3 outlets on"
LEFT = a_story("A story of some length that was to be an alert, and waited for this mail instead of that")


def selected(folds: int, *, lines: int = 0) -> Selection:
    """What readers get to whom so many alerts were left, and whom so many others reached."""
    left = [a_candidate(number, LEFT) for number in range(folds)]
    known = [a_candidate(1_000 + number, KNOWN) for number in range(lines)]
    told = {one.story_id: Told(1, KNOWN, NOON - timedelta(hours=20), alerted=True) for one in known}
    return select(
        Pool([*left, *known]),
        Lens(),
        told,
        window=WINDOW,
        limits=Limits(1, PLACES),
        folded={one.story_id: WHY for one in left},
        lines=True,
    )


def composed(selection: Selection) -> tuple[Composed, dict[str, Card]]:
    cards = cards_of([decision.candidate for decision in selection.decisions])
    return compose(ISSUE, selection, shell(), cards, RENDERER), cards


@pytest.mark.parametrize("more", [0, 1, 500])
def test_every_fold_is_told(more: int) -> None:
    """Those beyond the places in one line with the reason; of more than a mail can name it says how many
    there are, and the page on the web names them. It is joined again from its rows, byte for byte."""
    mail, cards = composed(selected(PLACES + MOST_FOLDS + more, lines=MOST_LINES))
    text = " ".join(mail.content.text.split())
    assert text.partition("ALSO NEW FOR YOU")[2].count(f"Because: {WHY}") == MOST_FOLDS
    words = {0: "", 1: "and 1 more story: view this issue in your browser"}
    assert words.get(more, f"and {more} more stories: view this issue in your browser") in text
    assert ("in your browser" in text) == bool(more)
    assert len([one for one in mail.tellings if is_fold(one.piece)]) == MOST_FOLDS + more
    assert mail.size_bytes < LIMIT
    page = for_everybody(mail.subject, mail.tellings, shell(), cards)
    assert " ".join(page.text.split()).count(f"Because: {WHY}") == PLACES + MOST_FOLDS + more
    assert content_of(frozen(mail), shell(), cards) == mail.content


def test_what_is_too_long_is_told_in_brief() -> None:
    """Where not even the shortest cards of all folds fit into a mail, the others stand in it in a line."""
    left = [a_candidate(number, LEFT) for number in range(40)]
    folded = {one.story_id: WHY for one in left}
    selection = select(Pool(left), Lens(), {}, window=WINDOW, limits=Limits(1, 40), folded=folded)
    mail, cards = composed(selection)
    assert {one.story_id for one in mail.tellings} == set(folded)
    assert 0 < sum(is_fold(one.piece) for one in mail.tellings) < 40
    assert mail.size_bytes < LIMIT
    assert content_of(frozen(mail), shell(), cards) == mail.content


def test_an_issue_of_an_older_release_leaves_them() -> None:
    """What it has no pieces for is not told by it, so that the next issue tells it."""
    selection = selected(PLACES + 2)
    mail, cards = composed(selection)
    older = {name: card for name, card in cards.items() if not is_fold(name)}
    assert len(mail.tellings) == PLACES + 2
    assert len(compose(ISSUE, selection, shell(), older, RENDERER).tellings) == PLACES
