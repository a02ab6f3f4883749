"""What is said to readers of why they get an alert, and what is counted of it, held against the facts."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from newsletter.alert_desk.counting import proof
from newsletter.content import StoryContent
from newsletter.store.engine import reading
from subscribers.alert_rule import AlertRule
from tests.alerting import naive
from tests.alerting.books import Books, Letter, Telling
from tests.alerting.limits import Broken

EFFECTS = {
    "advance": "may advance",
    "delay": "may delay",
    "neutral": "no clear effect",
    "unclear": "effect unclear",
}


def footers_that_name_other_rules(books: Books) -> Broken:
    """A mail names the rules that its reader held and that its stories met, all of them and no other."""
    for letter in books.letters:
        if not (letter.is_alert and letter.left) or letter.row.subscriber_id is None:
            continue
        person = books.people[letter.row.subscriber_id]
        # one that is repeated, and cannot leave again, is folded
        rows = list(books.rows_of(letter))
        watched = person.at(letter.queued_at).watched
        wanted = {number for row in rows for number in row.rules if books.rules[number] in watched}
        named = {number for told in letter.tellings for number, _, _ in told.fired if number in books.rules}
        linked = set(map(int, re.findall(r"@@alerts_url@@/rules/(\d+)", letter.left[0].content.text)))
        if not named == linked == wanted:
            yield letter.row.id, letter.row.subscriber_id, named, linked, wanted


def facts_that_are_not_so(books: Books) -> Broken:
    """Each condition of a rule is told with a fact, which is true of the story as it is told."""
    for letter in books.letters:
        for told in letter.tellings if letter.is_alert and letter.left else ():
            content = books.contents[told.story_id, told.revision]
            at = max((row.decided_at for row in books.rows_of(letter)), default=letter.queued_at)
            spread = books.spread(told.story_id, at)
            for number, _, facts in told.fired if not _updated(books, letter, told) else ():
                if number not in books.rules:
                    continue  # the editors, or a correction
                wanted = Counter(_kinds(books.rules[number]))
                false = [fact for fact in facts if not _is_so(fact, content, spread)]
                if false or len(facts) != sum(wanted.values()):
                    yield letter.row.id, told, false, facts, books.rules[number]


def _updated(books: Books, letter: Letter, told: Telling) -> bool:
    """Whether an alert of the editors tells it, with newer facts of a rule beside."""
    rows = [row for row in books.rows_of(letter) if row.story_id == told.story_id]
    return {books.alert(row).kind for row in rows} > {"editors"}


def _kinds(rule: AlertRule) -> Iterator[str]:
    """A word for each condition of it."""
    for kind in ("audiences", "companies", "topics", "words", "impacts", "leads"):
        if getattr(rule, kind):
            yield kind
    for kind, asked in (("outlets", rule.min_outlets), ("languages", rule.min_languages)):
        if asked > 1:
            yield kind
    if rule.fast_outlets:
        yield "fast"
    if rule == AlertRule():
        yield "every story"


def _is_so(fact: str, content: StoryContent, spread: Sequence[datetime]) -> bool:
    """Whether what the footer says is so."""
    if found := re.fullmatch(r"(\d+) outlets? within \d+ hours? \(you asked for (\d+)\)", fact):
        return int(found[2]) <= int(found[1]) <= len(spread)
    if found := re.fullmatch(r"(\d+) outlets? \(you asked for (\d+)\)", fact):
        return int(found[2]) <= int(found[1]) == len({one.outlet.casefold() for one in content.coverage})
    if found := re.fullmatch(r"(\d+) languages? \(you asked for (\d+)\)", fact):
        spoken = {one.language or content.language for one in content.coverage}
        return int(found[2]) <= int(found[1]) == len(spoken)
    kind, _, rest = fact.partition(" ")
    said = [one.strip(" “”") for one in re.split(r", | and ", rest)]
    if kind == "for":
        return {one.casefold() for one in said} <= {one.casefold() for one in content.audiences}
    if kind == "about":
        return all(naive.is_about(content, one.casefold()) for one in said)
    if kind == "topic":
        return all(naive.is_on(content, one) for one in said)
    if kind == "says":
        tldr = content.tldr.text if content.tldr else None
        return all(naive.says(content.title, one) or naive.says(tldr, one) for one in said)
    if kind == "label:":
        return content.impact is not None and EFFECTS[content.impact] == rest
    return fact in ("would lead your digest", "you asked for every story")


def proofs_that_do_not_add_up(books: Books) -> Broken:
    """Of each alert, as many have a fate as it concerned, and who is mailed has a mail."""
    by_alert: dict[int, Counter[str]] = {}
    for row in books.rows:
        by_alert.setdefault(row.alert_id or 0, Counter())[row.state] += 1
    with reading(books.month.engine) as session:
        for number, alert in books.alerts.items():
            found = proof(session, alert)
            counted = {state: count for state, count in found.readers.items() if count}
            mails = sum(found.mails.values())
            if not found.adds_up or counted != by_alert.get(number, {}) or mails != counted.get("mailed", 0):
                yield number, found.sentence, by_alert.get(number)
