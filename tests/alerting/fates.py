"""What becomes of each alert for each reader whom it concerns: nobody is lost, and nothing is held back
without a cause. Told from what the naive rules say of every story that came in."""

from collections.abc import Iterator
from datetime import datetime

from newsletter.models import AlertReader
from tests.alerting import naive
from tests.alerting.books import COMPANY_REST, FRESH, GATHER, STORY_REST, Books, Letter, Person
from tests.alerting.limits import Broken
from tests.alerting.month import Look


def _concerned(books: Books) -> Iterator[tuple[Look, int, bool]]:
    """Which look at a story concerns which reader, by one of their rules; and whether only by those that
    ask whether it leads."""
    for look in books.looks:
        content = books.contents[look.story_id, look.revision]
        spread = books.spread(look.story_id, look.at)
        met = {rule for rule in set(books.rules.values()) if naive.meets(rule, content, spread)}
        for number, person in books.people.items():
            mine = met.intersection(person.reader.rules)
            leaves_at = person.reader.leaves_at
            if mine and not (leaves_at and leaves_at <= look.at):
                yield look, number, all(rule.leads for rule in mine)


def _knows(books: Books, person: Person, look: Look) -> int | None:
    """The newest revision that the reader was told, or spared, before the look; None for nothing."""
    known = [
        told.revision
        for letter in person.letters
        for told in letter.about(look.story_id)
        if told.tells
        and letter.queued_at < look.at
        and (letter.is_told or (letter.row.settled_at and letter.row.settled_at > look.at))
    ]
    known += [
        books.alert(row).revision if row.alert_id else books.revision_at(row.story_id, row.decided_at)
        for row in person.rows
        if row.story_id == look.story_id and row.decided_at < look.at
    ]
    return max(known, default=None)


def _is_doubtful(books: Books, person: Person, look: Look) -> bool:
    """A digest that told it was frozen in the same moment, so either may have been first; or it says again
    what was said before something else was: whether that is news these rules cannot say."""
    if any(letter.queued_at == look.at and letter.about(look.story_id) for letter in person.digests):
        return True
    content = books.contents[look.story_id, look.revision]
    return any(
        not naive.is_new(books.contents[look.story_id, books.alert(row).revision], content)
        for row in person.rows
        if row.story_id == look.story_id and row.alert_id and row.decided_at < look.at
    )


def _is_due(books: Books, person: Person, look: Look) -> bool:
    """Whether the reader is to be alerted of the story as it stands: new to what they were told, and to
    what they were spared since."""
    content = books.contents[look.story_id, look.revision]
    if naive.is_muted(person.reader.lens, content):
        return False
    known = _knows(books, person, look)
    if known is None:
        return look.at - books.first_seen[look.story_id] <= FRESH
    told = _told(person, look.story_id, look.at)
    before = {known, max(told, default=known)}
    return known < look.revision and all(
        naive.is_new(books.contents[look.story_id, revision], content) for revision in before
    )


def alerts_that_nobody_made(books: Books) -> Broken:
    """Whoever asked for the story, and does not know it, has a row."""
    rows = {(books.alert(row).story_id, books.alert(row).revision, row.subscriber_id) for row in books.rows}
    for look, number, only_if_it_leads in _concerned(books):
        if (look.story_id, look.revision, number) in rows or only_if_it_leads:
            continue
        person = books.people[number]
        if _is_due(books, person, look) and not _is_doubtful(books, person, look):
            yield look, number


def alerts_that_nobody_asked_for(books: Books) -> Broken:
    """Each row has a rule that was met, and was news to its reader."""
    due = {(look.story_id, look.revision, number): look for look, number, _ in _concerned(books)}
    for row in books.rows:
        alert = books.alert(row)
        if alert.kind != "rules":
            continue
        look = due.get((alert.story_id, alert.revision, row.subscriber_id))
        person = books.people[row.subscriber_id]
        if look is None:
            yield row.id, alert.story_id, alert.revision, row.subscriber_id, "no rule of theirs is met"
        elif not _is_due(books, person, look) and not _is_doubtful(books, person, look):
            yield row.id, look, row.subscriber_id, "no news to them"


