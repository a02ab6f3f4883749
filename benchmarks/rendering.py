"""Editions joined from compiled pieces, beside the same editions compiled as whole documents.

`python -m benchmarks.rendering`. The whole-document path is what every reader's mail would
cost without pieces. One core; figures move with the machine, the ratio hardly.
"""

import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.rendering.joining import Entry, join, size_of
from newsletter.rendering.pieces import Form
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.telling import Telling

STORIES = 60
PER_EDITION = 8
SECONDS = 3.0
LIMIT, RATIO_LIMIT = 20_000, 50

TEMPLATES = Path(__file__).parent.parent / "templates" / "email"
DAY = date(2026, 3, 3)
NEWSLETTER = "Race to AGI Daily"
DESCRIPTION = "The day's stories."
WORDS = ("model", "training", "lab", "chips", "policy", "agents", "safety", "report", "weights", "compute")


def a_story(number: int, chance: random.Random) -> StoryContent:
    """A story of usual length: two sentences of TL;DR, two paragraphs, 1 to 6 reports."""

    def prose(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."

    coverage = tuple(
        Article(f"Outlet {chance.randrange(40)}", f"https://outlet{n}.example/{number}", "en")
        for n in range(chance.randint(1, 6))
    )
    cited = coverage[0].url
    return StoryContent(
        title=f"{prose(8)} {number}",
        date=DAY,
        category="Research",
        tldr=Tldr(f"{prose(25)} {prose(20)}", Maker.AI, len(coverage)),
        analysis=Analysis("Analysis", f"{prose(60)}([outlet.example]({cited}))\n\n{prose(60)}"),
        impact=chance.choice(list(Impact)),
        audiences=("Investors", "Researchers"),
        companies=(Company("Sample Lab", "AI Lab", "France", "$1.0B"),),
        coverage=coverage,
    )


def per_second(run: Callable[[], object]) -> float:
    """Of this process's core: others may use the machine."""
    runs, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < SECONDS:
        run()
        runs += 1
    return runs / elapsed


def main() -> None:
    chance = random.Random(1)
    renderer = Renderer(TEMPLATES, site_name="Race to AGI", site_url="https://r.example", postal_address="-")
    because = ("Investors", "follows Sample Lab", "4 outlets")
    stories = [a_story(number, chance) for number in range(STORIES)]
    shell = renderer.shell(newsletter=NEWSLETTER, description=DESCRIPTION, date=DAY)
    entries = [Entry(renderer.card(story, Form.FULL), because) for story in stories]
    tellings = [Telling(story, because=because) for story in stories]

    def compile_whole() -> None:
        chosen = chance.sample(tellings, PER_EDITION)
        renderer.whole(chosen, newsletter=NEWSLETTER, description=DESCRIPTION, date=DAY, subject="subject")

    def join_pieces() -> None:
        join(shell, chance.sample(entries, PER_EDITION), subject="subject")

    whole = per_second(compile_whole)
    joined = per_second(join_pieces)
    size = size_of(join(shell, entries[:PER_EDITION], subject="subject"))

    print(f"editions of {PER_EDITION} stories, {size / 1024:.0f} KiB of html, html and text, one core")
    print(f"{'joined from pieces':<28}{joined:>12,.0f} per second, limit {LIMIT:,}")
    print(f"{'compiled as whole documents':<28}{whole:>12,.0f} per second")
    print(f"{'ratio':<28}{joined / whole:>12,.0f}, limit {RATIO_LIMIT}")


if __name__ == "__main__":
    main()
