"""Every knob, with its unit in its name, checked at start. The only module that reads the environment.

Settings come from variables with the prefix BULKPOST_ and from a file `.env` in the working directory; the environment
wins. A secret may come from a file instead: BULKPOST_PASSWORD_FILE=/run/secrets/password.
"""

import getpass
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from worker.core.fence import Fence, fence
from worker.errors import ConfigurationError
from worker.gateway.document import Credentials

PREFIX = "BULKPOST_"
PROVIDER_URL = "http://lk.mysmpp.ru/xml"
"""Source: the source document's POST address; plain http is what it shows."""

SPARE_SECONDS = 5.0
"""What a lease holds beyond the two timeouts, for building the document and writing the answer."""
SHORTEST_RETRY_SECONDS = 61.0
"""An identical document within a minute may be refused. Source: protocol.md 16."""
LANE_SECONDS = 10.0
"""How long one task claims batch after batch."""
BROKERS = ("memory", "redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp")
DEVELOPMENT_LOGIN = Credentials(login="development", password="development")
_OF_AN_ACCOUNT = re.compile("ACCOUNT_[A-Z0-9_]+_(LOGIN|PASSWORD|TOKEN)(_FILE)?")
_FROM_FILES = ("DATABASE_URL", "BROKER_URL", "LOGIN", "PASSWORD", "TOKEN", "WEBHOOK_SECRET")
SHORTEST_SECRET = 16


