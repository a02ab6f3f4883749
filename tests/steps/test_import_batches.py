"""Imports as they go on: they know how far they came, and what is stored of them names nobody."""

import io
import json

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import roster
from subscribers.address import parse
from subscribers.erasure import erase
from subscribers.ledger import Channel
from subscribers.models import Batch, Subscriber
from subscribers.transfer import batches
from subscribers.transfer.people import SHOWN, ImportReport, Person, Refusal
from subscribers.transfer.table import survey
from tests.people import FINGERPRINTS, NOW, fresh_address, known
from tests.tables import person, read, take, terms


def test_the_report_adds_up(engine: Engine) -> None:
    """Every record is counted once, and the report is plain JSON with each refusal spelled out."""
    with writing(engine) as session:
        take(session, "email,hour", "same@x.example,7", "other@x.example,7")
        report = take(
            session, "email,hour", "same@x.example,7", "other@x.example,9", "new@x.example,7", "ann,7"
        )
    document = json.loads(json.dumps(report.to_json()))
    assert ImportReport.read(json.loads(json.dumps(report.to_json()))) == report
    assert document == {
        "added": 1,
        "changed": 1,
        "unchanged": 1,
        "unsubscribed": 0,
        "suppressed": 0,
        "kept_out": 0,
        "refused": 1,
        "asked": 0,
        "kept_out_lines": [],
        "refused_lines": [
            {
                "line": 5,
                "reason": "not an e-mail address",
                "remedy": "correct the address, or take the line out",
                "quoted": "'ann': An email address must have an @-sign",
            }
        ],
    }


def test_a_report_stays_small() -> None:
    """However many lines are refused, the report counts all and spells out the first."""
    total = ImportReport()
    for start in range(0, 3 * SHOWN, SHOWN // 2):
        refused = [Refusal(line, "", "") for line in range(start, start + SHOWN // 2)]
        total.add(ImportReport(refused=len(refused), refused_lines=refused))
    assert total.refused == 3 * SHOWN
    assert [refusal.line for refusal in total.refused_lines] == list(range(SHOWN))


def begun(session: Session, source: str = "fair") -> Batch:
    file = survey(io.BytesIO(b"email\n"))
    return batches.begin(session, file, terms(source), file_name="a.csv", format_name="plain", now=NOW)


def advance(session: Session, batch: Batch, *records: Person | Refusal, done: int) -> None:
    batches.advance(session, batch.id, records, terms(), done=done, fingerprints=FINGERPRINTS, now=NOW)


def test_an_import_knows_how_far_it_came(engine: Engine) -> None:
    """What is done is noted in the transaction that did it: after a crash the import goes on there, and
    those whom it added bear its number. One that was finished begins anew."""
    first, lost, last = fresh_address(), fresh_address(), fresh_address()
    with writing(engine) as session:
        batch = begun(session)
        advance(session, batch, person(first), Refusal(3, "", ""), done=0)
    with writing(engine) as session:
        advance(session, batch, person(lost), done=2)
        session.rollback()
    with writing(engine) as session:
        again = begun(session)
        assert (again.id, again.done, roster.find(session, lost.mailbox)) == (batch.id, 2, None)
        advance(session, again, person(lost), person(last), done=2)
        advance(session, again, done=4)
        report = batches.report(session, again.id)
        assert (report.added, report.refused) == (3, 1)
        assert known(session, last).batch_id == batch.id
    with writing(engine) as session:
        finished = begun(session)
        assert (finished.id, finished.done, finished.finished_at) == (batch.id, 0, None)
        assert begun(session, source="another").id != batch.id


def test_two_imports_of_one_file_do_not_mix(engine: Engine) -> None:
    """A second process that imports the same file is told so, and changes nothing."""
    with writing(engine) as session:
        batch = begun(session)
        advance(session, batch, person(fresh_address()), done=0)
    with pytest.raises(batches.Overtaken), writing(engine) as session:
        advance(session, batch, person(fresh_address()), done=0)
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 1


def test_what_is_stored_of_an_import_names_nobody(engine: Engine) -> None:
    """Whoever runs an import is shown the words at fault; what stays in the database holds none of them,
    so that nothing is left of somebody who is then erased."""
    lines = [
        "email,name,audiences,timezone,hour",
        "tweety@yellowbird.example,Tweety",
        "Tweety@Yellowbird.example,Tweety",
        "tweety..@yellowbird.example",
        "tweety@yellow_bird.example",
        "a@x.example,,Tweety",
        "b@x.example,,,Tweety",
        "c@x.example,,,,Tweety",
        "d@x.example,Tweety,,,,Tweety",
        'e@x.example,"Tweety',
    ]
    records = read(*lines)
    with writing(engine) as session:
        batch = begun(session)
        news, _ = batches.advance(
            session, batch.id, records, terms(), done=0, fingerprints=FINGERPRINTS, now=NOW
        )
        assert (news.added, news.refused) == (1, 8)
        assert sum("tweety" in refusal.quoted.casefold() for refusal in news.refused_lines) == 5
        tweety = parse("tweety@yellowbird.example")
        assert erase(session, tweety, channel=Channel.COMMAND, fingerprints=FINGERPRINTS, now=NOW)
    with reading(engine) as session:
        stored = session.scalars(select(Batch.report)).one()
        assert [refusal["line"] for refusal in stored["refused_lines"]] == list(range(3, 11))
        assert all(refusal["reason"] and refusal["remedy"] for refusal in stored["refused_lines"])
        assert "tweety" not in json.dumps(stored).casefold()
        shown = batches.report(session, batch.id)
        shown.quote(news.refused_lines)
        assert shown == news


def test_an_interrupted_import_shows_what_it_can(engine: Engine) -> None:
    """Of lines that an earlier run refused, the report of the later one tells all but the words."""
    earlier, later = Refusal(2, "unknown hour", "use 0 to 23", "'25'"), Refusal(3, "unknown hour", "", "'26'")
    with writing(engine) as session:
        batch = begun(session)
        advance(session, batch, earlier, later, done=0)
        report = batches.report(session, batch.id)
        report.quote([later])
        assert [refusal.quoted for refusal in report.refused_lines] == ["", "'26'"]
