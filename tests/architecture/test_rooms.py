"""The rooms of the house: which file may import what, beside the standard library.

A file takes the longest key that fits; a key that ends in "/" is a folder. A name allows everything below it. A file
that fits no line is a question for a decision record.
"""

import pytest

from tests.support.imports import attributes, foreign_imports, imports, relative_imports, sources

VALUES = {"models.columns", "models.content", "models.errors", "models.segments", "models.states", "models.template"}
VALUES |= {"models.timing", "models.wording", "models.work"}
TABLE = {"models.base", "models.states", "sqlalchemy"}
# What code outside of models/ may know of SQLAlchemy: what it is handed, and what may go wrong. Statements stay inside.
SQL_FROM_OUTSIDE = {"sqlalchemy.Engine", "sqlalchemy.exc", "sqlalchemy.orm.Session"}

ROOMS = {
    "models/__init__.py": {"models"},
    "models/states.py": set(),
    "models/columns.py": set(),
    "models/errors.py": set(),
    "models/segments.py": set(),
    "models/template.py": {"models.errors"},
    "models/timing.py": {"models.errors"},
    "models/window.py": {"models.errors"},
    "models/forecast.py": {"models.window"},
    "models/rules.py": {"models.errors", "models.window"},
    "models/content.py": {"models.errors", "models.segments", "models.template"},
    "models/wording.py": {"models.columns", "models.content", "models.errors", "models.segments", "models.template"},
    "models/work.py": {"models.columns", "models.content", "models.states", "models.timing"},
    "models/base.py": {"sqlalchemy"},
    "models/account.py": TABLE,
    "models/api_key.py": TABLE,
    "models/attempt.py": TABLE,
    "models/batch.py": TABLE,
    "models/campaign.py": TABLE,
    "models/event.py": TABLE,
    "models/installation.py": TABLE,
    "models/outcome.py": TABLE,
    "models/outgoing.py": TABLE,
    "models/recipient.py": TABLE,
    "models/schedule.py": TABLE,
    "models/stop.py": TABLE,
    "models/webhook.py": TABLE,
    "models/session.py": {"models.errors", "sqlalchemy"},
    "models/direct.py": {"models.prepared", "models.session", "sqlalchemy"},
    "models/prepared.py": {"psycopg"},
    "models/reading.py": {"models", "sqlalchemy"},
    "models/ledger/": {"models", "sqlalchemy"},
    "migrations/__init__.py": {"sqlalchemy"},
    "migrations/walk.py": {"alembic", "sqlalchemy.Engine"},
    "migrations/env.py": {"alembic", "migrations", "models", "sqlalchemy", "worker.settings"},
    "migrations/versions/": {"alembic", "sqlalchemy"},
    "worker/__init__.py": set(),
    "worker/clock.py": set(),
    "worker/errors.py": {"worker.core.messages"},
    "worker/setting.py": set(),
    "worker/settings.py": {
        "dotenv",
        "worker.core.fence",
        "worker.errors",
        "worker.gateway.document.Credentials",
        "worker.setting",
    },
    "worker/stop_file.py": {"worker.errors", "worker.logs"},
    "worker/logs.py": {"sqlalchemy.exc", "worker.settings"},
    "worker/private_servers.py": {"psycopg", "redis", "worker.errors"},
    "worker/core/": VALUES | {"worker.core", "worker.errors"},
    "worker/core/cron.py": {"cronsim", "models.window", "worker.errors"},
    "worker/gateway/": {
        "lxml",
        "models.content",
        "models.template",
        "models.timing",
        "models.wording",
        "worker.core.digits",
        "worker.core.messages",
        "worker.errors",
        "worker.gateway",
    },
    "worker/gateway/client.py": {"requests", "urllib3", "worker.core.messages", "worker.errors", "worker.gateway"},
    "worker/gateway/double.py": {"requests"},
    "worker/gateway/failure.py": {"requests", "urllib3", "worker.errors"},
    "worker/gateway/transport.py": {"requests", "urllib3"},
    "worker/intake/": {"phonenumbers", "python_calamine", "worker.errors", "worker.intake"},
    "worker/import_pieces.py": SQL_FROM_OUTSIDE
    | {"models", "worker.database_faults", "worker.errors", "worker.insisting"},
    "worker/collecting.py": set(),
    "worker/importer.py": SQL_FROM_OUTSIDE
    | {
        "models",
        "worker.collecting",
        "worker.errors",
        "worker.import_pieces",
        "worker.intake",
        "worker.list_reader",
        "worker.reading_ahead",
        "worker.logs",
    },
    "worker/short_import.py": SQL_FROM_OUTSIDE | {"models", "worker.importer", "worker.intake", "worker.list_reader"},
    "worker/list_reader.py": {"models", "worker.errors", "worker.intake"},
    "worker/reading_ahead.py": {"models", "worker.list_reader"},
    "worker/installing.py": SQL_FROM_OUTSIDE
    | {"migrations", "models", "worker.database_faults", "worker.errors", "worker.runtime", "worker.settings"}
    | {"worker.start"},
    "worker/cost.py": {"models", "worker.list_reader", "worker.preview", "worker.settings"},
    "worker/preview.py": {"models", "worker.core", "worker.errors", "worker.gateway.document", "worker.settings"},
    "worker/story.py": {"models", "worker.core", "worker.errors", "worker.gateway.reply"},
    "worker/trial.py": {"models", "worker.errors", "worker.intake.phones", "worker.list_reader"},
    "worker/replay.py": {"models", "worker.core", "worker.errors", "worker.gateway.reply"},
    "worker/doctor.py": {"models", "worker.celery", "worker.runtime", "worker.settings", "worker.stop_file"},
    "worker/proof.py": SQL_FROM_OUTSIDE | {"models", "worker.gateway.double"},
    "worker/database_faults.py": {"sqlalchemy.exc", "worker.logs"},
    "worker/stopping.py": set(),
    "worker/insisting.py": SQL_FROM_OUTSIDE
    | {"models.direct", "models.session", "worker.clock", "worker.database_faults", "worker.logs"},
    "worker/dispatcher.py": SQL_FROM_OUTSIDE
    | {
        "models",
        "worker.clock",
        "worker.collecting",
        "worker.core",
        "worker.errors",
        "worker.gateway",
        "worker.insisting",
        "worker.logs",
        "worker.settings",
    },
    "worker/recipes.py": {"models", "worker.core", "worker.errors", "worker.importer", "worker.intake"}
    | {"worker.list_reader", "worker.saved_lists"},
    "worker/schedules.py": SQL_FROM_OUTSIDE
    | {"models", "worker.core", "worker.cost", "worker.errors", "worker.importer", "worker.logs", "worker.recipes"}
    | {"worker.settings"},
    "worker/saved_lists.py": SQL_FROM_OUTSIDE | {"models", "worker.errors", "worker.intake"},
    "worker/lane.py": {
        "models",
        "worker.clock",
        "worker.dispatcher",
        "worker.errors",
        "worker.logs",
        "worker.settings",
    },
    "worker/asked.py": {"models", "pydantic", "worker.errors", "worker.intake.phones"},
    "worker/inbox.py": SQL_FROM_OUTSIDE
    | {"models", "worker.clock", "worker.database_faults", "worker.intake.phones", "worker.logs"},
    "worker/scheduler.py": SQL_FROM_OUTSIDE
    | {"models", "worker.clock", "worker.database_faults", "worker.inbox", "worker.logs", "worker.settings"},
    "worker/witness.py": {"models", "redis", "worker.clock", "worker.logs", "worker.settings"},
    "worker/webhooks/": SQL_FROM_OUTSIDE
    | {"models", "worker.clock", "worker.errors", "worker.logs", "worker.settings", "worker.webhooks"},
    "worker/webhooks/posting.py": {"requests.utils", "worker.clock", "worker.webhooks"},
    "worker/webhooks/signing.py": {"standardwebhooks", "worker.errors"},
    "worker/wake.py": {"celery", "kombu", "worker.logs"},
    "worker/runtime.py": SQL_FROM_OUTSIDE
    | {
        "models",
        "worker.clock",
        "worker.stopping",
        "worker.dispatcher",
        "worker.gateway",
        "worker.lane",
        "worker.scheduler",
        "worker.schedules",
        "worker.settings",
        "worker.stop_file",
        "worker.webhooks",
        "worker.witness",
    },
    "worker/start.py": SQL_FROM_OUTSIDE
    | {"worker.database_faults"}
    | {"migrations", "models", "worker.errors", "worker.logs", "worker.runtime", "worker.settings"},
    "worker/celery.py": {
        "celery",
        "kombu",
        "models.errors",
        "worker.dispatcher",
        "worker.errors",
        "worker.logs",
        "worker.runtime",
        "worker.settings",
        "worker.start",
        "worker.stopping",
        "worker.wake",
    },
    "worker/tasks.py": {
        "celery",
        "models.errors",
        "models.ledger.enqueue",
        "sqlalchemy.exc",
        "worker.asked",
        "worker.errors",
        "worker.insisting",
        "worker.celery",
        "worker.database_faults",
        "worker.stopping",
        "worker.lane",
        "worker.logs",
        "worker.runtime",
        "worker.scheduler",
        "worker.wake",
    },
    "worker/embedded.py": SQL_FROM_OUTSIDE
    | {"celery", "kombu", "models", "worker.celery", "worker.clock", "worker.errors", "worker.logs", "worker.runtime"}
    | {"worker.database_faults", "worker.start", "worker.tasks", "worker.wake"},
    "worker/bench/": SQL_FROM_OUTSIDE | {"migrations", "models", "worker"},
    # What the product is measured against stands outside of the house: it may do everything by itself.
    "worker/bench/bare_imports.py": {"psycopg", "worker.bench"},
    "worker/bench/databases.py": {"psycopg"},
    "worker/bench/floor.py": {"lxml", "requests", "worker.bench"},
    "worker/bench/floor_tables.py": {"psycopg", "worker.bench"},
    "worker/bench/doors.py": SQL_FROM_OUTSIDE | {"celery", "models", "worker"},
    "worker/bench/programs.py": SQL_FROM_OUTSIDE | {"celery", "models", "worker"},
    "worker/bench/peers.py": {"celery", "lxml", "requests", "sqlalchemy", "worker.bench"},
    "worker/bench/peer_run.py": {"sqlalchemy", "worker"},
    "worker/bench/peer_tables.py": {"sqlalchemy", "worker.bench"},
    "worker/drill/": SQL_FROM_OUTSIDE | {"migrations", "models", "worker"},
    "worker/drill/thrice.py": {"celery", "kombu", "worker"},
    "worker/cli/waking.py": {"celery", "kombu.exceptions", "worker"},
    "worker/cli/": SQL_FROM_OUTSIDE | {"migrations", "models", "rich", "typer", "web", "worker"},
    "web/": SQL_FROM_OUTSIDE
    | {"anyio", "fastapi", "h11", "models", "pydantic", "pydantic_core", "starlette", "uvicorn", "web"}
    | {"worker.clock", "worker.core", "worker.cost", "worker.database_faults", "worker.errors", "worker.import_pieces"}
    | {"worker.importer", "worker.intake", "worker.list_reader", "worker.logs", "worker.runtime", "worker.settings"}
    | {"worker.gateway.phrases", "worker.retrying", "worker.short_import", "worker.start", "worker.story"},
    # Shares no code with the client side, so that an error on one side cannot hide on the other.
    "worker/simulator/": {"lxml", "worker.simulator"},
}

