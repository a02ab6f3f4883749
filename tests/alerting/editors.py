"""What editors do, and to whom it comes: an alert that they aimed, and word of what was told wrong."""

from collections.abc import Iterator

from tests.alerting import fates
from tests.alerting.acts import Wrong
from tests.alerting.books import Books, Letter, Person
from tests.alerting.limits import Broken
from tests.alerting.month import Look


def meant_and_without_a_row(books: Books) -> Broken:
    """Whomever the editors meant, and who does not know the story, has a row; nobody else has."""
    for number, aim in books.month.newsroom.aims.items():
        alert, at = books.alerts[number], books.month.released.get(number)
        rows = {row.subscriber_id: row for row in books.rows if row.alert_id == number}
        if at is None:
            # taken back, too late, or overtaken by newer facts before its time
            if rows:
                yield number, alert.state, len(rows), "was never released"
            continue
        look = Look(at, alert.story_id, alert.revision)
        for reader, person in books.people.items():
            wishes = person.at(at)
            meant = wishes.alerts and wishes.choices.from_editors and aim.means(wishes)
            if reader in rows and not meant:
                yield number, reader, at, "was not meant"
            if not meant or fates.is_doubtful(books, person, look) or _waits(person, look):
                continue
            if fates.is_due(books, person, look) != (reader in rows):
                yield number, reader, at, reader in rows


def _waits(person: Person, look: Look) -> bool:
    """Whether something that was not told yet is all that they know of it, or comes in the same moment."""
    rows = [row for row in person.rows if row.story_id == look.story_id and row.decided_at <= look.at]
    return any(row.state == "waiting" or row.due_at >= look.at or row.decided_at == look.at for row in rows)


def editors_alerts_to_who_wants_none(books: Books) -> Broken:
    for number, person in books.people.items():
        for letter in person.alerts:
            for at in [mail.at for mail in letter.left]:
                kinds = {books.alert(row).kind for row in books.rows_of(letter)}
                if kinds == {"editors"} and not person.at(at).choices.from_editors:
                    yield number, letter.row.id, at


def cancelled_and_told(books: Books) -> Broken:
    """What editors stopped is in no mail that left after."""
    for letter in books.letters:
        for row in books.rows_of(letter) if letter.is_alert else ():
            cancelled = books.month.newsroom.cancelled.get(row.alert_id or 0)
            first = min((mail.at for mail in letter.left), default=None)
            if cancelled and first and first > cancelled:
                yield letter.row.id, row.alert_id, cancelled, first


def wrong_and_told(books: Books) -> Broken:
    """What is known to be wrong is told by no mail that is made after."""
    for number, person in books.people.items():
        for letter in person.letters:
            for told in letter.tellings:
                # a digest takes in what was known as it closed
                at = letter.queued_at if letter.is_alert else books.closed_at[letter.row.occasion_id]
                if told.tells and books.is_wrong(told.story_id, told.revision, at):
                    yield number, letter.row.id, letter.row.kind, letter.queued_at, told


def told_wrong_and_not_corrected(books: Books) -> Broken:
    """Whoever an alert told what is wrong, and who still gets alerts, hears that it was; and nobody else."""
    for wrong in books.wrongs:
        rows = {
            row.subscriber_id for row in books.rows if books.alert(row).correction_id == wrong.correction_id
        }
        for number, person in books.people.items():
            told = [letter for letter in _wrongly(person, wrong) if letter.queued_at < wrong.at]
            by_alert = any(letter.is_alert and letter.is_told for letter in told)
            hears = by_alert and person.at(wrong.at).alerts
            if hears and number not in rows:
                yield number, wrong, "hears nothing of it"
            if number in rows and not told:
                yield number, wrong, "was told nothing wrong"


def _wrongly(person: Person, wrong: Wrong) -> Iterator[Letter]:
    for letter in person.letters:
        if any(
            one.tells and one.story_id == wrong.story_id and one.revision <= wrong.revision
            for one in letter.tellings
        ):
            yield letter


def corrected_twice(books: Books) -> Broken:
    """Everybody hears of a correction once."""
    for number, person in books.people.items():
        heard: dict[tuple[int, str], int] = {}
        for letter in person.letters:
            for told in letter.tellings if letter.is_told else ():
                if told.piece.startswith("correction/") or told.form == "correction":
                    if before := heard.get((told.story_id, "")):
                        yield number, before, letter.row.id, told
                    heard[told.story_id, ""] = letter.row.id
