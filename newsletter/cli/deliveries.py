"""Commands about single mails: those of which nobody knows whether they were taken, and what is known."""

from typing import Annotated, Any

import typer
from sqlalchemy import select

from newsletter.cli.services import ready
from newsletter.cli.terminal import At, Json, moment, operator, say, show_json, show_table
from newsletter.dispatch import unknown as unknown_mails
from newsletter.dispatch.unknown import Decision
from newsletter.models import Delivery, Event
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.store.engine import reading, writing

app = typer.Typer(no_args_is_help=True, help="Single mails: what is known of them, settle unknown ones.")

_LARGEST = 2**63 - 1
Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=_LARGEST, help="The number of the delivery.")]

_COLUMNS = ("id", "kind", "occasion_id", "newsletter", "settled_at", "repeats", "reason")
_FACTS = (
    "id",
    "kind",
    "occasion_id",
    "newsletter",
    "state",
    "reason",
    "attempt",
    "repeats",
    "queued_at",
    "due_at",
    "expires_at",
    "settled_at",
    "provider",
    "provider_message_id",
    "mailbox",
    "mailbox_at",
)
_EVENT = ("at", "provider", "kind", "reason", "received_at", "applied_at")


@app.command()
def unknown(
    issue: Annotated[
        int | None, typer.Option(metavar="ISSUE", min=1, max=_LARGEST, help="Only the mails of this issue.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the mails of which nobody knows whether they were taken, the oldest first."""
    services = ready()
    query = select(Delivery).where(Delivery.state == DeliveryState.UNKNOWN)
    if issue is not None:
        query = query.where(Delivery.kind == DeliveryKind.DIGEST, Delivery.occasion_id == issue)
    with reading(services.engine) as session:
        rows = session.scalars(query.order_by(Delivery.settled_at, Delivery.id))
        facts = [_facts(row, _COLUMNS) for row in rows]
    if as_json:
        show_json(facts)
        return
    shown = [
        (
            fact["id"],
            f"{fact['kind']} {fact['occasion_id']}",
            fact["settled_at"][:16],
            fact["repeats"],
            fact["reason"],
        )
        for fact in facts
    ]
    show_table(("id", "mail", "since (UTC)", "repeats", "reason"), shown, empty="no mail is unknown")


@app.command()
def show(delivery: Id, as_json: Json = False) -> None:
    """Show all that is known of one mail: its states, and what was told of it."""
    services = ready()
    with reading(services.engine) as session:
        found = session.get(Delivery, delivery)
        if found is None:
            raise LookupError(f"no delivery {delivery}: `newsletter deliveries unknown` lists unknown ones")
        told = session.scalars(
            select(Event).where(Event.delivery_id == delivery).order_by(Event.at, Event.id)
        )
        events = [_facts(event, _EVENT) for event in told]
        facts = _facts(found, _FACTS)
    if as_json:
        show_json({**facts, "events": events})
        return
    for name, value in facts.items():
        if value is not None:
            say(f"{name}: {value}")
    show_table(_EVENT, [list(event.values()) for event in events], empty="nothing was told of it")


@app.command()
def settle(
    deliveries: Annotated[
        list[int], typer.Argument(metavar="ID...", min=1, max=_LARGEST, help="Numbers of unknown deliveries.")
    ],
    decision: Annotated[
        Decision, typer.Option("--as", help="Taken by the provider, not taken, or to be handed over again.")
    ],
    because: Annotated[str | None, typer.Option(help="How you know; kept with each of them.")] = None,
) -> None:
    """Settle unknown mails by what you found out, say in the provider's log; all of them or none."""
    services = ready()
    reason = f"settled by {operator()}" + (f": {because}" if because else "")
    with writing(services.engine) as session:
        unknown_mails.settle(session, deliveries, decision, reason=reason, now=moment(None))
    what = "handed over once more" if decision is Decision.REPEAT else str(decision)
    say(f"settled as {what}: {', '.join(map(str, sorted(set(deliveries))))}")


@app.command("after-restore")
def after_restore(at: At = None) -> None:
    """Run this on a database restored from a backup, before anything else: nothing is sent twice.

    All mails not settled become unknown, and issues whose time has come are not published any more,
    since both may have happened after the backup was made.
    """
    services = ready()
    with writing(services.engine) as session:
        done = unknown_mails.after_restore(session, now=moment(at))
    say(f"mails unknown now, of those not settled: {done['mails']} (see `newsletter deliveries unknown`)")
    say(f"issues not published any more: {done['issues']}")


def _facts(row: Delivery | Event, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: v.isoformat() if hasattr(v, "isoformat") else v for name, v in values.items()}
