"""The tables about alerts: which rules there are, who holds them, and how readers want to be alerted."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule
from subscribers.columns import Base, Key


class AlertRuleRecord(Base):
    """An alert rule, stored once for all who hold it."""

    __tablename__ = "alert_rule"

    id: Mapped[Key]
    fingerprint: Mapped[str] = mapped_column(unique=True)
    definition: Mapped[dict[str, Any]]
    #: thresholds, so that the database passes over the rules that a story does not meet
    min_outlets: Mapped[int]
    min_languages: Mapped[int]

    @property
    def rule(self) -> AlertRule:
        return AlertRule.read(self.definition)


class AlertTerm(Base):
    """By which terms of a story a rule is found: those of its kind of interest that few stories have."""

    __tablename__ = "alert_term"

    #: company, title, text, audience, impact, or any
    kind: Mapped[str] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"), primary_key=True, index=True)


class Watch(Base):
    """That a reader wants to be alerted by a rule."""

    __tablename__ = "watch"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "rule_id"),
        # from a rule to its readers, in their order, without a look at the table
        Index(None, "rule_id", "subscriber_id"),
    )

    id: Mapped[Key]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"))
    #: revisions seen before it are none of its business
    made_at: Mapped[datetime]
    paused_until: Mapped[datetime | None]

    rule_record: Mapped[AlertRuleRecord] = relationship(lazy="joined", innerjoin=True)


class AlertChoicesRecord(Base):
    """The `AlertChoices` of a subscriber who made any."""

    __tablename__ = "alert_choices"

    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), primary_key=True)
    quiet_from: Mapped[int]
    quiet_until: Mapped[int]
    #: seven bits, Monday lowest
    quiet_days: Mapped[int]
    in_quiet: Mapped[str]
    afterwards: Mapped[str]
    mails_a_day: Mapped[int]
    from_editors: Mapped[bool]

    @property
    def choices(self) -> AlertChoices:
        return AlertChoices(
            self.quiet_from,
            self.quiet_until,
            frozenset(day for day in range(7) if self.quiet_days >> day & 1),
            InQuiet(self.in_quiet),
            Afterwards(self.afterwards),
            self.mails_a_day,
            self.from_editors,
        )
