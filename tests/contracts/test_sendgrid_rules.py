"""The stand-in refuses what the API refuses; otherwise the other tests would prove little."""

import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from newsletter.providers.sendgrid_body import body_of
from tests.mails import a_mail
from tests.sendgrid_stand_in import KEY, SendGridStandIn

Spoil = Callable[[Any], object]


def reader(body: Any) -> Any:
    return body["personalizations"][0]


def repeat(body: Any, times: int) -> None:
    body["personalizations"] = [
        {**reader(body), "to": [{"email": f"reader{number}@inbox.example"}]} for number in range(times)
    ]


def status(url: str, body: bytes, **headers: str) -> int:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"} | headers
    try:
        with urlopen(Request(f"{url}/v3/mail/send", body, headers)) as answer:
            code: int = answer.status
            return code
    except HTTPError as error:
        with error:
            return error.code


def test_our_own_request_is_taken(sendgrid: SendGridStandIn) -> None:
    """The request that the tests below spoil is a good one."""
    assert status(sendgrid.url, body_of([a_mail(1), a_mail(2)])) == 202


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.pop("personalizations"),
        lambda body: body.pop("from"),
        lambda body: body.pop("subject"),
        lambda body: body.pop("content"),
        lambda body: body.update(personalizations=[]),
        lambda body: repeat(body, 1001),
        lambda body: body.update(subject=""),
        lambda body: body.update(subject=7),
        lambda body: body["content"].reverse(),
        lambda body: body["content"][0].update(value=""),
        lambda body: body["from"].update(email="bücher@racetoagi.example"),
        lambda body: body["from"].update(email="nobody"),
        lambda body: body["from"].update(name=None),
        # typed as a string in the description, as an object in the personalizations
        lambda body: body.update(custom_args={"delivery_id": "1"}),
        lambda body: body.update(asm={"group_id": 1}),
        lambda body: body["tracking_settings"].update(subscription_tracking={"enable": True}),
        lambda body: body.update(mail_settings={"bypass_list_management": {"enable": True}}),
        lambda body: reader(body).pop("to"),
        lambda body: reader(body).update(to=[]),
        lambda body: reader(body)["to"].append({"email": "other@inbox.example"}),
        lambda body: reader(body)["to"][0].update(email="reader@"),
        lambda body: reader(body)["to"][0].update(email="READER2@inbox.example"),
        lambda body: reader(body)["headers"].update(subject="twice"),
        lambda body: reader(body)["headers"].update({"X-SG-EID": "ours"}),
        lambda body: reader(body)["headers"].update({"X-Count": 7}),
        lambda body: reader(body)["custom_args"].update(delivery_id=1),
        lambda body: reader(body)["custom_args"].update(more="x" * 10_000),
        lambda body: reader(body)["substitutions"].update({"@@more@@": "x" * 10_000}),
        lambda body: reader(body).update(send_at=1),
    ],
)
def test_spoiled_request_is_refused(sendgrid: SendGridStandIn, spoil: Spoil) -> None:
    """What is missing, of another type, too long, doubled, reserved, or not meant to be used."""
    body = json.loads(body_of([a_mail(1), a_mail(2)]))
    spoil(body)
    assert status(sendgrid.url, json.dumps(body).encode()) == 400
    assert sendgrid.received == []


def test_request_that_is_none(sendgrid: SendGridStandIn) -> None:
    """Half a body, another type, another key."""
    body = body_of([a_mail(1)])
    assert status(sendgrid.url, body[:-1]) == 400
    assert status(sendgrid.url, b"[]") == 400
    assert status(sendgrid.url, body, **{"Content-Type": "text/plain"}) == 415
    assert status(sendgrid.url, body, Authorization="Bearer SG.other") == 401
