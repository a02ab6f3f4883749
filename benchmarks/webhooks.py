"""SendGrid's events per second: verified and stored, and worked in, in batches of 1,000 on one core.

`python -m benchmarks.webhooks [--postgres]`. Every batch is signed, a transaction of its own, and
durably committed (SQLite: WAL, synchronous=FULL). The limit is 10,000 events verified and stored a
second. Deliveries are those of one issue; each event changes one.
"""

import argparse
import json
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import Engine, bindparam, text

from benchmarks.intake import databases
from newsletter.feedback.applying import apply_events
from newsletter.feedback.sendgrid import read_events
from newsletter.feedback.told import store
from newsletter.models import Base
from newsletter.signatures import signed_by_one_of
from newsletter.store.engine import writing
from subscribers.columns import UTCDateTime
from subscribers.fingerprints import Fingerprints

BATCHES, BATCH = 30, 1_000
LIMIT = 10_000
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
PEOPLE = """
    WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :people)
    INSERT INTO subscriber (id, public_id, email, email_key, lens_id, timezone, hour, weekdays, created_at)
    SELECT n, 'p' || n, 'reader' || n || '@mail.example', 'reader' || n || '@mail.example', 1,
           'UTC', 7, 127, :now FROM series"""
DELIVERIES = """
    WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :people)
    INSERT INTO delivery (id, kind, occasion_id, subscriber_id, newsletter, priority, state, due_at,
                          expires_at, attempt, queued_at, settled_at)
    SELECT n, 'digest', 1, n, 'daily', 2, 'accepted', :now, :now, 1, :now, :now FROM series"""


def a_body(number: int) -> bytes:
    """A batch as SendGrid posts it: each event delivered, or now and then bounced."""
    events = []
    for n in range(number * BATCH + 1, (number + 1) * BATCH + 1):
        event = {
            "email": f"reader{n}@mail.example",
            "timestamp": int(NOW.timestamp()) - n % 600,
            "smtp-id": f"<14c5d75ce93.dfd.{n:x}@ismtpd-555>",
            "event": "delivered",
            "category": ["daily"],
            "delivery_id": str(n),
            "sg_event_id": f"ZGVsaXZlcmVkLTAtMTA5OTQ5MTkt{n:024d}",
            "sg_message_id": f"14c5d75ce93.dfd.{n:x}.filter0001.16648.5515E0B88.0",
            "response": "250 2.0.0 OK 1513299569 a1-20020a17si123.45 - gsmtp",
            "tls": 1,
        }
        if n % 50 == 0:
            event |= {"event": "bounce", "type": "blocked", "reason": "550 5.7.1 <reader@mail.example>: no"}
        events.append(json.dumps(event))
    return ("[" + ",\r\n".join(events) + "]\r\n").encode()


def fill(engine: Engine) -> None:
    """The readers and the deliveries that are told of."""
    Base.metadata.create_all(engine)
    now = bindparam("now", NOW - timedelta(hours=1), type_=UTCDateTime())
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO lens (id, fingerprint, definition) VALUES (1, 'none', '{}')"))
        for statement in (PEOPLE, DELIVERIES):
            connection.execute(text(statement).bindparams(now), {"people": BATCHES * BATCH})


def stored(engine: Engine, bodies: list[bytes]) -> float:
    """Events verified, read, stored and committed, a second."""
    key = generate_private_key(SECP256R1())
    keys, stamp = [key.public_key()], str(int(NOW.timestamp())).encode()
    signatures = [b64encode(key.sign(stamp + body, ECDSA(SHA256()))).decode() for body in bodies]
    start = time.perf_counter()
    for body, signature in zip(bodies, signatures, strict=True):
        assert signed_by_one_of(keys, signature, stamp + body)
        with writing(engine) as session:
            new = store(session, read_events(body, now=NOW), NOW)
        assert new == BATCH
    return len(bodies) * BATCH / (time.perf_counter() - start)


def worked_in(engine: Engine) -> float:
    """Of the same events, those applied a second."""
    fingerprints = Fingerprints(["k" * 32])
    start, done = time.perf_counter(), 0
    while True:
        with writing(engine) as session:
            counts = apply_events(session, fingerprints, now=NOW, limit=BATCH)
        if not counts:
            return done / (time.perf_counter() - start)
        done += counts["events"]


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--postgres", action="store_true")
    given = options.parse_args(arguments)
    bodies = [a_body(number) for number in range(BATCHES)]
    print(f"{BATCHES * BATCH:,} events in batches of {BATCH:,}, events/s; the limit is {LIMIT:,}/s")
    print(f"{'':12}{'verified, stored':>18}{'':>8}{'worked in':>12}")
    with databases(given.postgres) as engines:
        for name, engine in engines.items():
            fill(engine)
            rate = stored(engine, bodies)
            print(f"{name:12}{rate:>18,.0f}{rate / LIMIT:>7.1f}x{worked_in(engine):>12,.0f}")


if __name__ == "__main__":
    main()
