"""Real bounces and complaints of some eighty mail systems, and the reasons that their corpus gives."""

import pytest

from benchmarks.returns import BOUNCES, CORPUS, LIMIT, Score, score

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus of bounces is not in {CORPUS}")


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return score()


def test_nine_of_ten_are_told_right(scores: dict[str, Score]) -> None:
    """Hard, soft and policy bounces are told apart in nine of ten cases each, and so is the whole."""
    shares = {name: scores[name].right / scores[name].read for name in BOUNCES}
    assert min(shares.values()) >= LIMIT, shares
    read, right = sum(one.read for one in scores.values()), sum(one.right for one in scores.values())
    assert (read >= 390, right / read >= 0.93) == (True, True), (read, right)


def test_hardly_anybody_is_suppressed_by_mistake(scores: dict[str, Score]) -> None:
    """Of bounces that are soft or about us, not one in a hundred is taken for hard."""
    mistaken = sum(scores[name].taken_for["hard bounce"] for name in ("soft", "policy"))
    assert mistaken / (scores["soft"].read + scores["policy"].read) < 0.01


def test_complaints_and_noise(scores: dict[str, Score]) -> None:
    """Complaints are heard, and nothing is heard where there is none."""
    assert scores["complaint"].right >= 8
    assert scores["nothing"].right == scores["nothing"].read
