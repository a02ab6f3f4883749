"""Answers that somebody may have already: kept for a while, and asked for anew only where they changed."""

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request
from fastapi.responses import Response

#: seconds for which nobody need ask again
MAX_AGE = 300


def unless_known(
    request: Request, answer: Response, *, changed_at: datetime | None, shared: bool = True
) -> Response:
    """The answer, or 304 without it for whoever has it already (RFC 9110 §13.1.2, §13.1.3, §15.4.5).

    `changed_at`: when what it tells changed last. `shared`: whether caches on the way may keep it.
    """
    tag = f'"{hashlib.blake2b(answer.body, digest_size=16).hexdigest()}"'
    validators = {"etag": tag, "cache-control": f"{'public' if shared else 'private'}, max-age={MAX_AGE}"}
    if changed_at is not None:
        validators["last-modified"] = format_datetime(changed_at.astimezone(UTC), usegmt=True)
    answer.headers.update(validators)
    return Response(status_code=304, headers=validators) if _is_known(request, tag, changed_at) else answer


def _is_known(request: Request, tag: str, changed_at: datetime | None) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:  # then the date counts for nothing
        tags = {one.strip().removeprefix("W/") for one in known.split(",")}
        return bool(tags & {tag, "*"})
    since = _instant(request.headers.get("if-modified-since", ""))
    return since is not None and changed_at is not None and changed_at.replace(microsecond=0) <= since


def _instant(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
