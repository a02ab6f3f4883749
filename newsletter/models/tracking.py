"""Clicks and opens, where a newsletter counts them at all."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import BigKey, Key
from subscribers.models import Base


class Link(Base):
    """A web address that an issue's mails lead to through us, so that clicks can be counted."""

    __tablename__ = "link"
    __table_args__ = (UniqueConstraint("issue_id", "url"),)

    id: Mapped[Key]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    url: Mapped[str]


class Visitor(StrEnum):
    """Who seems to have followed a link or loaded the picture."""

    READER = "reader"
    PROXY = "proxy"  # a mail service that loads pictures for its readers
    MACHINE = "machine"  # a scanner that follows every link


class Hit(Base):
    """How often a link was followed, or an issue opened, on one day: nobody's name is in it."""

    __tablename__ = "hit"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    #: 0: the mail was opened
    link_id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    visitor: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class ReaderHit(Base):
    """That a reader who agreed to it opened a mail or followed a link."""

    __tablename__ = "reader_hit"

    id: Mapped[Key]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    link_id: Mapped[int] = mapped_column(BigKey)
    visitor: Mapped[str]
    at: Mapped[datetime]