THE_ENVIRONMENT = {"worker/settings.py"}
THE_CLOCKS = {"models/session.py", "worker/clock.py"}
ENVIRONMENT_READERS = {"os.environ", "os.environb", "os.getenv"}
WALL_CLOCKS = {"date.today", "datetime.now", "datetime.today", "datetime.utcnow", "time.time", "time.time_ns"}
CHANCE_AND_EFFECTS = ("os", "random", "secrets", "socket", "subprocess", "threading", "time", "urllib.request", "uuid")


def room(path: str) -> str | None:
    fitting = [key for key in ROOMS if path == key or (key.endswith("/") and path.startswith(key))]
    return max(fitting, key=len, default=None)


def covers(allowed: str, name: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def may(path: str, name: str) -> bool:
    return any(covers(allowed, name) for allowed in ROOMS[room(path) or ""])


@pytest.mark.parametrize("path", sources())
def test_every_file_imports_only_what_its_room_may(path: str) -> None:
    assert room(path) is not None, f"{path} is in no room: add a line to ROOMS, and a decision record that says why"
    assert {name for name in foreign_imports(path) if not may(path, name)} == set(), f"{path} may not import these"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("models/account.py", "worker.settings.Settings"),
        ("models/ledger/claim.py", "celery.Celery"),
        ("models/ledger/claim.py", "psycopg.connect"),
        ("worker/core/decide.py", "models.ledger.record"),
        ("worker/dispatcher.py", "requests.post"),
        ("worker/dispatcher.py", "sqlalchemy.select"),
        ("worker/gateway/reply.py", "requests.Response"),
        ("worker/intake/phones.py", "models.recipient"),
        ("worker/lane.py", "celery.Celery"),
        ("worker/scheduler.py", "worker.gateway.client"),
        ("worker/simulator/server.py", "worker.gateway.reply"),
        ("worker/simulator/server.py", "worker.core.messages"),
        ("worker/tasks.py", "worker.cli"),
    ],
)
def test_the_rooms_have_walls(path: str, name: str) -> None:
    assert not may(path, name)


@pytest.mark.parametrize("path", sources("models"))
def test_models_imports_itself_relatively_because_it_has_two_names(path: str) -> None:
    assert {name for name in imports(path) if covers("models", name)} == relative_imports(path)


@pytest.mark.parametrize("path", sources("worker/core"))
def test_the_core_is_pure(path: str) -> None:
    assert {name for name in imports(path) if any(covers(one, name) for one in CHANCE_AND_EFFECTS)} == set()


def test_one_module_reads_the_environment() -> None:
    assert {path for path in sources() if attributes(path) & ENVIRONMENT_READERS} <= THE_ENVIRONMENT


def test_only_the_clocks_tell_the_time() -> None:
    ours = [path for path in sources() if room(path) != "worker/simulator/"]
    assert {path for path in ours if attributes(path) & WALL_CLOCKS} <= THE_CLOCKS


def test_nothing_imports_the_tests() -> None:
    assert {path for path in sources() if any(covers("tests", name) for name in imports(path))} == set()
