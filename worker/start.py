"""What is checked before a process does any work: that the database is there, ours, of this version and environment."""

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from migrations import current_version, head_version
from models.errors import WrongDatabase
from models.ledger.report import gateway_urls, remembered_environment, unfinished
from models.session import reading
from worker.errors import ConfigurationError
from worker.runtime import Runtime


def check_version(engine: Engine) -> None:
    """Make sure that the database answers and has the tables that this code needs.

    Raises:
        WrongDatabase: it does not; one line with the mend, without the password.
    """
    shown = engine.url.render_as_string(hide_password=True)
    try:
        version = current_version(engine)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
        raise WrongDatabase(f"the database {shown} does not answer: {reason}; check BULKPOST_DATABASE_URL") from None
    except SQLAlchemyError as error:
        raise WrongDatabase(f"the database {shown} cannot be read: {type(error).__name__}") from None
    if version is None:
        raise WrongDatabase(f"the database {shown} has no Bulkpost tables: run bulkpost db upgrade")
    if version != head_version():
        raise WrongDatabase(
            f"the database {shown} is at version {version}, this program needs {head_version()}: "
            "run bulkpost db upgrade"
        )


def check_database(runtime: Runtime) -> None:
    """Make sure that this process may send from this database.

    Raises:
        WrongDatabase: it does not answer, or is of another version.
        ConfigurationError: it belongs to another environment.
    """
    check_version(runtime.engine)
    with reading(runtime.sessions) as session:
        remembered = remembered_environment(session)
    if remembered != runtime.settings.environment:
        raise ConfigurationError(
            f"this database belongs to environment {remembered}, this process runs in {runtime.settings.environment}: "
            f"set BULKPOST_ENVIRONMENT={remembered}, or use a database of its own for {runtime.settings.environment}"
        )


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
