"""Visits, from the first hit to the numbers: who is counted, as what, and of whom nothing is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.dossier import dossier
from newsletter.erasure import erase
from newsletter.models import Delivery, Hit, Issue, Link, ReaderHit
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading, writing
from newsletter.tracking.counting import KEPT, OPENED, Visit, count, forget_old
from newsletter.tracking.numbers import numbers
from newsletter.wiring import Services
from subscribers import consent
from subscribers.address import parse
from subscribers.consent import Channel
from tests.counted import (
    ACCEPTED,
    ANN,
    BOB,
    FIREFOX,
    TARGET,
    agree,
    counting,
    delivery_to,
    hits,
    link_to,
    links,
    send,
    visit,
)
from tests.people import known

SECOND = timedelta(seconds=1)


def test_most_visits_leave_a_number_only(services: Services) -> None:
    """Without a reader's mark, visits add up by link, day and visitor, and nothing else is kept."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        link = link_to(session)
    for agent in (FIREFOX, FIREFOX, "Mozilla/5.0", ""):
        visit(services, OPENED, agent=agent)
    visit(services, link)
    visit(services, link, after=timedelta(days=1))
    assert hits(services) == {
        (OPENED, "reader"): 2,
        (OPENED, "proxy"): 1,
        (OPENED, "machine"): 1,
        (link, "reader"): 2,
    }
    with reading(services.engine) as session:
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 0
        assert session.scalars(select(Hit.day).where(Hit.link_id == link).order_by(Hit.day)).all() == [
            ACCEPTED.date(),
            ACCEPTED.date() + timedelta(days=1),
        ]


def test_who_agreed_is_known_to_have_come(services: Services) -> None:
    """A reader who agreed is remembered once for each thing they did, and counts as engaged that day."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        link, ann = link_to(session), delivery_to(session, ANN)
    visit(services, OPENED, ann)
    with reading(services.engine) as session:
        assert known(session, parse(ANN)).engaged_at is None, "an open may be nobody's"
    for minutes in (20, 30):
        visit(services, link, ann, after=timedelta(minutes=minutes))
    assert hits(services) == {(OPENED, "reader"): 1, (link, "reader"): 2}
    with reading(services.engine) as session:
        rows = session.execute(select(ReaderHit.link_id, ReaderHit.visitor)).all()
        assert sorted(rows) == [(OPENED, "reader"), (link, "reader")]
        assert known(session, parse(ANN)).engaged_at == ACCEPTED + timedelta(minutes=20)
    visit(services, link, ann, after=timedelta(days=2))
    with reading(services.engine) as session:
        assert known(session, parse(ANN)).engaged_at == ACCEPTED + timedelta(days=2)


@pytest.mark.parametrize("why", ["never agreed", "agrees no more", "another issue", "nobody", "links only"])
def test_of_nobody_else_anything_is_kept(services: Services, why: str) -> None:
    """Whoever did not agree, or not any more, is a number, whatever their mail or a link of it says."""
    services = counting(services, "readers")
    send(services)
    with writing(services.engine) as session:
        link = link_to(session)
        mail = delivery_to(session, BOB if why == "never agreed" else ANN)
        if why == "agrees no more":
            agree(session, ANN, counted=False)
        if why == "another issue":
            session.get_one(Delivery, mail).occasion_id = 999
        if why == "nobody":
            mail = 10**12
    if why == "links only":
        counting(services, "links")
    visit(services, link, mail)
    assert hits(services) == {(link, "reader"): 1}
    with reading(services.engine) as session:
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 0
        assert known(session, parse(ANN)).engaged_at is None


def test_a_newsletter_that_stopped_counting_counts_nothing(services: Services) -> None:
    """Links of old mails go on leading, and leave no trace once the newsletter does not count."""
    services = counting(services, "links")
    send(services)
    counting(services, "off")
    with reading(services.engine) as session:
        link = link_to(session)
    visit(services, link)
    assert hits(services) == {}


def test_a_scanner_is_found_out_by_its_third_link(services: Services) -> None:
    """Three links of a mail within ten seconds are a machine's, and so were the two before."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        ann, several = delivery_to(session, ANN), links(session)[:4]
    for place, link in enumerate(several):
        visit(services, link, ann, after=timedelta(minutes=5) + place * SECOND)
    assert hits(services) == {(link, "machine"): 1 for link in several}
    with reading(services.engine) as session:
        assert set(session.scalars(select(ReaderHit.visitor))) == {"machine"}


