"""The dispatcher: claim, hand over, settle.

    claim    consent is read again; who may not be mailed is withheld        COMMIT
    compose  the mails are joined; one that cannot be is refused, by name
    mark     submitting: from here on these mails may have left              COMMIT
    hand over
    record   what the provider said; and mark the next portion               COMMIT

A worker that dies before the mark leaves a lease that runs out, and the mail is tried again; after
the mark it is *unknown* and never handed over blindly again. So a claim is large, which spares
commits, and a portion is small, since as many mails are in doubt when a machine dies.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from newsletter.composition import CannotCompose, Claimed, Composer
from newsletter.dispatch import gates
from newsletter.dispatch.claims import Claim, Worker, claim
from newsletter.dispatch.refusals import Refusals
from newsletter.dispatch.settling import mark, record, release
from newsletter.dispatch.tidying import tidy
from newsletter.mail import Halted, Mail, Misconfigured, Outcome, Provider, Verdict
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import DATABASE_TROUBLE, writing

log = structlog.get_logger()

Stop = Callable[[], bool]
Written = TypeVar("Written")
#: why the provider takes nothing more
Trouble = Halted | Misconfigured


@dataclass(frozen=True, slots=True)
class Limits:
    #: mails in one claim, at most
    per_claim: int = 1_000
    #: mails in one portion: so many are in doubt when a machine dies while it hands them over
    in_doubt: int = 1_000
    #: for how long a claim or a portion holds without a sign of life
    lease: timedelta = timedelta(seconds=120)


#: seconds before the provider is asked again whether what only a person can mend is mended
BETWEEN_CHECKS = 60
#: seconds before outcomes that could not be written are written again
BETWEEN_WRITES = 1
#: mails in the first claim, when nobody knows yet how fast they leave
FIRST_CLAIM = 10
#: a claim is sized so that its mails leave within about so many seconds: a letter waits no longer. Where
#: the server has become slow meanwhile, what has not left after twice as many is given back
BRISK = 4.0


@dataclass
class Dispatched:
    """What was done: state → number of deliveries that came into it."""

    counts: Counter[str] = field(default_factory=Counter)
    #: why no more leaves for now, if so
    stopped: str | None = None
    #: the same where nothing is wrong: a pace is used up
    waiting: str | None = None
    #: templates that fail: their mails wait until they are mended
    failing: set[str] = field(default_factory=set)
    #: mails claimed, handed over or not
    claimed: int = 0


class Dispatcher:
    """One worker's hands, for one thread. Any number of them may work on one database."""

    def __init__(
        self,
        engine: Engine,
        provider: Provider,
        composer: Composer,
        *,
        sender: str,
        alert_sender: str,
        limits: Limits,
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._composer = composer
        self._portion = min(limits.in_doubt, provider.max_batch)
        self._per_claim = max(limits.per_claim, self._portion)
        self._size = min(FIRST_CLAIM, self._per_claim)
        self._next_check = 0.0
        self._refusals = Refusals()
        self._worker = Worker(
            owner=secrets.token_hex(8),
            provider=provider.name,
            ways=gates.ways(provider.name, sender),
            alert_ways=gates.ways(provider.name, alert_sender),
            lease=limits.lease,
        )

    def run(
        self,
        now: datetime,
        *,
        stop: Stop = lambda: False,
        progress: Callable[[int], object] = lambda _: None,
    ) -> Dispatched:
        """Hand over all that is due at `now`, claim by claim, until nothing is left or `stop()`.

        `progress` is called with the number of deliveries settled after each claim.
        """
        done = Dispatched()
        with writing(self._engine) as session:
            done.counts += tidy(session, now=now)
        while not stop() and done.stopped is None:
            before = done.counts.total()
            if not self.step(now, done, stop):
                break
            progress(done.counts.total() - before)
        return done

    def step(self, now: datetime, done: Dispatched, stop: Stop = lambda: False) -> bool:
        """Claim once, and hand that over; whether anything was there to do."""
        began = time.monotonic()
        found = self._claim(now)
        if found.passage.until_mended and self._is_mended():
            found = self._claim(now)
        done.counts += found.settled
        done.claimed += len(found.mails)
        if found.passage.after_closing:
            self._refusals.doubt()
        if found.mails:
            handed = self._hand_over(found, done, now, stop)
            if done.stopped is None and not self._refusals.blocked:
                self._resize(found, handed, time.monotonic() - began)
        elif found.passage.closed:
            done.stopped = found.passage.waiting
        else:
            done.waiting = found.passage.waiting
        return bool(found.mails or found.settled or found.passage.postponed)

    def _claim(self, now: datetime) -> Claim:
        with writing(self._engine) as session:
            return claim(session, self._size, self._worker, now=now)

    def _is_mended(self) -> bool:
        """Ask the provider, now and then, whether it takes our mail again; then its gate opens."""
        if time.monotonic() < self._next_check:
            return False
        self._next_check = time.monotonic() + BETWEEN_CHECKS
        try:
            self._provider.check()
        except Misconfigured:
            return False
        with writing(self._engine) as session:
            gates.reopen(session, gates.provider_way(self._provider.name))
        log.info("provider_takes_mail_again", provider=self._provider.name)
        return True

    def _resize(self, found: Claim, handed: int, seconds: float) -> None:
        """Learn from a claim that was too slow; and from a full one, however quick."""
        if seconds > BRISK or len(found.mails) + found.settled.total() == self._size:
            wanted = int(min(handed * BRISK / max(seconds, 0.001), 4 * self._size))
            self._size = max(1, min(self._per_claim, wanted))

    def _hand_over(self, found: Claim, done: Dispatched, now: datetime, stop: Stop) -> int:
        """Portion by portion; returns how many mails were not given back."""
        deadline = time.monotonic() + self._worker.lease.total_seconds() / 2
        mails, outcomes = self._compose(found.mails, done)
        waiting = {mail.delivery_id for mail in mails}
        begin_by = time.monotonic() + 2 * BRISK
        trouble: Trouble | None = None

        def enough() -> bool:
            return stop() or time.monotonic() > deadline

        left = iter(mails)
        while True:
            ended = trouble or enough() or time.monotonic() > begin_by
            portion = [] if ended else list(islice(left, self._refusals.most(self._portion)))
            write = partial(self._settle, found, outcomes, portion, waiting, trouble, now)
            settled, marked = self._persist(write) if outcomes else write()
            done.counts += settled
            if not portion:
                break
            outcomes, trouble = self._offer([m for m in portion if m.delivery_id in marked], enough)
            waiting -= outcomes.keys()
            waiting -= {mail.delivery_id for mail in portion} - marked
        done.stopped = _words(trouble) if trouble else None
        return len(found.mails) - len(waiting)

    def _settle(
        self,
        found: Claim,
        outcomes: Mapping[int, Outcome],
        portion: Sequence[Mail],
        waiting: Collection[int],
        trouble: Trouble | None,
        now: datetime,
    ) -> tuple[Counter[str], set[int]]:
        """One commit: what became of the last portion, and the mark of the next, or the end.

        Returns the numbers by state, and which mails of the next portion are still ours.
        """
        owner = self._worker.owner
        with writing(self._engine) as session:
            settled = record(session, outcomes, found.attempts, owner, now=now)
            marked = mark(session, [m.delivery_id for m in portion], owner, self._worker.lease)
            if not portion:
                released = release(session, list(waiting), owner)
                addresses = [one.address for one in found.mails if one.delivery_id in released]
                gates.give_back(session, found.ways, found.passage, addresses)
                self._swing_gate(session, trouble, found)
        return settled, marked

    def _persist(self, write: Callable[[], Written]) -> Written:
        """Write what is known nowhere else: again and again while the database is away, for half a lease."""
        until = time.monotonic() + self._worker.lease.total_seconds() / 2
        while True:
            try:
                return write()
            except DATABASE_TROUBLE as error:
                if time.monotonic() > until:
                    raise
                log.warning("outcomes_wait", error=type(error).__name__)
                time.sleep(BETWEEN_WRITES)

    def _offer(self, mails: list[Mail], enough: Stop) -> tuple[dict[int, Outcome], Trouble | None]:
        """What the provider made of them: outcomes, and why it takes no more, if so."""
        if not mails:
            return {}, None
        try:
            handed = self._provider.hand_over(mails, enough)
        except Misconfigured as error:
            return {}, error
        except Exception as error:
            # whatever broke, the mails may have left: only evidence may say otherwise
            log.exception("hand_over_broke", provider=self._provider.name, mails=len(mails))
            reason = f"the hand-over broke: {type(error).__name__}"
            return {mail.delivery_id: Outcome(Verdict.UNKNOWN, reason) for mail in mails}, None
        outcomes, halted = dict(handed.outcomes), handed.halted
        if hopeless := self._refusals.halt(outcomes):
            # once it is mended, a trial costs one mail
            self._size = 1
        return outcomes, halted or hopeless

    def _swing_gate(self, session: Session, trouble: Trouble | None, found: Claim) -> None:
        """Close the provider's gate for every worker when it takes nothing more; open it when it does."""
        way = gates.provider_way(self._provider.name)
        if trouble is not None:
            if isinstance(trouble, Misconfigured):
                was_open = gates.close_until_mended(session, way, str(trouble))
            else:
                was_open = gates.close(session, way, trouble.reason, wait=trouble.retry_after)
            if was_open:
                # once, however many workers run into it
                log.error("provider_takes_nothing", provider=self._provider.name, reason=_words(trouble))
        elif found.passage.after_closing and not self._refusals.blocked and gates.reopen(session, way):
            log.info("provider_takes_mail_again", provider=self._provider.name)

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


def _words(trouble: Trouble) -> str:
    return str(trouble) if isinstance(trouble, Misconfigured) else trouble.reason
