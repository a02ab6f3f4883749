"""Commands about hooks: whom we tell what happens here, what was told, and once more."""

from typing import Annotated, Any

import typer

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, fail, moment, say, show_json
from newsletter.hooks import posting, registry
from newsletter.hooks.destinations import BadDestination, addresses, parse_url
from newsletter.hooks.kinds import HookKind
from newsletter.hooks.posting import Verdict
from newsletter.hooks.registry import stamp
from newsletter.models import HookPost
from newsletter.store.engine import reading, writing

app = typer.Typer(
    no_args_is_help=True,
    help="Hooks: other programs are told of readers, mails and issues. docs/webhooks.md says how.",
)

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The number of the hook.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it is told: https://name/path.")],
    event: Annotated[
        list[HookKind] | None,
        typer.Option(help="A kind to tell, again for each; else all but delivery.delivered."),
    ] = None,
    internal: Annotated[
        bool, typer.Option("--internal", help="It is in your own network, and goes by http://.")
    ] = False,
) -> None:
    """Tell a program what happens from now on. Prints, this once, the secret that signs its posts."""
    services = ready()
    try:
        addresses(parse_url(url, internal=internal))
    except BadDestination as error:
        fail(f"{url}: {error}")
    with writing(services.engine) as session:
        hook = registry.add(session, url, event or (), now=moment(None))
    say(f"hook {hook.id}: {', '.join(hook.events)}")
    say(f"secret: {hook.secret}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the hooks, what each is told, and how many posts wait for it or have failed already."""
    services = ready()
    with reading(services.engine) as session:
        found: list[dict[str, Any]] = [
            {
                "id": hook.id,
                "url": hook.url,
                "events": hook.events,
                "since": stamp(hook.added_at),
                "waiting": waiting,
                "failing": failing,
            }
            for hook, waiting, failing in registry.listed(session)
        ]
    if as_json:
        show_json(found)
        return
    # in lines, as a table would cut what must be copied whole: URLs here, the ids of posts below
    for facts in found:
        say(f"hook {facts['id']}: {facts['url']}, {facts['waiting']} waiting, {facts['failing']} failing")
        say(f"  {', '.join(facts['events'])}")
    if not found:
        say("no hooks: `newsletter hooks add URL`")


@app.command()
def remove(hook: Id) -> None:
    """Tell a hook nothing any more. What still waits for it is given up."""
    services = ready()
    with writing(services.engine) as session:
        registry.remove(session, hook, because="the hook was removed", now=moment(None))
    say(f"hook {hook}: removed")


@app.command()
def posts(
    hook: Id,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List what was told to a hook, the newest first, and what it answered last. Kept for 30 days."""
    services = ready()
    with reading(services.engine) as session:
        found = [_facts(post) for post in registry.posts(session, hook, limit)]
    if as_json:
        show_json(found)
        return
    for facts in found:
        then = f", next {facts['next']}" if facts["next"] else ""
        said = f": {facts['answer']}" if facts["answer"] else ""
        say(f"{facts['post']} {facts['kind']} of {facts['at']}, {facts['state']}{said}{then}")
    if not found:
        say("nothing was told yet")


@app.command()
def replay(
    hook: Id,
    post_ids: Annotated[
        list[str] | None, typer.Argument(metavar="POST_ID...", help="As `newsletter hooks posts` shows them.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="All settled since then: 2026-11-24T07:00Z.")
    ] = None,
) -> None:
    """Post once more what was answered or given up already, under the same ids."""
    if bool(post_ids) == bool(since):
        raise typer.BadParameter("name posts, or say --since TIME")
    services = ready()
    with writing(services.engine) as session:
        number = registry.replay(
            session, hook, which=post_ids or (), since=moment(since) if since else None, now=moment(None)
        )
    say(f"hook {hook}: {number} to be posted again")


@app.command()
def test(hook: Id) -> None:
    """Post to a hook, now, that posts arrive: of kind hook.test, and about nobody."""
    services = ready()
    answer = posting.post_test(services.engine, hook, moment(None))
    if answer.verdict is not Verdict.DONE:
        fail(f"hook {hook}: {answer.words}")
    say(f"hook {hook}: {answer.words}")


def _facts(post: HookPost) -> dict[str, Any]:
    waiting = post.state == registry.PostState.WAITING
    return {
        "post": post.public_id,
        "kind": post.kind,
        "at": post.body["timestamp"],
        "state": post.state,
        "attempts": post.attempt,
        "next": stamp(post.due_at) if waiting else None,
        "answer": post.answer,
        "settled": stamp(post.settled_at) if post.settled_at else None,
    }
