"""What becomes of each alert for each reader whom it concerns: nobody is lost, and nothing is held back
without a cause. Told from what the naive rules say of every story that came in."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from newsletter.models import AlertReader
from tests.alerting import naive
from tests.alerting.books import FRESH, LIFE, Books, Letter, Person
from tests.alerting.limits import Broken
from tests.alerting.month import Look
from tests.alerting.readers import Wishes


def _concerned(books: Books) -> Iterator[tuple[Look, int, bool]]:
    """Which look at a story concerns which reader, by one of their rules; and whether only by those that
    ask whether it leads."""
    for look in books.looks:
        if books.is_wrong(look.story_id, look.revision, look.at):
            continue
        content = books.contents[look.story_id, look.revision]
        spread = books.spread(look.story_id, look.at)
        met = {rule for rule in set(books.rules.values()) if naive.meets(rule, content, spread)}
        for number, person in books.people.items():
            wishes = person.at(look.at)
            mine = met.intersection(wishes.watched)
            if mine and wishes.alerts:
                yield look, number, all(rule.leads for rule in mine)


def knows(books: Books, person: Person, look: Look) -> int | None:
    """The newest revision that the reader was told, or spared, before the look; None for nothing."""
    known = [
        told.revision
        for letter in person.letters
        for told in letter.about(look.story_id)
        if told.tells
        and letter.queued_at < look.at
        and (letter.is_told or (letter.row.settled_at and letter.row.settled_at > look.at))
    ]
    came_up = [row for row in person.rows if row.story_id == look.story_id and row.decided_at < look.at]
    came_up.sort(key=lambda row: row.decided_at)
    while came_up and _is_as_if_it_had_never_come_up(books, came_up[-1], look.at):
        came_up.pop()
    known += [
        books.alert(row).revision if row.alert_id else books.revision_at(row.story_id, row.decided_at)
        for row in came_up
    ]
    return max(known, default=None)


def _is_as_if_it_had_never_come_up(books: Books, row: AlertReader, at: datetime) -> bool:
    """Whether it was dropped before for newer facts, or since what it told is so no more."""
    dropped_at = books.became(row, "dropped")
    without_a_word = row.reason in ("told with newer facts", "what was new in it is so no more")
    return without_a_word and dropped_at is not None and dropped_at < at


def is_doubtful(books: Books, person: Person, look: Look) -> bool:
    """A mail that tells it was frozen, or came to nothing, in the same moment, so either may have been first;
    or it says again what was said before something else was: whether that is news these rules cannot say."""
    about = [letter for letter in person.letters if letter.about(look.story_id)]
    if any(not letter.is_alert and letter.queued_at == look.at for letter in about):
        return True
    if any(not letter.is_told and letter.row.settled_at == look.at for letter in about):
        return True
    content = books.contents[look.story_id, look.revision]
    return any(
        not naive.is_new(books.contents[look.story_id, books.alert(row).revision], content)
        for row in person.rows
        if row.story_id == look.story_id and row.alert_id and row.decided_at < look.at
    )


def is_due(books: Books, person: Person, look: Look) -> bool:
    """Whether the reader is to be alerted of the story as it stands: new to what they were told, and to
    what they were spared since."""
    content = books.contents[look.story_id, look.revision]
    if naive.is_muted(person.at(look.at).lens, content):
        return False
    known = knows(books, person, look)
    if known is None:
        return look.at - books.first_seen[look.story_id] <= FRESH
    told = revisions_told(person, look.story_id, look.at)
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
        if is_due(books, person, look) and not is_doubtful(books, person, look):
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
        elif not is_due(books, person, look) and not is_doubtful(books, person, look):
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
        mine = books.people[row.subscriber_id].at(row.decided_at).watched
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
        if row.state == "mailed" and not (letter and _has_left(books, letter)):
            yield row.id, row.state, letter and (letter.row.state, letter.row.reason)
        if row.state == "mailed" and letter and not letter.about(row.story_id):
            yield row.id, "its mail does not tell it", letter.row.id


def _has_left(books: Books, letter: Letter) -> bool:
    """Whether it did, or was not taken just before the end, and waits for its next try."""
    comes_again = letter.row.state == "queued" and letter.row.due_at > books.month.end
    return comes_again or letter.row.state in ("accepted", "unknown")


def mails_without_rows(books: Books) -> Broken:
    """Each alert's mail tells what its rows name, and nothing else."""
    for letter in books.letters:
        if letter.is_alert and letter.is_told:
            named = {row.story_id for row in books.rows_of(letter) if row.state == "mailed"}
            if named != {told.story_id for told in letter.tellings}:
                yield letter.row.id, named, letter.tellings


