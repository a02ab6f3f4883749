"""What tests of rules share: the real story page, where the folder of real input data is."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def real_page() -> str:
    path = DATA / "story-page.txt"
    if not path.exists():
        pytest.skip("the folder of real input data is not here")
    return path.read_text(encoding="utf-8")
