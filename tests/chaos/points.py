"""Where a process is killed: every numbered point of the failure table, before and after its commit."""

from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    CALLED = "when it begins"
    #: after the first statement in it that begins with given words
    INSIDE = "in the midst"
    RETURNED = "done, not committed"
    COMMITTED = "after its commit"


@dataclass(frozen=True)
class Point:
    number: str
    #: module:name
    where: str
    moment: Moment
    #: mails of which nobody can know afterwards whether they left
    in_doubt: int = 0
    statement: str = ""
    #: at its n-th call
    nth: int = 1
    provider: str = "smtp"

    def __str__(self) -> str:
        return f"{self.number} {self.where.rpartition('.')[2]} {self.moment} {self.provider}"


#: mails handed over between two commits, in the matrix
PORTION = 10
_SMTP = "newsletter.providers.smtp"
_SENDGRID = "newsletter.providers.sendgrid"

#: what a tick does from the plan to the finished issue
TICK = (
    Point("C1", "newsletter.tick:plan", Moment.CALLED),
    Point("C1", "newsletter.tick:plan", Moment.INSIDE, statement="INSERT INTO issue"),
    Point("C1", "newsletter.tick:plan", Moment.RETURNED),
    Point("C1", "newsletter.tick:plan", Moment.COMMITTED),
    Point("C2", "newsletter.tick:publish", Moment.CALLED),
    Point("C2", "newsletter.publication:insert_many", Moment.RETURNED),
    Point("C2", "newsletter.tick:publish", Moment.RETURNED),
    Point("C3", "newsletter.tick:publish", Moment.COMMITTED),
    Point("C4", "newsletter.dispatch.dispatcher:claim", Moment.RETURNED),
    Point("C4", "newsletter.dispatch.dispatcher:claim", Moment.COMMITTED),
    Point("C4", "newsletter.dispatch.dispatcher:mark", Moment.RETURNED),
    Point("C5", "newsletter.dispatch.dispatcher:mark", Moment.COMMITTED, PORTION),
    Point("C5", f"{_SMTP}_conversation:Conversation.deliver", Moment.CALLED, PORTION),
    # each mail has four answers: this is after the third mail's last byte, before its answer
    Point("C5", f"{_SMTP}_conversation:Conversation._answer", Moment.CALLED, PORTION, nth=12),
    Point("C5", f"{_SMTP}:SmtpProvider.hand_over", Moment.RETURNED, PORTION),
    Point("C5", "http.client:HTTPConnection.connect", Moment.CALLED, PORTION, provider="sendgrid"),
    Point("C5", "http.client:HTTPConnection.getresponse", Moment.CALLED, PORTION, provider="sendgrid"),
    Point("C5", f"{_SENDGRID}:SendGridProvider.hand_over", Moment.RETURNED, PORTION, provider="sendgrid"),
    Point("C6", "newsletter.dispatch.settling:_record_alike", Moment.RETURNED, PORTION, provider="sendgrid"),
    Point("C6", "newsletter.dispatch.settling:_record_each", Moment.RETURNED, PORTION, nth=2),
    Point("C6", "newsletter.dispatch.dispatcher:record", Moment.RETURNED, PORTION, nth=2),
    Point("C6", "newsletter.dispatch.dispatcher:record", Moment.COMMITTED, nth=2),
    # a claim of several portions: one commit records the first and marks the second
    Point("C6", "newsletter.dispatch.dispatcher:record", Moment.COMMITTED, PORTION, nth=4),
    Point("C7", "newsletter.dispatch.dispatcher:Dispatcher.run", Moment.RETURNED),
    Point("C7", "newsletter.tick:proof", Moment.RETURNED),
    Point("C7", "newsletter.tick:_finish", Moment.RETURNED),
    Point("C7", "newsletter.tick:_finish", Moment.COMMITTED),
)
