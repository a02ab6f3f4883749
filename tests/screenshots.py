"""What a browser shows when its test fails is kept in `var/screenshots`, which git ignores."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Error, Page

FOLDER = Path(__file__).parents[1] / "var" / "screenshots"


@contextmanager
def kept_on_failure(page: Page) -> Iterator[None]:
    """Keep the whole page as a picture, named like the test and the page, where the block fails."""
    try:
        yield
    except Exception:
        test = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0]
        name = re.sub(r"[^\w.]+", "-", f"{test.rpartition('/')[2]} {page.url.partition('//')[2]}")
        with suppress(Error):  # a page that is closed by now; the failure itself says more
            page.screenshot(path=FOLDER / f"{name[:200]}.png", full_page=True)
        raise
