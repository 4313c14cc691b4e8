"""What other applications install: the folder `models` as `bulkpost`, beside a `models.py` of their own."""

import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from textwrap import dedent
from venv import EnvBuilder
from zipfile import ZipFile

import pytest

from tests.support.packages import CHECKOUT, build_wheel, declared, output, pip

THEIR_MODELS = "class Order:\n    campaign_key = 'order 17'\n"
THEIR_SHOP = """
    from sqlalchemy import create_engine, select
    from sqlalchemy.orm import Session

    from bulkpost import Campaign, Recipient, Sms, enqueue_campaign
    from models import Order

    def announce(session: Session) -> int:
        customers = [Recipient(phone="79031234567", variables={"name": "Anna"}, ref="order 17")]
        content = Sms(sender="Shop", text="Hello {name}")
        return enqueue_campaign(session, content=content, recipients=customers, key=Order.campaign_key)

    def main(url: str) -> None:
        engine = create_engine(url)
        with Session(engine) as session:
            announce(session)
            session.rollback()
        with Session(engine) as session, session.begin():
            campaign_id = announce(session)
        with Session(engine) as session:
            campaign = session.scalars(select(Campaign)).one()
            print(campaign.id == campaign_id, campaign.total_count, Order.__module__)
        engine.dispose()

    if __name__ == "__main__":
        import sys

        main(sys.argv[1])
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
    pip("--python", shop / "environment/bin/python", "install", wheel, "psycopg[binary]", cwd=shop)
    (shop / "models.py").write_text(THEIR_MODELS)
    (shop / "shop.py").write_text(dedent(THEIR_SHOP))
    return shop


def test_wheel_holds_every_module_of_the_folder_and_nothing_else(wheel: Path) -> None:
    modules = {f"bulkpost/{path.relative_to(CHECKOUT / 'models')}" for path in (CHECKOUT / "models").rglob("*.py")}
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == modules | {"bulkpost/py.typed"}


def test_wheel_needs_sqlalchemy_alone(wheel: Path) -> None:
    metadata = ZipFile(wheel).read(f"{'-'.join(wheel.stem.split('-')[:2])}.dist-info/METADATA").decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert needed == ["Requires-Dist: sqlalchemy<2.2,>=2.1"]


@pytest.mark.parametrize("name", ["alembic", "celery", "lxml", "redis", "requests", "worker"])
def test_shop_gets_nothing_of_the_worker(shop: Path, name: str) -> None:
    program = f"import bulkpost, importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is not None)"
    output("environment/bin/python", "-c", program, cwd=shop)


def test_shop_enqueues_in_its_own_transaction_on_postgres(shop: Path, postgres_url: str) -> None:
    assert output("environment/bin/python", "shop.py", postgres_url, cwd=shop) == "True 1 models\n"


def test_shop_enqueues_in_its_own_transaction_on_sqlite(shop: Path, sqlite_url: str) -> None:
    assert output("environment/bin/python", "shop.py", sqlite_url, cwd=shop) == "True 1 models\n"


def test_shop_is_strictly_typed(shop: Path) -> None:
    arguments: list[str | Path] = [
        "--strict",
        "--cache-dir",
        shop / "cache",
        "--python-executable",
        shop / "environment/bin/python",
    ]
    output(sys.executable, "-m", "mypy", *arguments, "shop.py", cwd=shop)


def test_both_distributions_have_the_same_version_and_the_same_sqlalchemy() -> None:
    worker, models = declared("pyproject.toml"), declared("models/pyproject.toml")
    assert worker["version"] == models["version"]
    assert set(models["dependencies"]) <= set(worker["dependencies"])
