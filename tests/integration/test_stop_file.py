"""The stop file: while it exists nothing is claimed and nothing claimed is posted, and nobody is lost by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.attempt import Attempt
from models.ledger.control import set_account
from models.ledger.report import show
from models.session import reading, transaction
from models.work import ClaimRefusal, Refused
from tests.support.driving import create, quick_settings
from tests.support.lines import kept_lines
from worker.errors import ConfigurationError
from worker.runtime import Runtime, open_runtime
from worker.simulator.running import RunningSimulator, running_simulator
from worker.stop_file import StopFile, exists, pull, release


@pytest.fixture
def provider() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "halt"


@pytest.fixture
def runtime(database_url: str, provider: RunningSimulator, path: Path) -> Iterator[Runtime]:
    runtime = open_runtime(quick_settings(database_url, stop_file=str(path)))
    with transaction(runtime.sessions) as session:
        set_account(session, "default", {"gateway_url": provider.url}, actor="test")
    yield runtime
    runtime.close()


def tick(runtime: Runtime) -> None:
    runtime.scheduler().tick()


def test_nothing_is_claimed_while_the_file_is_there(runtime: Runtime, provider: RunningSimulator, path: Path) -> None:
    campaign_id = create(runtime, 3)
    tick(runtime)
    pull(str(path), "fire")
    assert runtime.dispatcher().dispatch(1) == Refused(ClaimRefusal.STOPPED)
    assert not runtime.lane().run(1)
    with reading(runtime.sessions) as session:
        assert session.execute(select(Attempt)).all() == []
    release(str(path))
    runtime.lane().run(1)
    assert provider.ledger()["charged"] == 3
    with reading(runtime.sessions) as session:
        assert show(session, campaign_id)["counts"]["accepted"] == 3


def test_what_was_claimed_before_the_file_came_is_not_posted_and_goes_out_later(
    runtime: Runtime, provider: RunningSimulator, path: Path
) -> None:
    create(runtime, 3)
    tick(runtime)
    claimed = runtime.dispatcher()

    def stop_after_the_claim(step: str) -> None:
        if step == "claimed":
            pull(str(path), "fire")

    object.__setattr__(claimed, "at", stop_after_the_claim)
    claimed.dispatch(1)
    assert provider.ledger()["charged"] == 0
    with reading(runtime.sessions) as session:
        (attempt,) = session.execute(select(Attempt)).scalars()
    assert (attempt.outcome, attempt.explanation) == (
        "not_posted",
        "the stop file was there before the POST: given back",
    )
    release(str(path))
    runtime.lane().run(1)
    assert provider.ledger()["charged"] == 3


def test_the_log_says_once_that_the_file_is_there_and_once_that_it_is_gone(path: Path) -> None:
    stop_file = StopFile(str(path))
    with kept_lines() as told:
        assert not stop_file.is_there()
        pull(str(path), "fire")
        assert [stop_file.is_there() for _ in range(3)] == [True, True, True]
        release(str(path))
        assert [stop_file.is_there() for _ in range(3)] == [False, False, False]
    assert [(one["event"], one["log_level"]) for one in told] == [
        ("stop_file_found", "warning"),
        ("stop_file_gone", "warning"),
    ]


def test_a_link_to_nowhere_stops_too(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))
    assert exists(str(path))


def test_a_place_that_cannot_be_looked_at_counts_as_stopped(path: Path) -> None:
    assert exists(str(path.with_name("x" * 300)))


def test_the_first_reason_stays_in_the_file(path: Path) -> None:
    pull(str(path), "fire")
    pull(str(path), "water")
    assert path.read_text() == "fire\n"


def test_a_file_that_cannot_be_made_says_that_nothing_is_stopped(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is stopped"):
        pull(str(path / "in" / "no" / "folder"), "fire")
