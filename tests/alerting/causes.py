"""Why an alert may be kept back, or be dropped: each has a cause that can be seen from outside, and what is
said of it is so."""

import re
from datetime import datetime

from newsletter.models import AlertReader
from tests.alerting import fates, naive
from tests.alerting.books import COMPANY_REST, GATHER, STORY_REST, Books, Letter, Person
from tests.alerting.limits import Broken
from tests.alerting.month import STEP, Look


def folded_without_a_cause(books: Books) -> Broken:
    """An alert is kept for the digest for a rest, a budget, a quiet, or because its mail could not leave."""
    for row in books.rows:
        at = books.became(row, "folded")
        if at and not causes(books, row, at) and not _ran_out(books, row, at):
            yield row.id, row.subscriber_id, at, row.reason


def _ran_out(books: Books, row: AlertReader, at: datetime) -> bool:
    """Whether it was too old by then, and kept back with a cause, or by an outage, until just before."""
    alert, before = books.alert(row), at - STEP
    is_out = any(begin <= alert.expires_at and before <= end for begin, end in books.month.outages)
    return alert.expires_at <= at and (is_out or bool(causes(books, row, before)))


def dropped_without_a_cause(books: Books) -> Broken:
    """An alert is dropped if it was told meanwhile, is not to be told any more, or is too old for those
    without a digest."""
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
        old = not person.at(at).digests and (books.alert(row).expires_at <= at or causes(books, row, at))
        if not (newer or told or old or _is_unwanted(books, row, at)):
            yield row.id, row.subscriber_id, at, row.reason


def _is_unwanted(books: Books, row: AlertReader, at: datetime) -> bool:
    """Whether nobody wants it to be told to the reader any more: not the editors, nor they themselves."""
    alert, wishes = books.alert(row), books.people[row.subscriber_id].at(at)
    content = books.contents[alert.story_id, books.revision_at(alert.story_id, at)]
    cancelled = books.month.newsroom.cancelled.get(alert.id)
    wrong = alert.kind != "correction" and books.is_wrong(alert.story_id, alert.revision, at)
    if (cancelled and cancelled <= at) or wrong or not wishes.alerts:
        return True
    if naive.is_muted(wishes.lens, content):
        return True
    if alert.kind == "editors":
        return not wishes.choices.from_editors
    if _says_nothing_new(books, row, at):
        return True
    held = [books.rules[number] for number in row.rules if books.rules[number] in wishes.watched]
    spread = books.spread(alert.story_id, at)
    return alert.kind == "rules" and not any(naive.meets(rule, content, spread) for rule in held)


def _says_nothing_new(books: Books, row: AlertReader, at: datetime) -> bool:
    """Whether the story came to say again what its reader knew before it came up."""
    newest, person = books.revision_at(row.story_id, at), books.people[row.subscriber_id]
    if newest <= books.alert(row).revision:
        return False
    known = fates.knows(books, person, Look(row.decided_at, row.story_id, newest))
    told = fates.revisions_told(person, row.story_id, row.decided_at)
    before = {known, max(told, default=known)} - {None}
    content = books.contents[row.story_id, newest]
    return any(not naive.is_new(books.contents[row.story_id, one or 0], content) for one in before)


def held_without_a_cause(books: Books) -> Broken:
    """What is not kept back leaves in the moment at which it comes up, or when its cause is over."""
    for row in books.rows:
        states = books.month.seen.get(row.id, [])
        was_held = row.state == "mailed" and states and states[0][1] == "waiting"
        if was_held and not causes(books, row, states[0][0]):
            yield row.id, row.subscriber_id, states, row.decided_at


def causes(books: Books, row: AlertReader, at: datetime) -> list[str]:
    """Why the alert may be kept back at that moment."""
    person, alert = books.people[row.subscriber_id], books.alert(row)
    # one that was repeated left twice, and may have come twice
    alerts = [(left, one) for left, one in person.every_mail if one.is_alert and left <= at]
    # what waits in the outbox is as good as left
    alerts += [(at, one) for one in person.alerts if one.waits(at)]
    alerts = [(left, one) for left, one in alerts if one.row.edition_id != row.edition_id]
    found = []
    choices = person.at(at).choices
    if naive.is_quiet(choices, person.wall(at)):
        found.append("quiet")
    if any(at - left < GATHER for left, _ in alerts):
        found.append("gather")
    if any(at - left < STORY_REST and one.about(row.story_id) for left, one in alerts):
        found.append("story's rest")
    if any(at - left < COMPANY_REST and _shares(books, one, alert.companies) for left, one in alerts):
        found.append("company's rest")
    day = person.wall(at).date()
    mails = {
        one.row.id for left, one in person.every_mail if left <= at and person.wall(left, at).date() == day
    }
    mails |= {one.row.id for one in person.alerts if one.waits(at)}
    if len(mails) + _is_kept(person, at) >= choices.mails_a_day:
        found.append("budget")
    beside = [one for one in person.rows if books.became(one, "mailed") == at]
    if len(beside) >= 10:
        found.append("full")
    letter = books.letter(row)
    if letter and not letter.is_told:
        found.append("its mail did not leave")
    return found


def _is_kept(person: Person, at: datetime) -> bool:
    """Whether the day's last place is kept for a digest: the one before was put off for alerts."""
    due = [one for one in person.digests if one.row.settled_at and one.row.settled_at <= at]
    last = max((one.row.due_at for one in due), default=None)
    return any(one.row.due_at == last and one.row.state == "withheld" for one in due)


def _shares(books: Books, letter: Letter, companies: list[str]) -> bool:
    told = (books.contents[one.story_id, one.revision] for one in letter.tellings)
    return any(company.key in companies for content in told for company in content.companies)


#: what a reason says → what must be so for it
_REASONS = (
    (r"^an alert (of this story|about .*) came less than", "rest"),
    (r"mails? today", "budget"),
    (r"^you want quiet now", "quiet"),
    (r"^another alert has just left", "gather"),
    (r"^the mail is full", "full"),
)


def reasons_that_are_not_so(books: Books) -> Broken:
    """What an alert was folded or dropped for was so at that moment."""
    for row in books.rows:
        at = books.became(row, "folded", "dropped")
        if at is None or row.reason is None:
            continue
        said = {cause for pattern, cause in _REASONS if re.search(pattern, row.reason)}
        true = causes(books, row, at) if said else ()
        if not all(any(cause in one for one in true) for cause in said):
            yield row.id, row.subscriber_id, at, row.reason
