"""What stories say at their revisions, kept at hand: a revision never changes, and reading a thousand of
them takes longer than most of what is done with them."""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.models import StoryRevision
from subscribers.among import among

#: contents that a process keeps, some kilobytes each
KEPT = 8_192
#: by fingerprint, which is the same only for what is the same
_kept: OrderedDict[str, StoryContent] = OrderedDict()
_keeping = Lock()


def contents_of(session: Session, revisions: Mapping[str, tuple[int, int]]) -> dict[str, StoryContent]:
    """Fingerprint → content, of revisions given as fingerprint → (story id, number)."""
    with _keeping:
        found = {key: _kept[key] for key in revisions if key in _kept}
        for key in found:
            _kept.move_to_end(key)
    if missing := {key: revisions[key] for key in revisions if key not in found}:
        read = _read(session, missing)
        found |= read
        with _keeping:
            _kept.update(read)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    return found


def _read(session: Session, revisions: Mapping[str, tuple[int, int]]) -> dict[str, StoryContent]:
    # as text, past all that would make other things of it first
    rows = session.connection().execute(
        select(StoryRevision.fingerprint, cast(StoryRevision.document, Text)).where(
            among(StoryRevision.story_id, {story_id for story_id, _ in revisions.values()}),
            among(StoryRevision.number, {number for _, number in revisions.values()}),
        )
    )
    return {key: StoryContent.read(document) for key, document in rows if key in revisions}