def rules_that_were_not_met(books: Books) -> Broken:
    """The rules named in a row are the reader's own, and met."""
    for row in books.rows:
        alert = books.alert(row)
        if alert.kind != "rules":
            continue
        content = books.contents[alert.story_id, alert.revision]
        spread = books.spread(alert.story_id, row.decided_at)
        named = [books.rules[number] for number in row.rules]
        mine = books.people[row.subscriber_id].reader.rules
        unmet = [one for one in named if one not in mine or not naive.meets(one, content, spread)]
        missing = [
            one for one in mine if not one.leads and one not in named and naive.meets(one, content, spread)
        ]
        if unmet or missing or not named:
            yield row.id, unmet, missing


def rows_without_a_fate(books: Books) -> Broken:
    """Every row has an end, with a reason where it was no mail; who waits, waits for a moment to come."""
    for row in books.rows:
        if row.state == "waiting" and row.due_at <= books.month.end:
            yield row.id, row.state, row.due_at
        if row.state in ("folded", "dropped") and not row.reason:
            yield row.id, row.state, "no reason"
        letter = books.letter(row)
        if row.state == "mailed" and (letter is None or letter.row.state not in ("accepted", "unknown")):
            yield row.id, row.state, letter and (letter.row.state, letter.row.reason)
        if row.state == "mailed" and letter and not letter.about(row.story_id):
            yield row.id, "its mail does not tell it", letter.row.id


def mails_without_rows(books: Books) -> Broken:
    """Each alert's mail tells what its rows name, and nothing else."""
    for letter in books.letters:
        if letter.is_alert and letter.is_told:
            named = {row.story_id for row in books.rows_of(letter) if row.state == "mailed"}
            if named != {told.story_id for told in letter.tellings}:
                yield letter.row.id, named, letter.tellings


def folded_and_not_told(books: Books) -> Broken:
    """The next digest tells what was folded, if another mail did not, and it is still news and not muted.

    A digest that is full of what was folded leaves the rest to the one after it.
    """
    for row in (*books.rows, *books.spared):
        folded_at = books.became(row, "folded")
        if row.state != "folded" or folded_at is None:
            continue
        person = books.people[row.subscriber_id]
        if not person.reader.newsletters:
            yield row.id, "folded for a reader without a digest"
            continue
        since = _frozen_at(person, row)
        for digest in person.digests:
            closed_at = books.closed_at[digest.row.occasion_id]
            if closed_at < folded_at or not digest.is_told:
                continue
            if any(
                since <= one.queued_at <= digest.queued_at and _tells(one, row.story_id)
                for one in person.letters
            ):
                break
            if not _is_worth_telling(books, person, row.story_id, closed_at):
                break
            if not _is_full(books, person, digest):
                yield row.id, row.story_id, row.subscriber_id, folded_at, row.reason, digest.row.id
                break


#: stories that an issue tells at most
MOST_STORIES = {"daily": 8, "weekly": 12}


def _is_full(books: Books, person: Person, digest: Letter) -> bool:
    """Whether it has no place left, and gave none to a story that was not folded."""
    told = {one.story_id for one in digest.tellings if one.tells}
    folded = {
        row.story_id for row in person.rows if row.state == "folded" and row.decided_at <= digest.queued_at
    }
    return len(told) >= MOST_STORIES[str(digest.row.newsletter)] and told <= folded


def _told(person: Person, story_id: int, at: datetime) -> list[int]:
    """The revisions that the reader was told before."""
    letters = [letter for letter in person.letters if letter.is_told and letter.queued_at < at]
    return [one.revision for letter in letters for one in letter.about(story_id) if one.tells]


def _is_worth_telling(books: Books, person: Person, story_id: int, at: datetime) -> bool:
    """Whether the story as it is known then is not muted, and new to what the reader was told before."""
    revision = books.revision_at(story_id, at)
    content = books.contents[story_id, revision]
    told = _told(person, story_id, at)
    is_new = not told or naive.is_new(books.contents[story_id, max(told)], content)
    return is_new and not naive.is_muted(person.reader.lens, content)


