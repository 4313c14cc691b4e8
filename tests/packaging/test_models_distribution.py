"""What other applications install: the folder `models` as `bulkpost`, beside a `models.py` of their own."""

import sys
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from textwrap import dedent
from venv import EnvBuilder
from zipfile import ZipFile

import pytest
from sqlalchemy import make_url

from tests.support.packages import CHECKOUT, build_wheel, declared, output, pip

SHOP = CHECKOUT / "examples/python_shop"
ASYNC_SHOP = """
    import asyncio
    import sys

    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from sqlalchemy.orm import Session

    from bulkpost import Recipient, Sms, enqueue_campaign, report, results

    PEOPLE = [
        Recipient(phone="79031234567", variables={"name": "Anna\\t\\\\N"}, ref="order 17", client_key="17"),
        Recipient(phone="79031234568", variables={"name": "Boris"}),
        Recipient(phone="79031234568", variables={"name": "Boris"}),
        Recipient(phone="79031234569", variables={"name": "Eva"}, client_key="17"),
    ]

    def announce(session: Session) -> int:
        return enqueue_campaign(session, content=Sms(sender="Shop", text="Hello {name}"), recipients=PEOPLE, key="a")

    def look(session: Session, campaign_id: int) -> list[str]:
        return [f"{row.position} {row.status.value} {row.reason}" for row in results(session, campaign_id)]

    async def main(url: str) -> None:
        engine = create_async_engine(url)
        async with AsyncSession(engine) as session:
            await session.run_sync(announce)
            await session.rollback()
        async with AsyncSession(engine) as session:
            first = await session.run_sync(announce)
            await session.commit()
        async with AsyncSession(engine) as session:
            assert await session.run_sync(announce) == first
            assert (await session.run_sync(report, first))["counts"]["total"] == 4
            print("; ".join(await session.run_sync(look, first)))
        await engine.dispose()

    asyncio.run(main(sys.argv[1]))
"""
SAID_BY_SHOP = """\
asked again: the same
total: 2
order 1001: pending, under 1001
order 1002: skipped, not a phone number of 8 to 14 digits
campaign 1 is scheduled after 0 seconds, with 1 of 2 recipients pending, waiting for a worker
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a folder in which earlier builds have left things behind."""
    directory = tmp_path_factory.mktemp("wheel")
    source = copytree(CHECKOUT / "models", directory / "models", ignore=ignore_patterns("__pycache__"))
    for stale in ("build/lib/bulkpost/stale.py", "dist/stale.py", "bulkpost.egg-info/stale.py"):
        (source / stale).parent.mkdir(parents=True)
        (source / stale).touch()
    return build_wheel(source, directory)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """Another application: its own environment, its own `models.py`, its own driver, and the wheel."""
    shop = tmp_path_factory.mktemp("shop")
    EnvBuilder(with_pip=False, symlinks=True).create(shop / "environment")
    drivers = ("psycopg[binary]", "asyncpg", "aiosqlite", "greenlet")
    pip("--python", shop / "environment/bin/python", "install", wheel, *drivers, cwd=shop)
    for name in ("models.py", "shop.py"):
        copy(SHOP / name, shop)
    (shop / "async_shop.py").write_text(dedent(ASYNC_SHOP))
    return shop


def test_wheel_holds_every_module_of_the_folder_and_nothing_else(wheel: Path) -> None:
    modules = {f"bulkpost/{path.relative_to(CHECKOUT / 'models')}" for path in (CHECKOUT / "models").rglob("*.py")}
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == modules | {"bulkpost/py.typed"}


def test_wheel_needs_sqlalchemy_alone(wheel: Path) -> None:
    metadata = ZipFile(wheel).read(f"{'-'.join(wheel.stem.split('-')[:2])}.dist-info/METADATA").decode()
    asked_for = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert [line for line in asked_for if "extra ==" not in line] == ["Requires-Dist: sqlalchemy<2.2,>=2.1"]


@pytest.mark.parametrize("name", ["alembic", "celery", "lxml", "redis", "requests", "worker"])
def test_shop_gets_nothing_of_the_worker(shop: Path, name: str) -> None:
    program = f"import bulkpost, importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is not None)"
    output("environment/bin/python", "-c", program, cwd=shop)


def test_shop_enqueues_in_its_own_transaction_on_postgres(shop: Path, postgres_url: str) -> None:
    assert output("environment/bin/python", "shop.py", through("psycopg", postgres_url), cwd=shop) == SAID_BY_SHOP


def test_shop_enqueues_in_its_own_transaction_on_sqlite(shop: Path, sqlite_url: str) -> None:
    assert output("environment/bin/python", "shop.py", sqlite_url, cwd=shop) == SAID_BY_SHOP


@pytest.mark.parametrize("driver", ["psycopg_async", "asyncpg", "aiosqlite"])
def test_async_shop_enqueues_through_run_sync(shop: Path, request: pytest.FixtureRequest, driver: str) -> None:
    url = request.getfixturevalue("sqlite_url" if driver == "aiosqlite" else "postgres_url")
    said = output("environment/bin/python", "async_shop.py", through(driver, url), cwd=shop)
    skipped = "3 skipped the same number as row 2; 4 skipped its own key is that of row 1 too"
    assert said == f"1 pending None; 2 pending None; {skipped}\n"


def through(driver: str, url: str) -> str:
    """Return the URL with this driver."""
    parsed = make_url(url)
    return parsed.set(drivername=f"{parsed.get_backend_name()}+{driver}").render_as_string(hide_password=False)


def test_shop_is_strictly_typed(shop: Path) -> None:
    arguments: list[str | Path] = [
        "--strict",
        "--cache-dir",
        shop / "cache",
        "--python-executable",
        shop / "environment/bin/python",
    ]
    output(sys.executable, "-m", "mypy", *arguments, "shop.py", "async_shop.py", cwd=shop)


def test_both_distributions_have_the_same_version_and_the_same_sqlalchemy() -> None:
    worker, models = declared("pyproject.toml"), declared("models/pyproject.toml")
    assert worker["version"] == models["version"]
    assert set(models["dependencies"]) <= set(worker["dependencies"])
