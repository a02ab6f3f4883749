"""The paper on the promises names the tests that hold them; here it is held to that."""

import ast
import re
from pathlib import Path

from newsletter.config import ROOT


def test_every_promise_names_its_test() -> None:
    """Each failure in `docs/promises.md` names a test that exists, and every crash test stands there."""
    named = set(re.findall(r"\| `(test_\w+)` \|$", (ROOT / "docs/promises.md").read_text(), re.MULTILINE))
    found = {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and path != Path(__file__)
    }
    assert named == found