def test_a_reader_may_follow_many_links_one_after_the_other(services: Services) -> None:
    """Whoever takes their time is a reader, however much they read."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        ann, several = delivery_to(session, ANN), links(session)[:4]
    for place, link in enumerate(several):
        visit(services, link, ann, after=timedelta(minutes=5) + place * 11 * SECOND)
    assert hits(services) == {(link, "reader"): 1 for link in several}


def test_who_comes_before_the_mail_is_no_reader(services: Services) -> None:
    """Within two seconds of the provider taking the mail, a click engages nobody."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        link, ann = link_to(session), delivery_to(session, ANN)
    visit(services, link, ann, after=SECOND)
    assert hits(services) == {(link, "machine"): 1}
    with reading(services.engine) as session:
        assert known(session, parse(ANN)).engaged_at is None


def test_what_readers_did_is_forgotten_in_time(services: Services) -> None:
    """After KEPT, and when a reader is erased, it is not known any more who came; the numbers stay."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        link, ann = link_to(session), delivery_to(session, ANN)
    visit(services, link, ann)
    with writing(services.engine) as session:
        assert forget_old(session, now=ACCEPTED + KEPT) == 0
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 1
        assert forget_old(session, now=ACCEPTED + KEPT + timedelta(hours=1)) == 1
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 0
    visit(services, link, ann)
    with writing(services.engine) as session:
        erase(
            session,
            parse(ANN),
            mail_folder=services.settings.mail_folder,
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=ACCEPTED,
        )
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 0
    assert hits(services) == {(link, "reader"): 2}
    visit(services, link, ann)
    with reading(services.engine) as session:
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 0


def test_readers_may_see_what_is_known(services: Services) -> None:
    """What is kept of a reader's visits is in what they may take with them, mail and link named."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        link, ann = link_to(session), delivery_to(session, ANN)
    visit(services, OPENED, ann, agent="Mozilla/5.0")
    visit(services, link, ann)
    with reading(services.engine) as session:
        known_of_ann = dossier(session, known(session, parse(ANN)), services.fingerprints)
    assert known_of_ann["counted"]
    assert known_of_ann["engaged_at"] == (ACCEPTED + timedelta(minutes=20)).isoformat()
    assert [(each["link"], each["visitor"]) for each in known_of_ann["visits"]] == [
        (None, "proxy"),
        (TARGET, "reader"),
    ]
    assert all(each["subject"] for each in known_of_ann["visits"])


def test_the_numbers_of_an_issue(services: Services) -> None:
    """Mails, who left after it, and opens and clicks told apart by visitor, the best links first."""
    services = counting(services, "links")
    send(services)
    with reading(services.engine) as session:
        first, second = links(session)[:2]
    visit(services, OPENED, agent="Mozilla/5.0")
    visit(services, first, agent="curl")
    for _ in range(2):
        visit(services, second)
    with writing(services.engine) as session:
        consent.unsubscribe(
            session,
            known(session, parse(BOB)).public_id,
            "daily",
            channel=Channel.LINK,
            wording="Leave",
            now=ACCEPTED + timedelta(hours=1),
        )
    with reading(services.engine) as session:
        issue = session.scalars(select(Issue).where(Issue.state == IssueState.FINISHED)).one()
        found = numbers(session, issue)
    assert (found.accepted, found.unsubscribed, found.tracking) == (2, 1, "links")
    assert found.opens == {"reader": 0, "proxy": 1, "machine": 0}
    assert found.clicks == {"reader": 2, "proxy": 0, "machine": 1}
    assert [link.clicks["reader"] for link in found.links] == [2, 0]
    assert found.links[1].clicks == {"reader": 0, "proxy": 0, "machine": 1}


def test_only_who_left_after_this_issue_counts(services: Services) -> None:
    """Who left before it came, or of another newsletter, did not leave after it."""
    send(services)
    with writing(services.engine) as session:
        for address, slug, when in ((BOB, "weekly", 1), (ANN, "daily", -1)):
            reader = known(session, parse(address))
            reader.subscription(slug, ACCEPTED).end(ACCEPTED + timedelta(hours=when))
    with reading(services.engine) as session:
        issue = session.scalars(select(Issue).where(Issue.state == IssueState.FINISHED)).one()
        assert numbers(session, issue).unsubscribed == 0


def test_a_rush_is_counted_as_one(services: Services) -> None:
    """Visits counted together add up as one by one, a scanner among them included."""
    services = counting(services, "readers")
    send(services)
    with reading(services.engine) as session:
        ann, several = delivery_to(session, ANN), links(session)[:3]
        issue_id = session.scalars(select(Link.issue_id)).first()
        assert issue_id is not None
    later = ACCEPTED + timedelta(minutes=5)
    nameless = [Visit(issue_id, OPENED, None, agent, later) for agent in (FIREFOX, "", FIREFOX)]
    scanner = [Visit(issue_id, link, ann, FIREFOX, later) for link in several]
    gone = [Visit(10**9, 1, None, FIREFOX, later)]
    with writing(services.engine) as session:
        count(session, nameless + scanner + gone)
    assert hits(services) == {
        (OPENED, "reader"): 2,
        (OPENED, "machine"): 1,
        **{(link, "machine"): 1 for link in several},
    }
