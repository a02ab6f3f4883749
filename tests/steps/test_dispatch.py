"""Dispatch: at most once handed over, never silently lost, whatever fails."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from newsletter.config import ROOT
from newsletter.dispatch.claims import claim
from newsletter.dispatch.settling import waiting
from newsletter.mail import Enough, HandedOver, Mail, Misconfigured, Outcome, Verdict
from newsletter.models import Delivery
from newsletter.models.delivery import Priority
from newsletter.outbox import queue_confirmation
from newsletter.rendering.renderer import Renderer
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.dispatching import NOW, faulty, files, queue, rows, states, worker
from tests.faulty import FaultyProvider


def test_each_outcome_settles_its_row(services: Services) -> None:
    """Every verdict of the provider becomes the state and reason of its own delivery, of no other."""
    accepted, refused, unknown, not_taken = queue(services, 4)
    outcomes = {
        refused: Outcome(Verdict.REFUSED, "550 5.1.1 no such mailbox"),
        unknown: Outcome(Verdict.UNKNOWN, "the answer was lost"),
        not_taken: Outcome(Verdict.NOT_TAKEN, "451 try later"),
    }
    done = faulty(services, lambda mail: outcomes.get(mail.delivery_id)).dispatcher().run(NOW)
    found = {row.id: row for row in rows(services)}
    assert found[accepted].state == "accepted"
    assert (found[refused].state, found[refused].reason) == ("refused", "550 5.1.1 no such mailbox")
    assert found[unknown].state == "unknown"
    assert (found[not_taken].state, found[not_taken].due_at) == ("queued", NOW + waiting(1, not_taken))
    assert done.counts == {"accepted": 1, "refused": 1, "unknown": 1, "queued": 1}
    assert all(row.owner is None for row in found.values())


def test_what_was_not_taken_is_tried_again(services: Services) -> None:
    """A mail that the provider did not take leaves at a later run, once."""
    queue(services, 1)
    faulty(services, lambda _: Outcome(Verdict.NOT_TAKEN, "421 busy")).dispatcher().run(NOW)
    assert states(services) == ["queued"]
    services.dispatcher().run(NOW + timedelta(seconds=30))
    assert states(services) == ["queued"], "not before its time"
    services.dispatcher().run(NOW + timedelta(minutes=5))
    assert states(services) == ["accepted"]
    assert files(services) == 1


def test_unknown_is_never_repeated(services: Services) -> None:
    """If the hand-over breaks, the mail may have left: it stays unknown and is not sent again."""
    queue(services, 2)

    def broken(_: Mail) -> Outcome | None:
        raise ConnectionResetError

    faulty(services, broken).dispatcher().run(NOW)
    services.dispatcher().run(NOW + timedelta(hours=1))
    assert states(services) == ["unknown", "unknown"]
    assert files(services) == 0


def test_a_wrong_key_stops_the_line_and_loses_nothing(services: Services) -> None:
    """A misconfigured provider stops the run with its reason; everything is still queued."""
    queue(services, 3)

    def wrong_key(_: Mail) -> Outcome | None:
        raise Misconfigured("the key is refused: set SENDGRID_API_KEY")

    done = faulty(services, wrong_key).dispatcher().run(NOW)
    assert done.stopped == "the key is refused: set SENDGRID_API_KEY"
    assert states(services) == ["queued"] * 3
    services.dispatcher().run(NOW + timedelta(hours=1))
    assert states(services) == ["accepted"] * 3


def test_a_poisoned_mail_harms_no_other(services: Services) -> None:
    """A mail that cannot be composed is refused with the part at fault; its neighbours leave."""
    first, *_ = queue(services, 3)
    with writing(services.engine) as session:
        session.execute(update(Delivery).where(Delivery.id == first).values(occasion_id=999_999))
    services.dispatcher().run(NOW)
    assert states(services) == ["refused", "accepted", "accepted"]
    assert "confirmation 999999" in (rows(services)[0].reason or "")


def test_a_failing_template_keeps_its_mails(services: Services, tmp_path: Path) -> None:
    """A mail whose template fails waits until it is mended; it is not refused for ever."""
    queue(services, 1)
    broken = tmp_path / "email"
    shutil.copytree(ROOT / "templates" / "email", broken)
    (broken / "confirmation/body.txt").write_text("{{ nothing_of_that_name }}")
    renderer = Renderer(broken, site_name="Site", site_url="https://site.example", postal_address="Street 1")
    done = replace(services, renderer=renderer).dispatcher().run(NOW)
    (fault,) = done.failing
    assert "confirmation/body.txt, line 1" in fault
    assert states(services) == ["queued"]
    services.dispatcher().run(NOW + timedelta(hours=1))
    assert states(services) == ["accepted"]


def test_a_claim_is_as_large_as_the_server_is_quick(services: Services) -> None:
    """The first claim is small, so that behind a slow server no letter waits for a large one."""
    queue(services, 60)
    calls: list[int] = []

    class Slow(FaultyProvider):
        def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
            calls.append(len(mails))
            return super().hand_over(mails, enough)

    slow = replace(services, provider=Slow(services.provider, lambda _: None))
    slow.dispatcher().run(NOW)
    assert calls[0] == 10
    assert sum(calls) == 60


@pytest.mark.parametrize("workers", [4])
def test_many_workers_double_nothing(services: Services, workers: int) -> None:
    """Workers that run at once share the outbox: every mail leaves once, none twice."""
    seen: list[int] = []

    def watch(mail: Mail) -> Outcome | None:
        seen.append(mail.delivery_id)
        return None

    ids = queue(services, 60)
    services.provider.max_batch = 5
    watched = faulty(services, watch)
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(watched.dispatcher().run, NOW) for _ in range(workers)]:
            done.result()
    assert sorted(seen) == ids
    assert set(states(services)) == {"accepted"}
    assert files(services) == 60


def test_confirmations_first(services: Services) -> None:
    """A confirmation is claimed before what is less urgent and was due earlier."""
    first, second = queue(services, 2)
    with writing(services.engine) as session:
        earlier = NOW - timedelta(hours=1)
        session.execute(
            update(Delivery).where(Delivery.id == first).values(priority=Priority.ALERT, due_at=earlier)
        )
        claimed = claim(session, 1, worker("worker"), now=NOW)
    assert [one.delivery_id for one in claimed.mails] == [second]


def test_waiting_grows_to_a_limit() -> None:
    """Each attempt waits longer than the one before, up to half an hour and its spread."""
    waits = [waiting(attempt, 0) for attempt in range(1, 20)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)
    assert waits[-1] == timedelta(minutes=30)


def test_one_mail_for_one_request(services: Services) -> None:
    """The same ledger line never gives rise to a second confirmation mail."""
    queue(services, 1)
    with writing(services.engine) as session:
        row = session.scalars(select(Delivery)).one()
        assert row.subscriber_id is not None
        queue_confirmation(session, subscriber_id=row.subscriber_id, consent_id=row.occasion_id, now=NOW)
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1