def _frozen_at(person: Person, row: AlertReader) -> datetime:
    """Since when a mail may tell what was folded: since it came up, or since the digest that was withheld
    was frozen."""
    withheld = (
        one.queued_at
        for one in person.digests
        if one.row.state == "withheld" and one.row.settled_at == row.decided_at
    )
    return min(withheld, default=row.decided_at) if row.alert_id is None else row.decided_at


def _tells(letter: Letter, story_id: int) -> bool:
    return letter.is_told and any(told.tells for told in letter.about(story_id))


def folded_without_a_cause(books: Books) -> Broken:
    """An alert is kept for the digest for a rest, a budget, a quiet, or because its mail could not leave."""
    for row in books.rows:
        at = books.became(row, "folded")
        if at and not _causes(books, row, at):
            yield row.id, row.subscriber_id, at, row.reason


def dropped_without_a_cause(books: Books) -> Broken:
    """An alert is dropped if it was told meanwhile, is so no more, is too old for those without a digest, or
    they left."""
    for row in books.rows:
        at = books.became(row, "dropped")
        if not at or row.state != "dropped":
            continue
        person = books.people[row.subscriber_id]
        newer = any(
            other.story_id == row.story_id and other.decided_at > row.decided_at for other in person.rows
        )
        told = any(
            one.about(row.story_id) and row.decided_at <= one.queued_at <= at for one in person.letters
        )
        leaves_at = person.reader.leaves_at
        left = leaves_at is not None and leaves_at <= at
        old = not person.reader.newsletters and (books.alert(row).expires_at <= at or _causes(books, row, at))
        if not (newer or told or left or old or _is_so_no_more(books, person, row, at)):
            yield row.id, row.subscriber_id, at, row.reason


def _is_so_no_more(books: Books, person: Person, row: AlertReader, at: datetime) -> bool:
    """Whether the story came to meet none of the rules that fired, or to say what was known before."""
    newest = books.revision_at(row.story_id, at)
    if newest <= books.alert(row).revision:
        return False
    content, spread = books.contents[row.story_id, newest], books.spread(row.story_id, at)
    if not any(naive.meets(books.rules[rule], content, spread) for rule in row.rules):
        return True
    known = _knows(books, person, Look(row.decided_at, row.story_id, newest))
    told = _told(person, row.story_id, row.decided_at)
    before = {known, max(told, default=known)} - {None}
    return any(not naive.is_new(books.contents[row.story_id, one or 0], content) for one in before)


def held_without_a_cause(books: Books) -> Broken:
    """What is not kept back leaves in the moment at which it comes up, or when its cause is over."""
    for row in books.rows:
        states = books.month.seen.get(row.id, [])
        was_held = row.state == "mailed" and states and states[0][1] == "waiting"
        if was_held and not _causes(books, row, states[0][0]):
            yield row.id, row.subscriber_id, states, row.decided_at


def _causes(books: Books, row: AlertReader, at: datetime) -> list[str]:
    """Why the alert may be kept back at that moment."""
    person, alert = books.people[row.subscriber_id], books.alert(row)
    alerts = [(left, one) for left, one in person.handed if one.is_alert and left <= at]
    alerts = [(left, one) for left, one in alerts if one.row.edition_id != row.edition_id]
    found = []
    if naive.is_quiet(person.reader.choices, person.wall(at)):
        found.append("quiet")
    if any(at - left < GATHER for left, _ in alerts):
        found.append("gather")
    if any(at - left < STORY_REST and one.about(row.story_id) for left, one in alerts):
        found.append("story's rest")
    if any(at - left < COMPANY_REST and _shares(books, one, alert.companies) for left, one in alerts):
        found.append("company's rest")
    day = person.wall(at).date()
    today = sum(person.wall(left).date() == day for left, _ in person.handed if left <= at)
    if today >= person.reader.choices.mails_a_day:
        found.append("budget")
    beside = [one for one in person.rows if books.became(one, "mailed") == at]
    if len(beside) >= 10:
        found.append("full")
    letter = books.letter(row)
    if letter and not letter.is_told:
        found.append("its mail did not leave")
    return found


def _shares(books: Books, letter: Letter, companies: list[str]) -> bool:
    told = (books.contents[one.story_id, one.revision] for one in letter.tellings)
    return any(company.key in companies for content in told for company in content.companies)