class Settings(BaseModel):
    """What this installation is told; frozen, and without secrets in its repr. Times are seconds."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_url: str = Field("sqlite:///bulkpost.db", repr=False)
    broker_url: str = Field("memory://", repr=False)
    environment: str = Field("development", pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    allowed_numbers: str = Field("", repr=False)
    allowed_gateways: str = ""
    gateway_url: str = Field(PROVIDER_URL, repr=False)
    connect_timeout_seconds: float = Field(10.0, gt=0, le=600)
    read_timeout_seconds: float = Field(120.0, gt=0, le=3600)
    lease_seconds: float = Field(180.0, gt=0, le=7200)
    retry_base_seconds: float = Field(65.0, gt=0, le=3600)
    max_attempts: int = Field(8, ge=1, le=1000)
    doubt_limit_seconds: float = Field(86400.0, gt=0, le=31_536_000)
    tick_seconds: float = Field(1.0, ge=0.05, le=60)
    default_region: str = Field("RU", pattern=r"^[A-Z]{2}$")
    time_zone: str = "Europe/Moscow"
    stop_file: str = Field("bulkpost.stop", min_length=1)
    """While it exists, workers that look for it send nothing; a relative path is in their working directory."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"
    webhook_secret: str = Field("", repr=False)
    """What the secret of every webhook is derived from; empty where webhooks are not used."""
    webhook_private_addresses: str = ""
    """Hosts (or `allowed`: all) that webhooks may lead to although their addresses are not public."""
    secrets: Mapping[str, str] = Field(default_factory=dict, repr=False, exclude=True)
    """Names and values of every LOGIN, PASSWORD and TOKEN; read through `credentials` only."""

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("is not a time zone: use a name such as Europe/Moscow") from None
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _is_long(cls, value: str) -> str:
        if value and len(value) < SHORTEST_SECRET:
            raise ValueError(f"is too short to keep a secret: give at least {SHORTEST_SECRET} random characters")
        return value

    @field_validator("broker_url")
    @classmethod
    def _is_broker(cls, value: str) -> str:
        mend = "write redis://host:6379/0 or amqp://host//, or unset it for bulkpost up"
        for url in value.split(";"):  # further brokers to fail over to
            try:
                parts = urlsplit(url)
                parts.port  # noqa: B018
            except ValueError:
                raise ValueError(f"its port is no number: {mend}") from None
            if parts.scheme not in BROKERS or "://" not in url:
                raise ValueError(f"is no broker: {mend}")
        return value

    @field_validator("gateway_url")
    @classmethod
    def _is_gateway(cls, value: str) -> str:
        if (problem := gateway_problem(value)) is not None:
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _clocks_nest(self) -> "Settings":
        problems = []
        least = self.connect_timeout_seconds + self.read_timeout_seconds + SPARE_SECONDS
        if self.lease_seconds < least:
            problems.append(
                f"BULKPOST_LEASE_SECONDS is {self.lease_seconds:g}: a lease must outlast one POST, so set it to at "
                f"least {least:g} (CONNECT_TIMEOUT + READ_TIMEOUT + {SPARE_SECONDS:g})"
            )
        if self.is_production and self.retry_base_seconds < SHORTEST_RETRY_SECONDS:
            problems.append(
                f"BULKPOST_RETRY_BASE_SECONDS is {self.retry_base_seconds:g}: in production set at least "
                f"{SHORTEST_RETRY_SECONDS:g}, the provider may refuse the same document twice within a minute"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def is_production(self) -> bool:
        """Whether numbers outside of a list may be posted to a real gateway."""
        return self.environment == "production"

    @property
    def task_limit_seconds(self) -> float:
        """The hard limit of a Celery task: a lane's slice, one lease, and time to write."""
        return LANE_SECONDS + self.lease_seconds + 30.0

    @property
    def visibility_timeout_seconds(self) -> int:
        """When the broker hands an unacknowledged message out again: never while its task can still run."""
        return int(max(3600.0, 2 * self.task_limit_seconds))

    @property
    def quiet_seconds(self) -> float:
        """How long after a claim nobody repeats its POST: the provider may be at work on it for 4 x READ_TIMEOUT.

        A POST may begin as late as its lease still covers it.
        """
        latest_start = self.lease_seconds - self.connect_timeout_seconds - self.read_timeout_seconds
        return latest_start + 4 * self.read_timeout_seconds

    @property
    def number_allow_list(self) -> frozenset[str]:
        """The numbers that may be posted to anywhere outside of production, as digits."""
        return frozenset(re.sub(r"\D", "", part) for part in re.split("[,;]", self.allowed_numbers) if part.strip())

    @property
    def gateway_allow_list(self) -> frozenset[str]:
        """The hosts that are test gateways, in lower case."""
        return frozenset(re.split(r"[,;\s]+", self.allowed_gateways.strip().lower())) - {""}

    def fence(self, gateway_url: str) -> Fence:
        """Return what this environment allows on a gateway."""
        return fence(
            self.environment,
            gateway_url,
            allowed_numbers=self.number_allow_list,
            allowed_gateways=self.gateway_allow_list,
        )

    def credentials(self, account: str, gateway_url: str = "") -> Credentials | None:
        """Return the account's login and password or token, or None where none are set.

        A gateway on this machine is told `DEVELOPMENT_LOGIN` then: the simulator takes any.
        """
        own = variable_stem(account)
        stems = [own, ""] if account == "default" else [own]
        for stem in stems:
            found = {name: self.secrets.get(f"{stem}{name.upper()}") for name in ("login", "password", "token")}
            if found["token"]:
                return Credentials(token=found["token"])
            if found["login"] and found["password"]:
                return Credentials(login=found["login"], password=found["password"])
        return DEVELOPMENT_LOGIN if self.fence(gateway_url).is_local else None


def variable_stem(account: str) -> str:
    """Return the part of a variable's name that stands for the account: upper case, anything unusual `_`."""
    return f"ACCOUNT_{re.sub('[^A-Z0-9]', '_', account.upper())}_"


def gateway_problem(url: str) -> str | None:
    """Say why documents cannot be posted to a URL, or must not be kept with it; None where nothing is wrong."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        return "is no web address: use one like https://host/xml"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password: set BULKPOST_LOGIN and BULKPOST_PASSWORD instead"
    return None


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` win.

    Given an `environ`, nothing but it is read: `{}` is what demo, drill and bench use, so that none of them can reach
    a real gateway.

    Raises:
        ConfigurationError: lists every problem at once, by the variable's name; no value of a secret is shown.
    """
    given = _given({**_dotenv(), **os.environ} if environ is None else environ)
    names = {name.upper(): name for name in Settings.model_fields if name != "secrets"}
    values: dict[str, Any] = {names[key]: value for key, value in given.items() if key in names}
    values["secrets"] = {key: value for key, value in given.items() if key.endswith(("LOGIN", "PASSWORD", "TOKEN"))}
    try:
        return Settings(**{**values, **overrides})
    except ValidationError as error:
        raise ConfigurationError(*chain.from_iterable(map(_sentences, error.errors()))) from None


def unknown_names(environ: Mapping[str, str] | None = None) -> list[tuple[str, str | None]]:
    """Return the variables with our prefix that are no settings, each with the nearest that is one."""
    given = {**_dotenv(), **os.environ} if environ is None else environ
    known = {name.upper() for name in Settings.model_fields if name != "secrets"} | set(_FROM_FILES)
    known |= {f"{name}_FILE" for name in _FROM_FILES}
    unknown = []
    for name in sorted(name for name in given if name.startswith(PREFIX)):
        own = name.removeprefix(PREFIX)
        if own not in known and not _OF_AN_ACCOUNT.fullmatch(own):
            near = get_close_matches(own, known, 1)
            unknown.append((name, PREFIX + near[0] if near else None))
    return unknown


def user_name() -> str:
    """Return who is at the keyboard, for the events."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _dotenv() -> dict[str, str]:
    return {key: value for key, value in dotenv_values(".env").items() if value is not None}


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """Return our variables without the prefix, those given by a file read from it. An empty one counts as not given."""
    given = {key[len(PREFIX) :]: value for key, value in environ.items() if key.startswith(PREFIX) and value != ""}
    for key in [key for key in given if key.endswith("_FILE") and key[:-5].endswith(_FROM_FILES)]:
        path = given.pop(key)
        try:
            given.setdefault(key[:-5], Path(path).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ConfigurationError(f"{PREFIX}{key} names {path}, which cannot be read: {error.strerror}") from None
    return given


def _sentences(error: Any) -> list[str]:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message.splitlines()
    name = str(error["loc"][0])
    given = f'"{error["input"]}": ' if Settings.model_fields[name].repr else ""
    return [f"{PREFIX}{name.upper()}: {given}{message[0].lower()}{message[1:]}"]
