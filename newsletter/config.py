"""Settings: the only reader of the environment. All faults are reported at once."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from newsletter.faults import remedy
from newsletter.mail import PATIENCE, Sender
from newsletter.return_path import LONGEST_NAME
from newsletter.signatures import public_key
from subscribers.address import InvalidAddress, parse

ROOT = Path(__file__).resolve().parent.parent
#: seconds; with less, others would take over what a server is still being waited for
LEAST_LEASE = PATIENCE // timedelta(seconds=1)


class ConfigError(ValueError):
    """The settings cannot be used; the message lists every fault with its remedy."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("the settings have faults:\n" + "\n".join(f"  {fault}" for fault in faults))


def _sender(text: object) -> object:
    if not isinstance(text, str):
        return text
    found = re.fullmatch(r"\s*(?:(?P<name>[^<>@]+?)\s*<(?P<in>[^<>]+)>|(?P<bare>[^<>\s]+))\s*", text)
    if not found or any(ord(letter) < 32 for letter in text):
        raise ValueError('write it as "Name <address@example.com>"')
    try:
        address = parse(found["in"] or found["bare"]).mailbox
    except InvalidAddress as error:
        raise ValueError(str(error)) from None
    return Sender((found["name"] or "").strip('" '), address)


def _base_url(text: str) -> str:
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", text, re.ASCII):
        raise ValueError("write it as https://news.example.com")
    return text.rstrip("/")


def _database(text: str) -> str:
    if not re.match(r"(sqlite|postgres|postgresql(\+psycopg)?)://", text):
        raise ValueError("write it as sqlite:///path/to/file.db or postgresql://name:password@host/database")
    return text


def _keys(text: object) -> object:
    return tuple(key.strip() for key in text.split(",") if key.strip()) if isinstance(text, str) else text


def _long_enough(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(key.get_secret_value()) < 32 for key in keys):
        raise ValueError("use 32 characters or more; make one with: openssl rand -hex 32")
    return keys


def _public_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        public_key(key)
    return keys


def _bounce_address(text: str) -> str:
    try:
        address = parse(text).mailbox
    except InvalidAddress:
        raise ValueError("write a mail address, such as bounces@mail.newsroom.example") from None
    name, _, domain = address.rpartition("@")
    if not re.fullmatch(rf"[\w.-]{{1,{LONGEST_NAME}}}", name, re.ASCII) or not domain.isascii():
        raise ValueError(f"use letters and digits, at most {LONGEST_NAME} before the @; +TOKEN follows them")
    return address


def _lease(seconds: int) -> int:
    if seconds < LEAST_LEASE:
        raise ValueError(
            f"write {LEAST_LEASE} or more: a server is waited for so long, and a mail whose lease runs out "
            "meanwhile counts as unknown"
        )
    return seconds


def _listen(text: str) -> str:
    found = re.fullmatch(r"(?:[\w.-]+|\[[0-9a-f:]+\]):([0-9]{1,5})", text, re.ASCII | re.IGNORECASE)
    if not found or not 0 < int(found[1]) < 65536:
        raise ValueError("write it as 127.0.0.1:2424")
    return text


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_keys), AfterValidator(_long_enough)]


class Settings(BaseModel):
    """Every setting; `.env.example` says what each is for. A field `x_y` is the variable `X_Y`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database_url: Annotated[str, AfterValidator(_database)] = f"sqlite:///{ROOT / 'var' / 'newsletter.db'}"
    port: int = Field(default=8000, ge=1, le=65535)
    #: where readers reach this service; all links in mails begin with it
    public_url: Annotated[str, AfterValidator(_base_url)] = ""
    #: the newest first; the others only verify old links
    secret_key: Secrets = ()
    #: who may post stories and read the metrics
    api_key: Secrets = ()
    mail_provider: Literal["folder", "smtp", "sendgrid"] = "folder"
    mail_from: Annotated[Sender, BeforeValidator(_sender)] = Sender("Race to AGI", "digest@racetoagi.example")
    #: of the alerts; without it that of all other mail
    alert_from: Annotated[Sender, BeforeValidator(_sender)] | None = None
    #: where bounces and complaints come to; without it they go to the sender
    bounce_address: Annotated[str, AfterValidator(_bounce_address)] | None = None
    #: where `newsletter returns serve` takes them in
    returns_listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:2424"
    #: printed in every mail, as CAN-SPAM (15 U.S.C. 7704) demands
    postal_address: str | None = Field(default=None, min_length=10)
    #: mails claimed with one commit, at most
    mails_per_claim: int = Field(default=5000, ge=1, le=10_000)
    #: mails handed over between two commits: so many are in doubt when a machine dies
    mails_in_doubt: int = Field(default=1000, ge=1, le=1000)
    #: how long a machine may be silent before others take over what it had claimed
    lease_seconds: Annotated[int, Field(le=3600), AfterValidator(_lease)] = 120
    mail_folder: Path = ROOT / "var" / "mail"
    smtp_url: SecretStr | None = None
    #: under which DNS shows the public halves of the keys, in the same order
    dkim_selector: str = ""
    #: one private key (PEM) or several: every mail is signed with each
    dkim_key: SecretStr = SecretStr("")
    sendgrid_api_key: SecretStr | None = None
    sendgrid_api_url: str = "https://api.sendgrid.com"
    #: verify what SendGrid tells; without any the door for it is shut
    sendgrid_webhook_key: Annotated[
        tuple[str, ...], BeforeValidator(_keys), AfterValidator(_public_keys)
    ] = ()
    publication: Path = ROOT / "publication.toml"

    @property
    def alert_sender(self) -> Sender:
        return self.alert_from or self.mail_from

    @model_validator(mode="before")
    @classmethod
    def _reachable_at_home(cls, values: dict[str, str]) -> dict[str, str]:
        if values.get("mail_provider", "folder") == "folder":
            return {"public_url": f"http://localhost:{values.get('port', 8000)}", **values}
        return values

    @model_validator(mode="after")
    def _complete_for_real_mail(self) -> "Settings":
        needed = {
            "folder": (),
            "smtp": ("public_url", "secret_key", "postal_address", "smtp_url"),
            "sendgrid": ("public_url", "secret_key", "postal_address", "sendgrid_api_key"),
        }[self.mail_provider]
        missing = [name.upper() for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"MAIL_PROVIDER={self.mail_provider} needs {', '.join(missing)} too")
        return self


def read_settings(environ: Mapping[str, str], env_file: Path | None = None) -> Settings:
    """The settings in `environ`, over those in `env_file` where that exists.

    `NAME_FILE` may name a file that holds the value of `NAME`. An empty value counts as not set.
    Raises ConfigError with every fault.
    """
    given = {**(dotenv_values(env_file) if env_file else {}), **environ}
    values: dict[str, str] = {}
    faults = []
    for field in Settings.model_fields:
        name = field.upper()
        if value := given.get(name):
            values[field] = value
        elif path := given.get(f"{name}_FILE"):
            try:
                values[field] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                faults.append(f"{name}_FILE: {error}")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [_describe(fault["loc"], remedy(fault)) for fault in error.errors()]
    if faults:
        raise ConfigError(faults)
    return settings


def _describe(where: tuple[int | str, ...], words: str) -> str:
    return f"{str(where[0]).upper()}: {words}" if where else words
