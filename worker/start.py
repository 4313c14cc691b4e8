"""What is checked before a process does any work: that the database is there, ours, of this version and environment."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from migrations import HEAD_VERSION, current_version
from models.errors import WrongDatabase
from models.ledger.locks import find_account
from models.ledger.report import gateway_urls, remembered_environment
from models.ledger.unfinished import unfinished
from models.session import reading
from worker.database_faults import find_fault
from worker.errors import ConfigurationError
from worker.logs import first_line
from worker.runtime import Runtime


def shown_url(engine: Engine) -> str:
    """Return the database's URL as people and logs may see it: a password can stand in two places of it."""
    secret = [name for name in engine.url.query if "pass" in name.lower()]
    return engine.url.difference_update_query(secret).render_as_string(hide_password=True)


def read_version(engine: Engine) -> str | None:
    """Return the version of the database's tables, or None where it has none of ours.

    Raises:
        WrongDatabase: it does not answer, is no database, or is newer than this program; one line with the mend.
    """
    shown = shown_url(engine)
    try:
        version = current_version(engine)
    except OperationalError as error:
        raise WrongDatabase(f"{shown}: {find_fault(error).words}") from None
    except SQLAlchemyError as error:
        # A file is damaged; a server is well, and understands neither an option of ours nor what our role wants.
        on_server = engine.dialect.name != "sqlite"
        mend = (
            "check the options in BULKPOST_DATABASE_URL, and the rights of its role"
            if on_server
            else "restore a backup"
        )
        raise WrongDatabase(f"the database {shown} cannot be read: {first_line(error)}; {mend}") from None
    if version is not None and version > HEAD_VERSION:
        raise WrongDatabase(
            f"the database {shown} is at version {version}, this program knows {HEAD_VERSION} at most: install the "
            "program that made it, or use another database"
        )
    return version


def check_version(engine: Engine) -> None:
    """Make sure that the database answers and has the tables that this code needs; makes no file where there is none.

    Raises:
        WrongDatabase: as `read_version`, or the tables are missing or old.
    """
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and not file.startswith("file:") and not Path(file).exists():
        raise WrongDatabase(
            f"there is no database {shown_url(engine)}: run bulkpost db upgrade to make it, or check "
            "BULKPOST_DATABASE_URL and the working directory"
        )
    version = read_version(engine)
    if version is None:
        raise WrongDatabase(f"the database {shown_url(engine)} has no Bulkpost tables: run bulkpost db upgrade")
    if version != HEAD_VERSION:
        raise WrongDatabase(
            f"the database {shown_url(engine)} is at version {version}, this program needs {HEAD_VERSION}: "
            "run bulkpost db upgrade"
        )


def check_database(runtime: Runtime) -> None:
    """Make sure that this process may send from this database.

    Raises:
        WrongDatabase: it does not answer, is of another version, or was restored from a backup.
        ConfigurationError: it belongs to another environment.
    """
    check_version(runtime.engine)
    with reading(runtime.sessions) as session:
        remembered = remembered_environment(session)
    if remembered != runtime.settings.environment:
        raise ConfigurationError(
            f"this database belongs to environment {remembered}, this process runs in {runtime.settings.environment}: "
            f"set BULKPOST_ENVIRONMENT={remembered}, use a database of its own for {runtime.settings.environment}, or "
            "take this one over: bulkpost adopt"
        )
    if (reason := runtime.watch.confirm()) is not None:
        raise WrongDatabase(reason)


def check_fences(runtime: Runtime) -> None:
    """Make sure that there is somebody whom this environment allows to post to.

    Raises:
        ConfigurationError: an account with work, or every account, is fenced off.
    """
    with reading(runtime.sessions) as session:
        urls = gateway_urls(session)
        busy = {campaign["account"] for campaign in unfinished(session)}
    fences = {name: runtime.settings.fence(url) for name, url in urls.items()}
    forbidden = [name for name, found in fences.items() if found.forbids_everything]
    for name in forbidden:
        if name in busy or len(forbidden) == len(fences):
            raise ConfigurationError(fences[name].mend(name))


def check_fence(runtime: Runtime, account: str) -> None:
    """Make sure that this environment allows somebody to be posted to by the account.

    Raises:
        ConfigurationError: it allows nobody.
    """
    with reading(runtime.sessions) as session:
        fence = runtime.settings.fence(find_account(session, account).gateway_url)
    if fence.forbids_everything:
        raise ConfigurationError(fence.mend(account))
