"""Dispatch: hand what is due to the provider, at most once each, and record what became of it.

    claim    consent is read again; who may not be mailed is withheld        COMMIT
    compose  the mail is joined; one that cannot be is refused, by name
    mark     submitting: from here on the mail may have left                 COMMIT
    hand over
    record   what the provider said                                          COMMIT

A worker that dies before the mark leaves a lease that runs out, and the mail is tried again; after
the mark it is *unknown* and never handed over blindly again. Every write names owner and attempt,
so a worker that slept through its lease can write nothing.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Engine

from newsletter.claims import claim, expire, mark, record, rescue
from newsletter.composition import CannotCompose, Claimed, Composer
from newsletter.mail import Mail, Misconfigured, Outcome, Provider, Verdict
from newsletter.models.delivery import DeliveryState
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import writing

log = structlog.get_logger()


@dataclass
class Dispatched:
    """What one run did: state → number of deliveries that came into it."""

    counts: Counter[str] = field(default_factory=Counter)
    #: why the provider took nothing more, if it did not
    stopped: str | None = None
    #: templates that fail: their mails wait until they are mended
    failing: set[str] = field(default_factory=set)


class Dispatcher:
    """One worker's hands. Any number of them may work on one database."""

    def __init__(self, engine: Engine, provider: Provider, composer: Composer) -> None:
        self._engine = engine
        self._provider = provider
        self._composer = composer
        self._owner = secrets.token_hex(8)

    def run(
        self,
        now: datetime,
        *,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int], object] = lambda _: None,
    ) -> Dispatched:
        """Hand over all that is due at `now`, batch by batch, until nothing is left or `stop()`.

        `progress` is called with the number of deliveries settled after each batch.
        """
        done = Dispatched()
        with writing(self._engine) as session:
            done.counts += rescue(session, now=now)
            done.counts += expire(session, now=now)
        while not stop() and done.stopped is None:
            with writing(self._engine) as session:
                claimed, withheld = claim(session, self._provider.max_batch, self._owner, now=now)
            done.counts += Counter({str(DeliveryState.WITHHELD): withheld})
            if not claimed and not withheld:
                break
            self._hand_over(claimed, done, now)
            progress(len(claimed) + withheld)
        return done

    def _hand_over(self, claimed: Sequence[Claimed], done: Dispatched, now: datetime) -> None:
        mails, unmade = self._compose(claimed, done)
        fences = {one.delivery_id: one.attempt for one in claimed}
        with writing(self._engine) as session:
            done.counts += record(session, unmade, fences, self._owner, self._provider.name, now=now)
            marked = mark(session, [mail.delivery_id for mail in mails], self._owner)
        mails = [mail for mail in mails if mail.delivery_id in marked]
        if not mails:
            return
        try:
            outcomes = self._provider.hand_over(mails)
        except Misconfigured as error:
            done.stopped = str(error)
            outcomes = {m.delivery_id: Outcome(Verdict.NOT_TAKEN, str(error)) for m in mails}
        except Exception as error:
            # whatever broke, the mails may have left: only evidence may say otherwise
            log.exception("hand_over_broke", provider=self._provider.name, mails=len(mails))
            reason = f"the hand-over broke: {type(error).__name__}"
            outcomes = {m.delivery_id: Outcome(Verdict.UNKNOWN, reason) for m in mails}
        with writing(self._engine) as session:
            done.counts += record(session, outcomes, fences, self._owner, self._provider.name, now=now)
        if all(outcome.verdict is Verdict.NOT_TAKEN for outcome in outcomes.values()):
            done.stopped = done.stopped or next(iter(outcomes.values())).reason or "nothing was taken"
            log.warning("provider_takes_nothing", provider=self._provider.name, reason=done.stopped)

    def _compose(self, claimed: Sequence[Claimed], done: Dispatched) -> tuple[list[Mail], dict[int, Outcome]]:
        """The mails that can be made; and what becomes of the others, which harm none of them."""
        mails, unmade = [], {}
        for one in claimed:
            try:
                mails.append(self._composer.mail(one))
            except CannotCompose as error:
                log.error("mail_cannot_be_composed", delivery=one.delivery_id, reason=str(error))
                unmade[one.delivery_id] = Outcome(Verdict.REFUSED, str(error))
            except RenderError as error:
                # our own fault, and not the reader's: the mail waits until it is mended
                log.error("template_fails", delivery=one.delivery_id, reason=str(error))
                done.failing.add(str(error))
                unmade[one.delivery_id] = Outcome(Verdict.NOT_TAKEN, str(error))
        return mails, unmade
