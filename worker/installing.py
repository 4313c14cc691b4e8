"""Making a database ready: migrations, the installation row, the first account."""

from sqlalchemy.exc import OperationalError

from migrations import upgrade
from models.errors import WrongDatabase
from models.ledger.install import install
from models.session import transaction
from worker.runtime import Runtime


def prepare_database(runtime: Runtime) -> None:
    """Bring the database to the version of this program, with what a new one must hold. May be repeated.

    Raises:
        WrongDatabase: it does not answer.
    """
    try:
        upgrade(runtime.engine)
        with transaction(runtime.sessions) as session:
            install(session, environment=runtime.settings.environment, gateway_url=runtime.settings.gateway_url)
    except OperationalError as error:
        shown = runtime.engine.url.render_as_string(hide_password=True)
        reason = str(error.orig).strip().splitlines()[0]
        raise WrongDatabase(f"the database {shown} does not answer: {reason}; check BULKPOST_DATABASE_URL") from None
