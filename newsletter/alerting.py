"""Alerting: from a story that came in to mails in the outbox, at one stroke. Any number may strike it.

    release  editors' alerts whose time has come
    look     which rules does a story with news meet?
    spread   to whom of their readers is it news? Of each alert a portion
    render   the parts of their mails, while nobody waits for it
    mail     one mail for each reader, or it waits, or the next digest tells it
    mend     what did not leave after all

It goes round from look to mail until every alert has reached all its readers, so that neither the first
mail of an alert nor a story that comes in meanwhile waits for the last reader of a large one. Each step,
and each portion of it, is a transaction by itself; what a dead machine left is taken up by the next
stroke. A story or an alert that brings out a fault keeps back none of the others.
"""

from collections import Counter
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, exists, or_, select

from newsletter.alert_desk.letting_go import release_due
from newsletter.alerts import looking, mailing, setbacks
from newsletter.alerts.mending import mend, to_mend
from newsletter.alerts.pieces import alert_limits, compile_pieces, to_json
from newsletter.alerts.sparing import Limits
from newsletter.alerts.spreading import CHUNK, FIRST, spread
from newsletter.models import Alert, AlertReader, Story
from newsletter.models.alert import AlertReaderState, AlertState, of_state
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import DATABASE_TROUBLE, give_way, reading, writing
from newsletter.wiring import Services

log = structlog.get_logger()


def strike(services: Services, now: datetime) -> Counter[str]:
    """All of it, until nothing is due any more; returns the numbers by what became of it."""
    done: Counter[str] = Counter()
    if services.site.alerts is None or not _any(services, _anything(now)):
        return done
    limits = alert_limits(services.site.alerts)
    _release(services, now)
    more = True
    while more:
        _look(services, limits, now)
        more = _spread(services, limits, now)
        _render_ahead(services, now)
        done += _mail(services, services.site.alerts.slug, limits, now)
        if more:
            # its first mails leave meanwhile
            give_way(services.engine)
    done["mended"] += _mend(services, now)
    return +done


def _anything(now: datetime) -> ColumnElement[bool]:
    """Whether there is anything to do: one question, since it is asked each second."""
    return or_(
        exists().where(Alert.state == AlertState.SPREADING),
        exists().where(Alert.state == AlertState.APPROVED),
        exists().where(Story.watched < Story.revision),
        exists().where(*looking.uncorrected(now)),
        exists().where(*_due(now)),
        exists().where(*to_mend(now)),
    )


def _release(services: Services, now: datetime) -> None:
    if not _any(services, exists().where(Alert.state == AlertState.APPROVED)):
        return
    with writing(services.engine) as session:
        news = release_due(session, now=now)
    for line in news:
        log.info("alert_released", what=line)


def _look(services: Services, limits: Limits, now: datetime) -> None:
    if _any(services, exists().where(*looking.uncorrected(now))):
        with writing(services.engine) as session:
            looking.look_for_corrections(session, limits, now=now)
    portion = looking.PORTION
    while _any(services, exists().where(Story.watched < Story.revision)):
        try:
            with writing(services.engine) as session:
                if not looking.look(session, limits, now=now, portion=portion):
                    return
        except DATABASE_TROUBLE:
            raise
        except Exception:
            if portion == 1:
                with writing(services.engine) as session:
                    story_id = setbacks.pass_over_first(session)
                log.exception("story_broke", story=story_id)
            # one by one, until it stands alone
            portion = 1


def _spread(services: Services, limits: Limits, now: datetime) -> bool:
    """A portion of each alert, so that none waits for the others; whether any has readers left."""
    with reading(services.engine) as session:
        spreading = select(Alert.id).where(Alert.state == AlertState.SPREADING)
        # those that begin, with a small one, before those that are large
        ids = session.scalars(spreading.order_by(Alert.reached > 0, Alert.id)).all()
    left = False
    for alert_id in ids:
        try:
            with writing(services.engine) as session:
                alert = session.get_one(Alert, alert_id)
                chunk = CHUNK if alert.reached else FIRST
                left |= spread(session, alert, limits, now=now, chunk=chunk)
        except DATABASE_TROUBLE:
            raise
        except Exception as error:
            log.exception("alert_broke", alert=alert_id)
            with writing(services.engine) as session:
                setbacks.end(session, alert_id, f"it brings out a fault of ours ({type(error).__name__})")
    return left


def _render_ahead(services: Services, now: datetime) -> None:
    """Compile the parts of what is about to be mailed, while nobody waits for this transaction."""
    with reading(services.engine) as session:
        due = select(AlertReader.alert_id).where(*_due(now))
        # those alone are looked at, of all that there ever were
        alerts = session.scalars(
            select(Alert).where(Alert.id.in_(due), Alert.pieces == {}).order_by(Alert.id)
        ).all()
        for alert in alerts:
            try:
                pieces = to_json(compile_pieces(session, alert, services.renderer))
            except (
                RenderError,
                ArithmeticError,
                AttributeError,
                LookupError,
                TypeError,
                ValueError,
            ) as error:
                log.exception("alert_cannot_be_rendered", alert=alert.id)
                with writing(services.engine) as setback:
                    setbacks.postpone(setback, alert.id, f"cannot be rendered: {error}", now=now)
                continue
            with writing(services.engine) as keeping:
                keeping.get_one(Alert, alert.id, with_for_update={"of": Alert}).pieces = pieces


def _mail(services: Services, slug: str, limits: Limits, now: datetime) -> Counter[str]:
    done: Counter[str] = Counter()
    portion = mailing.PORTION
    while _any(services, exists().where(*_due(now))):
        try:
            with writing(services.engine) as session:
                mailed = mailing.mail_due(session, slug, limits, now=now, portion=portion)
                if mailed.mails:
                    services.wake(session)
        except DATABASE_TROUBLE:
            raise
        except Exception as error:
            if portion == 1:
                fault = f"it brings out a fault of ours ({type(error).__name__})"
                with writing(services.engine) as session:
                    setbacks.postpone_first(session, fault, now=now)
                log.exception("alert_mail_broke")
            portion = 1
            continue
        if mailed.nothing:
            break
        done["mails"] += mailed.mails
        done += mailed.became
        if mailed.became.total() >= portion:
            give_way(services.engine)
    return done


def _mend(services: Services, now: datetime) -> int:
    """Portion by portion, until all is mended."""
    mended = 0
    while _any(services, exists().where(*to_mend(now))):
        with writing(services.engine) as session:
            portion = mend(session, now=now)
        if not portion:
            break
        mended += portion
    return mended


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return of_state(AlertReaderState.WAITING), AlertReader.due_at <= now


def _any(services: Services, asked: ColumnElement[bool]) -> bool:
    """Whether there is anything to do: a look for which nobody waits."""
    with reading(services.engine) as session:
        return bool(session.scalar(select(asked)))
