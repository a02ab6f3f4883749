"""What no reader may be sent: each promise, and to whom it was broken. Told from the mails alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise, takewhile
from operator import itemgetter

from tests.alerting import naive
from tests.alerting.books import COMPANY_REST, GATHER, LIFE, STORY_REST, Books, Letter, Person, Telling

Broken = Iterator[object]


def _corrects(books: Books, letter: Letter) -> bool:
    """Whether it is the mail of a correction, whom no rest keeps back."""
    return any(books.alert(row).kind == "correction" for row in books.rows_of(letter))


#: what may lie between two moments of one day, be it that its reader moves to another zone meanwhile
_A_DAY_AT_MOST = timedelta(hours=52)


def more_mails_than_chosen(books: Books) -> Broken:
    for number, person in books.people.items():
        mails = sorted(person.every_mail, key=itemgetter(0))
        for place, (at, letter) in enumerate(mails):
            today = person.wall(at).date()
            before = takewhile(partial(_is_near, at), reversed(mails[: place + 1]))
            # one that is repeated since nobody knows whether it was taken is one mail
            of_today = {one.row.id for then, one in before if person.wall(then, at).date() == today}
            if len(of_today) > person.at(at).choices.mails_a_day:
                yield number, at, letter.row.kind, of_today, person.at(at).choices.mails_a_day


def _is_near(at: datetime, mail: tuple[datetime, Letter]) -> bool:
    return mail[0] > at - _A_DAY_AT_MOST


def alerts_in_the_quiet(books: Books) -> Broken:
    for number, person in books.people.items():
        for at, letter in person.every_mail:
            choices = person.at(at).choices
            if letter.is_alert and naive.is_quiet(choices, person.wall(at)):
                told = [books.contents[one.story_id, one.revision] for one in letter.tellings]
                if choices.in_quiet != "highest" or not naive.is_high(told):
                    yield number, letter.row.id, person.wall(at), choices


def alerts_that_were_not_gathered(books: Books) -> Broken:
    for number, person in books.people.items():
        alerts = [(at, letter) for at, letter in person.handed if letter.is_alert]
        for (before, one), (after, other) in pairwise(alerts):
            if after - before < GATHER and other is not one:
                yield number, one.row.id, other.row.id, before, after


def _pairs(person: Person) -> Iterator[tuple[Letter, Letter, timedelta]]:
    """Any two different alerts that the reader got, and what time lies between them."""
    alerts = [(at, letter) for at, letter in person.handed if letter.is_alert]
    for place, (before, one) in enumerate(alerts):
        for after, other in alerts[place + 1 :]:
            if other is not one:
                yield one, other, after - before


def stories_without_rest(books: Books) -> Broken:
    for number, person in books.people.items():
        for one, other, span in _pairs(person):
            both = {told.story_id for told in one.tellings} & {told.story_id for told in other.tellings}
            if both and span < STORY_REST and not _corrects(books, other):
                yield number, one.row.id, other.row.id, both, span


def companies_without_rest(books: Books) -> Broken:
    for number, person in books.people.items():
        for one, other, span in _pairs(person):
            if span < COMPANY_REST and not _corrects(books, other):
                both = _companies(books, one) & _companies(books, other)
                if both:
                    yield number, one.row.id, other.row.id, both, span


def _companies(books: Books, letter: Letter) -> set[str]:
    return {
        company.key
        for told in letter.tellings
        for company in books.contents[told.story_id, told.revision].companies
    }


def stories_told_again_without_news(books: Books) -> Broken:
    """Over digests and alerts, in the order in which they were frozen."""
    for number, person in books.people.items():
        knows: dict[int, int] = {}
        for letter in person.letters:
            if not letter.is_told:
                continue
            for told in letter.tellings:
                before = knows.get(told.story_id)
                if (
                    before is not None
                    and told.tells
                    and not _is_new(books, told.story_id, before, told.revision)
                ):
                    yield number, letter.row.id, told, before
            knows |= {told.story_id: told.revision for told in letter.tellings if told.tells}


def _is_new(books: Books, story_id: int, before: int, after: int) -> bool:
    return after > before and naive.is_new(books.contents[story_id, before], books.contents[story_id, after])


def stories_twice_in_a_mail(books: Books) -> Broken:
    for letter in books.letters:
        stories = [told.story_id for told in letter.tellings if told.form != "correction"]
        if len(stories) != len(set(stories)):
            yield letter.row.id, letter.row.subscriber_id, letter.tellings


def alerts_of_what_is_so_no_more(books: Books) -> Broken:
    """When it is frozen, what the story says by then still meets a rule that fired, and is still new to
    whoever was told it before."""
    for number, person in books.people.items():
        for letter in person.alerts:
            for row in books.rows_of(letter):
                newest = books.revision_at(row.story_id, letter.queued_at)
                if books.alert(row).kind != "rules" or newest <= books.alert(row).revision:
                    continue
                content = books.contents[row.story_id, newest]
                spread = books.spread(row.story_id, letter.queued_at)
                before = [
                    told.revision
                    for one in person.letters
                    if one.is_told and one.queued_at < letter.queued_at
                    for told in one.about(row.story_id)
                    if told.tells
                ]
                is_met = any(naive.meets(books.rules[rule], content, spread) for rule in row.rules)
                if not is_met or (before and not _is_new(books, row.story_id, max(before), newest)):
                    yield number, letter.row.id, row.id, newest


def alerts_that_came_too_late(books: Books) -> Broken:
    for letter in books.letters:
        for mail in letter.left:
            if mail.at > letter.row.expires_at:
                yield letter.row.id, mail.at, letter.row.expires_at
            for row in books.rows_of(letter) if letter.is_alert else ():
                alert = books.alert(row)
                since = alert.release_at or alert.made_at
                if mail.at > alert.expires_at or alert.expires_at > since + LIFE:
                    yield letter.row.id, mail.at, alert.id, since, alert.expires_at


def muted_stories(books: Books) -> Broken:
    for number, person in books.people.items():
        for letter in person.letters:
            for told in letter.tellings:
                content = books.contents[told.story_id, told.revision]
                if told.tells and naive.is_muted(person.at(letter.queued_at).lens, content):
                    yield number, letter.row.id, letter.row.kind, letter.queued_at, told


def mails_after_leaving(books: Books) -> Broken:
    for number, person in books.people.items():
        for at, letter in person.every_mail:
            wishes = person.at(at)
            if not (wishes.alerts if letter.is_alert else letter.row.newsletter in wishes.digests):
                yield number, letter.row.id, letter.row.newsletter, at, wishes.away


def mails_twice(books: Books) -> Broken:
    for letter in books.letters:
        if len(letter.left) > 1 + letter.row.repeats:
            yield letter.row.id, letter.row.kind, letter.row.repeats, len(letter.left)


#: folds that a digest names, beyond those in its places; and lines
MOST_FOLDS, MOST_LINES = 30, 40


def mails_that_do_not_say_their_stories(books: Books) -> Broken:
    """Each edition once; a title is found in the words of its mail's text. Of many folds and lines it says
    how many more there are."""
    seen = set()
    for letter in books.letters:
        if not letter.left or letter.row.edition_id in seen:
            continue
        seen.add(letter.row.edition_id)
        text = naive.plain(letter.left[0].content.text)
        unbroken = text.replace(" ", "")
        folds = [told for told in letter.tellings if told.form == "fold"]
        lines = [told for told in letter.tellings if told.is_line]
        unnamed = [*folds[MOST_FOLDS:], *lines[MOST_LINES:]]
        for more in filter(None, (len(folds[MOST_FOLDS:]), len(lines[MOST_LINES:]))):
            if f" and {more} more {'story' if more == 1 else 'stories'} " not in text:
                yield letter.row.id, more
        for told in letter.tellings:
            title = naive.plain(books.contents[told.story_id, told.revision].title)
            is_named = told.form != "correction" and told not in unnamed
            # a title without blanks is broken anywhere
            if is_named and title[:40].replace(" ", "") not in unbroken:
                yield letter.row.id, told, title


def wrong_lines(books: Books) -> Broken:
    """A line says that the reader heard of a story: by an alert, not yet said, and as they chose."""
    for number, person in books.people.items():
        heard: dict[int, datetime] = {}
        for letter in person.letters:
            if letter.is_alert and letter.is_told:
                heard |= {told.story_id: letter.queued_at for told in letter.tellings}
            for told in () if letter.is_alert else letter.tellings:
                if told.is_line and told.story_id not in heard:
                    yield number, letter.row.id, told, "heard of by no alert, or said before"
                if told.is_line and person.at(letter.queued_at).choices.afterwards == "nothing":
                    yield number, letter.row.id, told, "wants no lines"
                if letter.is_told and told.form != "correction":
                    heard.pop(told.story_id, None)


#: for how long a daily is sure to have the story among its own
LATELY = timedelta(days=2)


def lines_that_are_missing(books: Books) -> Broken:
    """Whoever wants lines finds each alerted story in the next digest: told again, or named in a line."""
    for number, person in books.people.items():
        for letter in person.alerts:
            closed = ((books.closed_at[one.row.occasion_id], one) for one in person.digests if one.is_told)
            digest = next((one for closed_at, one in closed if closed_at > letter.queued_at), None)
            if digest is None or digest.queued_at > letter.queued_at + LATELY:
                continue
            wants_lines = person.at(digest.queued_at).choices.afterwards == "line"
            for told in letter.tellings if wants_lines and letter.row.state == "accepted" else ():
                if told.tells and _has_no_line(books, person, letter, told, digest):
                    yield number, letter.row.id, told, digest.row.id


def _has_no_line(books: Books, person: Person, letter: Letter, told: Telling, digest: Letter) -> bool:
    """Whether no mail from then on up to the digest says a word of it, though one may."""
    at = digest.queued_at
    content = books.contents[
        told.story_id, books.revision_at(told.story_id, books.closed_at[digest.row.occasion_id])
    ]
    if books.is_wrong(told.story_id, told.revision, at) or naive.is_muted(person.at(at).lens, content):
        return False
    since = [one for one in person.letters if one is not letter and letter.queued_at <= one.queued_at <= at]
    return not any(one.about(told.story_id) for one in since)


def digests_held_back_without_a_cause(books: Books) -> Broken:
    """A digest stays away from its reader only when the mails of their day are used up."""
    for number, person in books.people.items():
        for letter in person.digests:
            if letter.row.state != "withheld" or letter.row.settled_at is None:
                continue
            settled_at, wishes = letter.row.settled_at, person.at(letter.row.settled_at)
            day = person.wall(settled_at).date()
            # one that was repeated may have come on either day
            mails = {one.row.id for at, one in person.every_mail if person.wall(at, settled_at).date() == day}
            stays = letter.row.newsletter in wishes.digests
            if stays and len(mails) < wishes.choices.mails_a_day:
                yield number, letter.row.id, letter.row.reason, day, mails


def digests_lost(books: Books) -> Broken:
    """What a digest would have told that was held back for the budget is folded."""
    for number, person in books.people.items():
        for letter in person.digests:
            if letter.row.state == "withheld" and letter.row.reason == "the day's mails are used up":
                spared = {
                    row.story_id
                    for row in person.rows
                    if row.alert_id is None and row.decided_at == letter.row.settled_at
                }
                for told in letter.tellings:
                    if told.tells and told.story_id not in spared:
                        yield number, letter.row.id, told
