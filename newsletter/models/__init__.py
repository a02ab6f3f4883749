"""The tables about what is told: stories, issues, deliveries, and the people and machines behind them."""

from newsletter.models.alert import Alert, AlertReader
from newsletter.models.delivery import Delivery
from newsletter.models.desk import ApiKey, Correction, DayCount, Inspection, LinkCheck, Notice
from newsletter.models.editor import AuditLine, Editor, EditorSession, SignIn
from newsletter.models.event import Event
from newsletter.models.hook import Hook, HookPost
from newsletter.models.issue import (
    Edition,
    EditionStory,
    Issue,
    IssueChange,
    IssueForecast,
    Newsletter,
    Pick,
    Piece,
)
from newsletter.models.sending import Job, Pace, Pulse
from newsletter.models.story import CoverageEntry, Mention, Story, StoryRecord, StoryRevision
from newsletter.models.tracking import Hit, Link, ReaderHit
from subscribers.alert_models import AlertChoicesRecord, AlertRuleRecord, AlertTerm, Watch
from subscribers.models import Base

__all__ = [
    "Alert",
    "AlertChoicesRecord",
    "AlertReader",
    "AlertRuleRecord",
    "AlertTerm",
    "ApiKey",
    "AuditLine",
    "Base",
    "Correction",
    "CoverageEntry",
    "DayCount",
    "Delivery",
    "Edition",
    "EditionStory",
    "Editor",
    "EditorSession",
    "Event",
    "Hit",
    "Hook",
    "HookPost",
    "Inspection",
    "Issue",
    "IssueChange",
    "IssueForecast",
    "Job",
    "Link",
    "LinkCheck",
    "Mention",
    "Newsletter",
    "Notice",
    "Pace",
    "Pick",
    "Piece",
    "Pulse",
    "ReaderHit",
    "SignIn",
    "Story",
    "StoryRecord",
    "StoryRevision",
    "Watch",
]
