"""Readers: what decides about their alerts at one moment, read for many of them at once."""

from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.budget import mails_of_the_day
from newsletter.alerts.known import mailed_lately
from newsletter.alerts.sparing import Limits, Reader
from newsletter.newsletters import with_issues
from subscribers.among import one_of
from subscribers.models import Subscriber
from subscribers.roster import receives
from subscribers.watching import choices_of


def as_they_are(
    session: Session, zones: Mapping[int, ZoneInfo], limits: Limits, *, now: datetime
) -> dict[int, Reader]:
    """Each of the readers, whose zones these are."""
    choices, mails = choices_of(session, zones), mails_of_the_day(session, zones, now)
    longest = max(limits.story_rest, limits.company_rest, limits.gather)
    mailed = mailed_lately(session, zones, now - longest, now=now)
    reads = digest_readers(session, zones, now=now)
    found = {}
    for reader, zone in zones.items():
        left, waiting, kept = mails[reader]
        lately = tuple(mailed.get(reader, ()))
        found[reader] = Reader(choices[reader], zone, reader in reads, left + waiting, lately, kept)
    return found


def digest_readers(session: Session, readers: Collection[int], *, now: datetime) -> set[int]:
    """Those of the readers to whom digests come, into which something can be folded."""
    slugs = [newsletter.slug for newsletter in session.scalars(with_issues())]
    query = select(Subscriber.id).where(one_of(Subscriber.id, readers), receives(slugs, now=now))
    return set(session.scalars(query))
