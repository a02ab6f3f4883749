"""What happens in the world of the month: stories, real and made up, each revision at its moment."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from newsletter.content import Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming

DATA = Path(__file__).parents[3] / "shared" / "data"
COMPANIES = tuple(Company(f"Sample Lab {letter}", "AI Lab") for letter in "ABCDEFGHIJKLMNOP")
AUDIENCES = ("Investors", "Researchers", "Engineers", "Policymakers")
CATEGORIES = ("Research", "Policy", "Product launch", "Hardware", "Funding", None)
THINGS = ("a model", "a chip", "a law", "a benchmark", "a dataset", "a robot", "an agent", "a data centre")
DEEDS = ("is shown", "passes a test", "fails a test", "is opened", "is delayed", "is sold", "is studied")
LANGUAGES = ("en", "fr", "de", "ja", "zh")
OUTLETS = 40


class Arrival(NamedTuple):
    """A record, and when it comes in."""

    at: datetime
    record: Incoming


@dataclass(frozen=True)
class Dealer:
    """Deals out what a story could have, by a seed."""

    chance: random.Random

    def labels(self, content: StoryContent) -> StoryContent:
        """With what the site's editors would say of it."""
        chance = self.chance
        companies = chance.sample(COMPANIES, chance.choice((0, 1, 1, 2, 3)))
        return replace(
            content,
            impact=chance.choice((None, Impact.ADVANCE, Impact.DELAY, Impact.NEUTRAL, Impact.UNCLEAR)),
            audiences=tuple(chance.sample(AUDIENCES, chance.choice((0, 1, 1, 2)))),
            companies=content.companies or tuple(companies),
        )

    def story(self, number: int, day: date) -> StoryContent:
        chance = self.chance
        title = f"{chance.choice(THINGS).capitalize()} {chance.choice(DEEDS)}, case {number:05d}"
        bare = StoryContent(
            title,
            day,
            category=chance.choice(CATEGORIES),
            tldr=Tldr(f"{chance.choice(THINGS).capitalize()} {chance.choice(DEEDS)}.", Maker.AI, 1),
            coverage=self.reports((), chance.choice((1, 1, 1, 2, 3, 8))),
        )
        return self.labels(bare)

    def reports(self, known: Sequence[Article], more: int) -> tuple[Article, ...]:
        """Coverage by so many outlets more, as far as there are as many."""
        told = {article.outlet for article in known}
        left = [name for n in range(OUTLETS) if (name := f"Outlet {n}") not in told]
        new = self.chance.sample(left, min(more, len(left)))
        return *known, *(
            Article(name, f"https://{name.replace(' ', '').lower()}.example/1", self.chance.choice(LANGUAGES))
            for name in new
        )

    def growth(self, content: StoryContent) -> StoryContent:
        """The story as it stands a while later: seldom another one, mostly more of the same."""
        chance = self.chance
        change = chance.random()
        if change < 0.5:
            return replace(content, coverage=self.reports(content.coverage, chance.choice((1, 1, 2, 4, 8))))
        if change < 0.7:
            return replace(content, impact=chance.choice(tuple(Impact)))
        if change < 0.85:
            companies = dict.fromkeys((*content.companies, chance.choice(COMPANIES)))
            return replace(content, companies=tuple(companies))
        tldr = Tldr(f"{chance.choice(THINGS).capitalize()}, as is known now.", Maker.EDITOR)
        return replace(content, tldr=tldr, coverage=self.reports(content.coverage, 1))

    def life(self, name: str, content: StoryContent, at: datetime) -> Iterator[Arrival]:
        """The story and what becomes of it: most of it on the first day, some of it much later."""
        yield Arrival(at, Incoming(name, content, "month"))
        for _ in range(self.chance.choice((0, 0, 1, 2, 3, 5))):
            at += timedelta(minutes=self.chance.choice((1, 20, 90, 300, 800, 2_000, 5_000)))
            content = self.growth(content)
            yield Arrival(at, Incoming(name, content, "month"))


def made_up(seed: int, start: datetime, *, days: int, number: int) -> list[Arrival]:
    """So many stories that come in by day and by night, with all their revisions."""
    dealer = Dealer(random.Random(seed))
    arrivals: list[Arrival] = []
    for n in range(number):
        at = start + timedelta(days=dealer.chance.random() * days)
        arrivals += dealer.life(f"made-up-{n}", dealer.story(n, at.date()), at)
    return sorted(arrivals, key=lambda one: one.at)


def flood(seed: int, at: datetime, *, number: int) -> list[Arrival]:
    """So many records within a minute, every second of them another revision of a story among them."""
    dealer = Dealer(random.Random(seed))
    arrivals = []
    for n in range(number // 2):
        content = dealer.story(50_000 + n, at.date())
        for told in (content, dealer.growth(content)):
            arrivals.append(Arrival(at + timedelta(seconds=dealer.chance.random() * 60), _record(n, told)))
    return sorted(arrivals, key=lambda one: one.at)


def _record(number: int, content: StoryContent) -> Incoming:
    return Incoming(f"flood-{number}", content, "flood")


def real(seed: int, start: datetime, *, days: int, number: int) -> list[Arrival]:
    """So many of the real stories in their order, spread over the days, those with versions among them.

    Real are their words, reports and versions, which come as many days after each other as they did.
    The sources say nothing of impact, audiences and companies, so these are dealt out.
    """
    dealer = Dealer(random.Random(seed))
    versions: dict[str, list[StoryContent]] = {}
    documents = (DATA / "story-versions.jsonl").read_text().splitlines()
    for document, version in zip(documents, _read("story-versions.jsonl"), strict=True):
        versions.setdefault(json.loads(document)["extra"]["story"], []).append(version.content)
    stories = sorted(_read("stories.jsonl"), key=lambda one: (one.content.date, one.external_id))
    chosen = [one for one in stories if one.external_id in versions]
    others = [one for one in stories if one.external_id not in versions]
    chosen += dealer.chance.sample(others, min(number - len(chosen), len(others)))
    arrivals: list[Arrival] = []
    for place, one in enumerate(sorted(chosen, key=stories.index)):
        at = start + timedelta(days=days) * place / len(chosen) + timedelta(seconds=place % 3_600)
        content = dealer.labels(one.content)
        for told in versions.get(one.external_id, ()):
            later = at + (told.date - versions[one.external_id][0].date)
            labelled = replace(told, impact=content.impact, audiences=content.audiences)
            arrivals.append(Arrival(later, replace(one, content=labelled)))
            at_last = later
        if one.external_id in versions:
            at = at_last + timedelta(hours=5)
        arrivals += dealer.life(one.external_id, content, at)
    return sorted(arrivals, key=lambda one: one.at)


def _read(name: str) -> Iterable[Incoming]:
    lines = (DATA / name).read_bytes().splitlines(keepends=True)
    return [one for one in read_file(name, lines) if isinstance(one, Incoming)]
