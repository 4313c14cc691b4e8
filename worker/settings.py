"""Every knob, with its unit in its name, checked at start. The only module that reads the environment.

Settings come from variables with the prefix BULKPOST_ and from a file `.env` in the working directory; the environment
wins. A secret may come from a file instead: BULKPOST_PASSWORD_FILE=/run/secrets/password.
"""

import getpass
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from worker.core.fence import Fence, fence
from worker.errors import ConfigurationError
from worker.gateway.document import Credentials
from worker.setting import READ, broker, gateway, like, long_secret, number, one_of, setting, whole, zone

PREFIX = "BULKPOST_"
PROVIDER_URL = "http://lk.mysmpp.ru/xml"
"""Source: the source document's POST address; plain http is what it shows."""

SPARE_SECONDS = 5.0
"""What a lease holds beyond the two timeouts, for building the document and writing the answer."""
SHORTEST_RETRY_SECONDS = 61.0
"""An identical document within a minute may be refused. Source: protocol.md 16."""
LANE_SECONDS = 10.0
"""How long one task claims batch after batch."""
DEVELOPMENT_LOGIN = Credentials(login="development", password="development")
_OF_AN_ACCOUNT = re.compile("ACCOUNT_[A-Z0-9_]+_(LOGIN|PASSWORD|TOKEN)(_FILE)?")
_FROM_FILES = ("DATABASE_URL", "BROKER_URL", "LOGIN", "PASSWORD", "TOKEN", "WEBHOOK_SECRET")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What this installation is told; without secrets in its repr. Times are seconds. Made by `load_settings` only."""

    database_url: str = setting("sqlite:///bulkpost.db", shown=False)
    broker_url: str = setting("memory://", broker, shown=False)
    environment: str = setting("development", like(r"[a-z][a-z0-9_-]{0,31}", "a short word in lower case"))
    allowed_numbers: str = setting("", shown=False)
    allowed_gateways: str = setting("")
    gateway_url: str = setting(PROVIDER_URL, gateway, shown=False)
    connect_timeout_seconds: float = setting(10.0, number(above=0, most=600))
    read_timeout_seconds: float = setting(120.0, number(above=0, most=3600))
    lease_seconds: float = setting(180.0, number(above=0, most=7200))
    retry_base_seconds: float = setting(65.0, number(above=0, most=3600))
    max_attempts: int = setting(8, whole(1, 1000))
    doubt_limit_seconds: float = setting(86400.0, number(above=0, most=31_536_000))
    tick_seconds: float = setting(1.0, number(0.05, most=60))
    default_region: str = setting("RU", like("[A-Z]{2}", "two capital letters"))
    time_zone: str = setting("Europe/Moscow", zone)
    stop_file: str = setting("bulkpost.stop")
    """While it exists, workers that look for it send nothing; a relative path is in their working directory."""
    log_level: str = setting("INFO", one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", upper=True))
    log_format: str = setting("auto", one_of("auto", "json", "text"))
    webhook_secret: str = setting("", long_secret, shown=False)
    """What the secret of every webhook is derived from; empty where webhooks are not used."""
    webhook_private_addresses: str = setting("")
    """Hosts (or `allowed`: all) that webhooks may lead to although their addresses are not public."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names and values of every LOGIN, PASSWORD and TOKEN; read through `credentials` only."""

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the settings together, each with its mend."""
        least = self.connect_timeout_seconds + self.read_timeout_seconds + SPARE_SECONDS
        if self.lease_seconds < least:
            yield (
                f"BULKPOST_LEASE_SECONDS is {self.lease_seconds:g}: a lease must outlast one POST, so set it to at "
                f"least {least:g} (CONNECT_TIMEOUT + READ_TIMEOUT + {SPARE_SECONDS:g})"
            )
        if self.is_production and self.retry_base_seconds < SHORTEST_RETRY_SECONDS:
            yield (
                f"BULKPOST_RETRY_BASE_SECONDS is {self.retry_base_seconds:g}: in production set at least "
                f"{SHORTEST_RETRY_SECONDS:g}, the provider may refuse the same document twice within a minute"
            )

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

    @cached_property
    def number_allow_list(self) -> frozenset[str]:
        """The numbers that may be posted to anywhere outside of production, as digits."""
        return frozenset(re.sub(r"\D", "", part) for part in re.split("[,;]", self.allowed_numbers) if part.strip())

    @cached_property
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


_FIELDS = {field.name: field for field in fields(Settings)}
_READERS = {name: field.metadata[READ] for name, field in _FIELDS.items() if READ in field.metadata}


@cache
def variable_stem(account: str) -> str:
    """Return the part of a variable's name that stands for the account: upper case, anything unusual `_`."""
    return f"ACCOUNT_{re.sub('[^A-Z0-9]', '_', account.upper())}_"


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` win.

    Given an `environ`, nothing but it is read: `{}` is what demo, drill and bench use, so that none of them can reach
    a real gateway.

    Raises:
        ConfigurationError: lists every problem at once, by the variable's name; no value of a secret is shown.
    """
    given = _given({**_dotenv(), **os.environ} if environ is None else environ)
    values: dict[str, object] = {name: given[name.upper()] for name in _READERS if name.upper() in given}
    secrets = {key: value for key, value in given.items() if key.endswith(("LOGIN", "PASSWORD", "TOKEN"))}
    read: dict[str, Any] = {"secrets": overrides.pop("secrets", secrets)}
    problems: list[str] = []
    for name, value in {**values, **overrides}.items():
        try:
            read[name] = _READERS[name](value)
        except ValueError as error:
            shown = f'"{value}": ' if _FIELDS[name].repr else ""
            problems.append(f"{PREFIX}{name.upper()}: {shown}{error}")
    settings = Settings(**read)
    if problems := problems or list(settings.problems()):
        raise ConfigurationError(*problems)
    return settings


def unknown_names(environ: Mapping[str, str] | None = None) -> list[tuple[str, str | None]]:
    """Return the variables with our prefix that are no settings, each with the nearest that is one."""
    given = {**_dotenv(), **os.environ} if environ is None else environ
    known = {name.upper() for name in _READERS} | set(_FROM_FILES)
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
