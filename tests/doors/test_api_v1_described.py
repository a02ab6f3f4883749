"""The API described: as OpenAPI, as a page, and in docs/api.md, whose examples run."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from newsletter.models.editor import Role
from newsletter.web.api_v1.description import document
from newsletter.web.api_v1.problems import KINDS
from tests.builders import a_story
from tests.doors.api_v1 import API, a_program
from tests.doors.conftest import Web, on_one_database
from tests.doors.test_api_v1 import routes
from tests.issues import SEEN, draft, tell

DOCUMENT = document("https://news.example")
OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
DOC = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def parts(node: Any) -> Iterator[Any]:
    """Everything that stands in a document."""
    yield node
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in inner:
        yield from parts(each)


def test_it_is_a_document_of_openapi() -> None:
    """It has what OpenAPI 3.1 asks for: every reference leads somewhere, every name is unique, every part of
    a path is described, and there is nothing that nobody refers to."""
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    assert DOCUMENT["info"]["title"]
    assert DOCUMENT["info"]["version"]
    assert DOCUMENT["servers"] == [{"url": "https://news.example"}]
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    schemas = DOCUMENT["components"]["schemas"]
    references = {part["$ref"] for part in parts(DOCUMENT) if isinstance(part, dict) and "$ref" in part}
    assert references == {f"#/components/schemas/{name}" for name in schemas}
    assert list(DOCUMENT["components"]["securitySchemes"]) == ["key"]
    assert DOCUMENT["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_every_route_is_described() -> None:
    """What is served is what is described, with the door to subscribe beside it."""
    served = {(f"{API}{path}", method.lower()) for method, path, _ in routes()}
    described = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == served | {("/api/subscribe", "post")}


@pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[one["operationId"] for *_, one in OPERATIONS]
)
def test_every_operation_says_all(path: str, method: str, operation: dict[str, Any]) -> None:
    """What it does, who may, what it takes, and everything that it may answer."""
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    told = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
    assert set(told) == set(re.findall(r"{(\w+)}", path))
    responses = operation["responses"]
    assert all(response["description"] for response in responses.values())
    if path == "/api/subscribe":
        assert operation["security"] == []
        return
    [[role]] = [needed["key"] for needed in operation["security"]]
    assert role in list(Role)
    assert {"401", "403", "422", "429", "500"} <= responses.keys()
    assert ("404" in responses) is ("{" in path)
    conditional = "if-match" in [one["name"] for one in operation.get("parameters", ())]
    assert ({"412", "428"} <= responses.keys()) is conditional
    assert conditional is ("ETag" in responses.get("200", {}).get("headers", {})) or method == "get"
    for status, response in responses.items():
        [kind] = response.get("content", [None])
        assert kind == ("application/problem+json" if int(status) >= 400 else kind)
        assert kind is not None or status == "204"


def test_every_field_is_typed() -> None:
    """No answer and no request has a field of which nothing is said; what is sent to us takes no others."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("type") in ("object", "string"), name
        for field, described in schema.get("properties", {}).items():
            assert {"type", "anyOf", "$ref", "const", "enum"} & described.keys(), (name, field)
    sent = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, _, operation in OPERATIONS
        if "requestBody" in operation and path != "/api/subscribe"
    }
    for name in sent:
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False, name


@on_one_database
def test_it_is_served_without_a_key(web: Web) -> None:
    """Programs and people read what there is to ask for; the page needs no script and no other site."""
    assert web.client.get(f"{API}/openapi.json").json() == document(web.url)
    page = web.client.get(API)
    assert page.headers["content-type"].startswith("text/html")
    for path, method, _ in OPERATIONS:
        assert f"<strong>{method.upper()}</strong> {path}</code>" in page.text
    for kind in KINDS:
        assert f'id="{kind.name}"' in page.text
    assert "<script" not in page.text
    assert set(re.findall(r'(?:src|href)="(https?:[^"]+)"', page.text)) == set()


@on_one_database
def test_the_door_to_subscribe_is_as_described(web: Web) -> None:
    """The body that its description gives as an example is taken."""
    fields = DOCUMENT["components"]["schemas"]["Subscribing"]["properties"]
    example = {name: field["examples"][0] for name, field in fields.items() if "examples" in field}
    assert web.client.post("/api/subscribe", json=example).status_code == 202
    assert web.client.post("/api/subscribe", json={"email": "x"}).json()["errors"].keys() == {
        "email",
        "newsletters",
    }


@on_one_database
def test_the_examples_of_the_docs_run(web: Web, tmp_path: Path) -> None:
    """The commands of docs/api.md, one after the other, do what it says."""
    web.now = SEEN
    tell(web.services, *(a_story(f"Story {n}", outlets=12 - n, companies=()) for n in range(3)))
    issue_id = draft(web.services)
    program = a_program(web, Role.EDITOR)
    commands = re.findall(r"```sh\n(.*?)```", DOC, re.DOTALL)
    assert sum(command.count("curl ") for command in commands) == 3
    environ = {"PATH": os.environ["PATH"], "NEWS": web.url, "KEY": program.secret}
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    changed = program.get(f"/issues/{issue_id}").json()
    assert changed["intro"] == "Good morning: a short issue today."


@on_one_database
def test_links_of_the_docs_lead_somewhere(web: Web) -> None:
    """Every path that docs/api.md names is served."""
    for path in set(re.findall(r"`(/api/v1[^` ]*)`", DOC)):
        known = re.sub(r"/\d+(?=/|$)", "/{issue_id}", path)
        answer: httpx.Response = web.client.get(path)
        assert known in DOCUMENT["paths"] or answer.status_code == 200, path
