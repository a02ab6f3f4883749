"""Hooks at the command line, from the first to the last; and what docs/webhooks.md says of them is true."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from newsletter.config import ROOT
from newsletter.hooks.kinds import HookKind
from tests.command_line import Cli
from tests.doors.conftest import on_one_database
from tests.hook_receiver import Receiver, hook_receiver

DOC = (ROOT / "docs/webhooks.md").read_text()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with hook_receiver() as receiver:
        yield receiver


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


def subscribe(cli: Cli, email: str) -> None:
    run = cli("subscribers", "add", email, "--confirmed", "--source", "asked in person")
    assert run.code == 0, run.err


def secret_of(added: str) -> str:
    (secret,) = re.findall(r"^secret: (whsec_\S+)$", added, re.MULTILINE)
    return str(secret)


def test_a_hook_from_first_to_last(cli: Cli, receiver: Receiver) -> None:
    """A hook is added, told, listed, told again on request, and removed; its secret is shown once."""
    assert "no hooks" in cli("hooks", "list").out
    added = cli("hooks", "add", receiver.url, "--internal", "--event", "subscriber.confirmed")
    assert added.out.startswith("hook 1: subscriber.confirmed\n")
    subscribe(cli, "ines@reader.example")
    assert cli("tick").code == 0
    assert receiver.kinds() == ["subscriber.confirmed"]
    (hook,) = cli("hooks", "list", "--json").json()
    assert (hook["id"], hook["url"], hook["events"], hook["waiting"], hook["failing"]) == (
        1,
        receiver.url,
        ["subscriber.confirmed"],
        0,
        0,
    )
    (post,) = cli("hooks", "posts", "1", "--json").json()
    assert (post["kind"], post["state"], post["answer"]) == ("subscriber.confirmed", "done", "204")
    assert post["post"] in cli("hooks", "posts", "1").out
    for arguments in ([post["post"]], ["--since", "2026-01-01"]):
        assert cli("hooks", "replay", "1", *arguments).out == "hook 1: 1 to be posted again\n"
        cli("tick")
    assert {told.headers["webhook-id"] for told in receiver.told} == {post["post"]}
    assert len(receiver.told) == 3
    everything = "".join(cli("hooks", *words).out for words in (["list"], ["list", "--json"], ["posts", "1"]))
    assert secret_of(added.out) not in everything
    assert cli("hooks", "remove", "1").out == "hook 1: removed\n"
    assert cli("hooks", "list", "--json").json() == []
    assert cli("hooks", "remove", "1").code == 1


def test_a_trial(cli: Cli, receiver: Receiver) -> None:
    """`test` posts at once and says what was answered; a no ends in failure, and is not tried again."""
    cli("hooks", "add", receiver.url, "--internal")
    assert cli("hooks", "test", "1").out == "hook 1: 204\n"
    assert receiver.kinds() == ["hook.test"]
    receiver.answer = lambda _path: 500
    refused = cli("hooks", "test", "1")
    assert (refused.code, "hook 1: 500" in refused.err) == (1, True)
    assert f"hook 1: {receiver.url}, 0 waiting, 0 failing" in cli("hooks", "list").out
    assert {post["state"] for post in cli("hooks", "posts", "1", "--json").json()} == {"done", "given up"}


@on_one_database
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["http://crm.example/"], "http:// is for your own network, and wants --internal"),
        (["https://127.0.0.1/"], "it leads to 127.0.0.1, which is no public address"),
        (["https://169.254.169.254/"], "no public address"),
        (["http://169.254.169.254/", "--internal"], "not in your own network"),
        (["https://nowhere.invalid/"], "its name cannot be resolved"),
        (["crm"], "write it as https://name/path"),
    ],
)
def test_where_no_hook_may_be(cli: Cli, arguments: list[str], reason: str) -> None:
    """A URL that leads where it should not is refused with the reason, and nothing is added."""
    run = cli("hooks", "add", *arguments)
    assert run.code == 1
    assert reason in run.err
    assert cli("hooks", "list", "--json").json() == []


@on_one_database
def test_wrong_usage(cli: Cli) -> None:
    """A kind that there is not, and a replay of nothing in particular, are wrong usage."""
    assert cli("hooks", "add", "https://crm.example/", "--event", "subscriber.born").code == 2
    assert cli("hooks", "replay", "1").code == 2
    assert cli("hooks", "replay", "1", "post_1", "--since", "2026-01-01").code == 2
    for words in (["posts", "1"], ["remove", "1"], ["test", "1"], ["replay", "1", "post_1"]):
        run = cli("hooks", *words)
        assert (run.code, "no hook 1" in run.err) == (1, True)


@on_one_database
def test_the_commands_of_the_page(cli: Cli) -> None:
    """The commands of docs/webhooks.md, one after the other, do what it says."""
    commands = [shlex.split(line, comments=True)[1:] for line in blocks("sh")[0].splitlines()]
    assert len(commands) >= 5
    for arguments in commands:
        run = cli(*arguments)
        assert run.code == 0, (arguments, run.err)


def test_the_kinds_of_the_page() -> None:
    """The page names every kind there is, and no other."""
    assert re.findall(r"^\| `([a-z.]+)` \|", DOC, re.MULTILINE) == [kind.value for kind in HookKind]


@on_one_database
def test_the_check_of_the_page(cli: Cli, receiver: Receiver) -> None:
    """The function that the page shows takes what we post, and nothing that was changed, forged or kept."""
    added = cli("hooks", "add", receiver.url, "--internal")
    subscribe(cli, "ines@reader.example")
    cli("tick")
    (told,) = receiver.told
    room: dict[str, Any] = {}
    exec(blocks("python")[0], room)
    verified: Callable[..., Any] = room["verified"]
    secret = secret_of(added.out)
    assert verified(secret, told.headers, told.body)["data"]["email"] == "ines@reader.example"
    (example,) = blocks("json")
    assert json.loads(example)["data"].keys() == told.document["data"].keys()
    several = {**told.headers, "webhook-signature": f"v1,AAAA {told.headers['webhook-signature']}"}
    assert verified(secret, several, told.body)
    forged = secret_of(cli("hooks", "add", receiver.url, "--internal").out)
    earlier = {**told.headers, "webhook-timestamp": str(int(told.headers["webhook-timestamp"]) - 301)}
    for key, headers, body in (
        (forged, told.headers, told.body),
        (secret, told.headers, told.body.replace(b"ines", b"anna")),
        (secret, {**told.headers, "webhook-id": "post_1"}, told.body),
        (secret, earlier, told.body),
    ):
        with pytest.raises(ValueError, match=r"not signed|too old"):
            verified(key, headers, body)