def news_that_never_came(books: Books) -> Broken:
    """Whatever asked-for news broke, a mail has told it by the first digest that closes when it is no
    alert any more, whatever became of it in between."""
    for look, number, only_if_it_leads in _concerned(books):
        person = books.people[number]
        if only_if_it_leads or not is_due(books, person, look) or is_doubtful(books, person, look):
            continue
        late = look.at + LIFE
        digests = (
            one for one in person.digests if one.is_told and books.closed_at[one.row.occasion_id] > late
        )
        if (digest := next(digests, None)) is None:
            continue
        wished = person.between(look.at, digest.queued_at)
        if not _is_worth_telling(books, person, look.story_id, digest):
            continue
        if any(_wants_less(books, wishes, look) or _is_taken_back(books, wishes, look) for wishes in wished):
            continue
        told = revisions_told(person, look.story_id, digest.queued_at + LIFE)
        content = books.contents[look.story_id, look.revision]
        is_known = any(
            one >= look.revision or not naive.is_new(books.contents[look.story_id, one], content)
            for one in told
        )
        if not is_known and not books.is_wrong(look.story_id, look.revision, digest.queued_at):
            yield look, number, digest.row.id, told


def _wants_less(books: Books, wishes: Wishes, look: Look) -> bool:
    """Whether somebody who wants this may not be told the story any more."""
    content, spread = books.contents[look.story_id, look.revision], books.spread(look.story_id, look.at)
    asks = any(naive.meets(rule, content, spread) and not rule.leads for rule in wishes.watched)
    is_there = wishes.alerts and wishes.digests
    return not (asks and is_there) or naive.is_muted(wishes.lens, content)


def _is_taken_back(books: Books, wishes: Wishes, look: Look) -> bool:
    """Whether the story came, while it was an alert, to say what somebody who wants this did not ask for.

    Rules that ask whether it leads are left out: they may not have fired."""
    for later in books.looks:
        if later.story_id == look.story_id and look.at < later.at <= look.at + LIFE:
            content, spread = (
                books.contents[later.story_id, later.revision],
                books.spread(later.story_id, later.at),
            )
            if not any(naive.meets(rule, content, spread) and not rule.leads for rule in wishes.watched):
                return True
    return False


def folded_and_not_told(books: Books) -> Broken:
    """The next digest tells what was folded, if another mail did not, and it is still news and not muted."""
    for row in (*books.rows, *books.spared):
        folded_at = books.became(row, "folded")
        # every digest tells its readers of their corrections
        if row.state != "folded" or folded_at is None or (row.alert_id and books.alert(row).correction_id):
            continue
        person = books.people[row.subscriber_id]
        if not person.at(folded_at).digests:
            yield row.id, "folded for a reader without a digest"
        elif digest := _digest_that_left_it_out(books, person, row, folded_at):
            yield row.id, row.story_id, row.subscriber_id, folded_at, row.reason, digest.row.id


def _digest_that_left_it_out(
    books: Books, person: Person, row: AlertReader, folded_at: datetime
) -> Letter | None:
    """The first digest that should have told it, and did not."""
    since = _frozen_at(person, row)
    for digest in person.digests:
        closed_at = books.closed_at[digest.row.occasion_id]
        if closed_at < folded_at or not digest.is_told:
            continue
        if closed_at - folded_at >= LOOKS_BACK[str(digest.row.newsletter)]:
            return None  # none appeared for so long
        if any(not wishes.digests for wishes in person.between(folded_at, digest.queued_at)):
            return None  # none came in the meantime
        mails = (one for one in person.letters if since <= one.queued_at <= digest.queued_at)
        if any(_tells(one, row.story_id) for one in mails):
            return None
        if not _is_worth_telling(books, person, row.story_id, digest):
            return None
        return digest
    return None


#: how far back a digest looks at least for what was folded
LOOKS_BACK = {"daily": timedelta(days=7), "weekly": timedelta(days=14)}


def revisions_told(person: Person, story_id: int, at: datetime) -> list[int]:
    """The revisions that the reader was told before."""
    letters = [letter for letter in person.letters if letter.is_told and letter.queued_at < at]
    return [one.revision for letter in letters for one in letter.about(story_id) if one.tells]


def _is_worth_telling(books: Books, person: Person, story_id: int, digest: Letter) -> bool:
    """Whether the story as the digest knows it is not muted, and new to what the reader was told before; and
    not taken back before it was published, however late."""
    at = books.closed_at[digest.row.occasion_id]
    if any(_was_on_its_way(one, digest.queued_at) for one in person.digests if one.about(story_id)):
        return False
    revision = books.revision_at(story_id, at)
    content = books.contents[story_id, revision]
    told = revisions_told(person, story_id, at)
    is_new = not told or naive.is_new(books.contents[story_id, max(told)], content)
    is_right = not books.is_wrong(story_id, revision, digest.queued_at)
    return is_new and is_right and not naive.is_muted(person.at(digest.queued_at).lens, content)


def _was_on_its_way(letter: Letter, at: datetime) -> bool:
    """Whether it waited in the outbox then, and was held back only later: its stories are folded then."""
    settled_at = letter.row.settled_at
    if letter.row.state != "withheld" or settled_at is None:
        return False
    return letter.queued_at < at <= settled_at


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
