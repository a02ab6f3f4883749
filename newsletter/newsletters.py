"""The newsletters as rows: brought in line with the publication file, and found by their slug."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.models import Newsletter
from newsletter.site import NewsletterSpec, Site


def sync(session: Session, site: Site) -> list[str]:
    """Make the newsletters what the site says; returns what changed, in words.

    A newsletter that the site no longer names is not planned any more; its issues stay.
    """
    rows = {row.slug: row for row in session.scalars(select(Newsletter).with_for_update())}
    news = []
    for spec in site.newsletters:
        facts = _facts(spec)
        row = rows.get(spec.slug)
        if row is None:
            session.add(Newsletter(slug=spec.slug, **facts))
            news.append(f"{spec.slug}: added")
        elif changed := [name for name, value in facts.items() if getattr(row, name) != value]:
            for name in changed:
                setattr(row, name, facts[name])
            news.append(f"{spec.slug}: changed {', '.join(changed)}")
    for slug in rows.keys() - {spec.slug for spec in site.newsletters}:
        if rows[slug].active:
            rows[slug].active = False
            news.append(f"{slug}: no longer planned")
    session.flush()
    return news


def _facts(spec: NewsletterSpec) -> dict[str, object]:
    return {
        **spec.model_dump(exclude={"slug", "weekday", "cutoff", "publish"}),
        "weekday": spec.weekday_number,
        "cutoff": spec.cutoff.isoformat(),
        "publish": spec.publish.isoformat(),
        "active": True,
    }
