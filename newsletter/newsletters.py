"""The newsletters as rows: brought in line with the publication file, and found by their slug."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.models import Newsletter
from newsletter.site import AlertSpec, NewsletterSpec, Site


def sync(session: Session, site: Site) -> list[str]:
    """Make the newsletters what the site says; returns what changed, in words.

    A newsletter that the site no longer names is not planned any more; its issues stay.
    """
    rows = {row.slug: row for row in session.scalars(select(Newsletter).with_for_update())}
    news = []
    for spec in site.offers:
        facts = _facts(spec)
        row = rows.get(spec.slug)
        if row is None:
            session.add(Newsletter(slug=spec.slug, **facts))
            news.append(f"{spec.slug}: added")
        elif changed := [name for name, value in facts.items() if getattr(row, name) != value]:
            for name in changed:
                setattr(row, name, facts[name])
            news.append(f"{spec.slug}: changed {', '.join(changed)}")
    for slug in rows.keys() - {spec.slug for spec in site.offers}:
        if rows[slug].active:
            rows[slug].active = False
            news.append(f"{slug}: no longer planned")
    session.flush()
    return news


class NoAlerts(LookupError):
    """This publication has no alerts."""

    def __init__(self) -> None:
        super().__init__("there are no alerts: write a table [alerts] into publication.toml, then migrate")


#: of a newsletter that has no issues
ALERT = "alert"
#: no hour means anything for it
_NO_TIMES = {
    "cadence": ALERT,
    "weekday": None,
    "timezone": "UTC",
    "cutoff": "00:00:00",
    "publish": "00:00:00",
    "lead_hours": 0,
    "catch_up_hours": 0,
    "policy": "send",
    "min_stories": 1,
    "default_hour": 0,
    "unknown_wait_hours": 0,
    "active": True,
}
_OF_ALERTS = {"name", "description", "unknown", "undo_minutes", "two_persons", "max_stories"}


def of_alerts(session: Session) -> Newsletter:
    """The alerts as they are subscribed to; NoAlerts where there are none."""
    alerts = session.scalars(select(Newsletter).where(Newsletter.cadence == ALERT, Newsletter.active)).first()
    if alerts is None:
        raise NoAlerts
    return alerts


def with_issues() -> Select[Newsletter]:
    """The newsletters that are published in issues now, in their order."""
    return ever_with_issues().where(Newsletter.active)


def ever_with_issues() -> Select[Newsletter]:
    """The same, and those that were once."""
    return select(Newsletter).where(Newsletter.cadence != ALERT).order_by(Newsletter.id)


def _facts(spec: NewsletterSpec | AlertSpec) -> dict[str, object]:
    if isinstance(spec, AlertSpec):
        return {**spec.model_dump(include=_OF_ALERTS), **_NO_TIMES}
    return {
        **spec.model_dump(exclude={"slug", "weekday", "cutoff", "publish"}),
        "weekday": spec.weekday_number,
        "cutoff": spec.cutoff.isoformat(),
        "publish": spec.publish.isoformat(),
        "active": True,
    }
