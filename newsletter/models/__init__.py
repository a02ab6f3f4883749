"""The tables about what is told: stories, issues, deliveries."""

from newsletter.models.delivery import Delivery
from newsletter.models.issue import Edition, EditionStory, Issue, Newsletter, Pick, Piece
from newsletter.models.story import CoverageEntry, Mention, Story, StoryRecord, StoryRevision
from subscribers.models import Base

__all__ = [
    "Base",
    "CoverageEntry",
    "Delivery",
    "Edition",
    "EditionStory",
    "Issue",
    "Mention",
    "Newsletter",
    "Pick",
    "Piece",
    "Story",
    "StoryRecord",
    "StoryRevision",
]
