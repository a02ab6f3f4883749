"""What readers are offered to choose from: the companies, topics and languages of late."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.models import CoverageEntry, Mention, Story

#: what counts as of late
LATELY = timedelta(days=30)
COMPANIES = 12


def companies(session: Session, *, now: datetime) -> list[str]:
    """The companies that most stories of the last 30 days mention, the most mentioned first."""
    rows = session.execute(
        select(func.max(Mention.name), func.count())
        .join(Story, Story.id == Mention.story_id)
        .where(Story.first_seen_at > now - LATELY)
        .group_by(Mention.company_key)
        .order_by(func.count().desc(), Mention.company_key)
        .limit(COMPANIES)
    )
    return [name for name, _ in rows]


def company_names(session: Session, keys: Collection[str]) -> dict[str, str]:
    """How the stories write these companies, by their key; those that none mentions are left out."""
    rows = session.execute(
        select(Mention.company_key, func.max(Mention.name))
        .where(Mention.company_key.in_(keys))
        .group_by(Mention.company_key)
    )
    return dict(rows.all())


def languages(session: Session, *, now: datetime) -> list[str]:
    """The primary subtags of the languages in which the stories of the last 30 days were reported."""
    found = session.scalars(
        select(CoverageEntry.language).where(CoverageEntry.first_seen_at > now - LATELY).distinct()
    )
    return sorted({tag.partition("-")[0].lower() for tag in found if tag})
