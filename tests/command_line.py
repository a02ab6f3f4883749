"""A command as somebody typed it: what they read, the exit code that scripts rely on, a story to import."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Run:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Run]

STORY = {
    "id": "sample-1",
    "title": "A sample lab opens an office",
    "date": "2026-01-08",
    "who_should_care": ["Investors"],
    "coverage": [{"outlet": "The Sample Courier", "url": "https://courier.example/office"}],
}


def story_file(folder: Path, *stories: dict[str, Any]) -> str:
    path = folder / "stories.jsonl"
    path.write_text("\n".join(json.dumps(story) for story in stories), encoding="utf-8")
    return str(path)
