"""JSON that was sent to the API, or an answer that says why it is none."""

import json
from typing import Any

from fastapi import HTTPException


def read_json(body: bytes) -> Any:
    """The document in `body`; HTTPException 400 with the reason where there is none."""
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise HTTPException(
            400, f"the body is no JSON: {error.msg}, line {error.lineno}, column {error.colno}"
        ) from None
    except UnicodeDecodeError:
        raise HTTPException(400, "the body is no JSON: it is not UTF-8") from None
    except ValueError as error:
        raise HTTPException(400, f"the body is no JSON to us: {error}") from None
    except RecursionError:
        raise HTTPException(400, "the body is no JSON to us: it is nested too deep") from None
