"""Making a database ready: migrations, the installation row, the first account."""

from sqlalchemy.exc import OperationalError

from models.errors import WrongDatabase
from models.ledger.install import install
from models.session import transaction
from worker.database_faults import find_fault
from worker.runtime import Runtime
from worker.start import read_version, shown_url


def prepare_database(runtime: Runtime) -> None:
    """Bring the database to the version of this program, with what a new one must hold. May be repeated.

    Raises:
        WrongDatabase: it does not answer, is no database, or is newer than this program.
    """
    # Here, because Alembic takes long to load, and most of who is told of this database only uses it.
    from migrations.walk import upgrade

    read_version(runtime.engine)
    try:
        upgrade(runtime.engine)
        with transaction(runtime.sessions) as session:
            install(session, environment=runtime.settings.environment, gateway_url=runtime.settings.gateway_url)
    except OperationalError as error:
        raise WrongDatabase(
            f"{shown_url(runtime.engine)}: {find_fault(error).words}; then repeat the command, it goes on from there"
        ) from None
