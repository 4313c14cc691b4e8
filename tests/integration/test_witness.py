"""The witness outside of the database: what it remembers, and that it stops nobody when it is away."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, update

from models.attempt import Attempt
from models.ledger.adopt import Sighting
from models.session import transaction
from models.work import Lease
from tests.support.driving import quick_settings
from tests.support.ledger import NOON, Ledger, open_ledger
from worker.witness import AWAY_SECONDS, TELL_EVERY_SECONDS, FileWitness, NoWitness, RedisWitness, Watch, open_witness

CLOSED_REDIS = "redis://127.0.0.1:9/0"
SEEN = Sighting(7, NOON)


class Ticking:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counted(NoWitness):
    """Counts how often it was asked and told; `away` makes it fail."""

    def __init__(self) -> None:
        self.asked = 0
        self.told: list[int] = []
        self.away = False

    def read(self, installation_id: str) -> Sighting | None:
        self.asked += 1
        if self.away:
            raise ConnectionRefusedError
        return None

    def write(self, installation_id: str, sighting: Sighting) -> None:
        if self.away:
            raise ConnectionRefusedError
        self.told.append(sighting.attempt_id)


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Ledger]:
    with open_ledger(sqlite_url) as opened:
        opened.an_account(batch_size=1, max_parallel=64)
        opened.a_campaign(5)
        yield opened


def grow_old(ledger: Ledger, lease: Lease) -> None:
    """As if the latest attempt had been lost, and this older one were the latest."""
    with transaction(ledger.sessions) as session:
        session.execute(update(Attempt).values(id=lease.attempt_id - 1, opened_at=NOON - timedelta(hours=2)))


def test_file_remembers_the_last_sighting(tmp_path: Path) -> None:
    witness = FileWitness(tmp_path / "bulkpost.db.witness")
    assert witness.read("one") is None
    witness.write("one", Sighting(6, NOON))
    witness.write("one", SEEN)
    assert witness.read("one") == SEEN
    assert [path.name for path in tmp_path.iterdir()] == ["bulkpost.db.witness"]


def test_file_of_another_installation_is_no_witness(tmp_path: Path) -> None:
    witness = FileWitness(tmp_path / "bulkpost.db.witness")
    witness.write("one", SEEN)
    assert witness.read("other") is None


def test_redis_remembers_the_last_sighting_of_each_installation(redis_url: str) -> None:
    witness = RedisWitness(redis_url)
    witness.write("one", SEEN)
    assert (witness.read("one"), witness.read("other")) == (SEEN, None)


@pytest.mark.parametrize("text", ["", "{}", "x y z", '{"attempt": "x", "at": "y"}', "[]"])
def test_nonsense_accuses_nobody(ledger: Ledger, tmp_path: Path, text: str) -> None:
    path = tmp_path / "witness"
    watch = Watch(ledger.sessions, FileWitness(path))
    watch.confirm()
    watch.saw(ledger.a_lease())
    path.write_text(path.read_text().split(" ")[0] + " " + text)
    assert watch.confirm() is None


def test_watch_accuses_a_database_that_lacks_what_was_seen(ledger: Ledger, tmp_path: Path) -> None:
    watch = Watch(ledger.sessions, FileWitness(tmp_path / "witness"))
    assert watch.confirm() is None
    lease = ledger.a_lease()
    watch.saw(lease)
    assert watch.confirm() is None
    grow_old(ledger, lease)
    reason = watch.confirm()
    assert reason is not None and "bulkpost adopt" in reason
    # It is the database that remembers, whoever asks, with or without a witness.
    assert Watch(ledger.sessions, NoWitness()).confirm() == reason


def test_watch_tells_at_most_once_a_second(ledger: Ledger) -> None:
    witness, clock = Counted(), Ticking()
    watch = Watch(ledger.sessions, witness, clock)
    watch.confirm()
    leases = [ledger.a_lease() for _ in range(3)]
    watch.saw(leases[0])
    watch.saw(leases[1])
    clock.now += TELL_EVERY_SECONDS
    watch.saw(leases[2])
    assert witness.told == [leases[0].attempt_id, leases[2].attempt_id]


def test_witness_that_is_away_stops_nobody_and_is_left_alone_for_a_while(ledger: Ledger) -> None:
    witness, clock = Counted(), Ticking()
    watch = Watch(ledger.sessions, witness, clock)
    witness.away = True
    assert watch.confirm() is None
    watch.saw(ledger.a_lease())
    assert watch.confirm() is None
    assert (witness.asked, witness.told) == (1, [])
    witness.away = False
    clock.now += AWAY_SECONDS
    watch.confirm()
    watch.saw(ledger.a_lease())
    assert (witness.asked, len(witness.told)) == (2, 1)


def test_redis_that_is_down_stops_nobody(ledger: Ledger) -> None:
    watch = Watch(ledger.sessions, RedisWitness(CLOSED_REDIS))
    assert watch.confirm() is None
    watch.saw(ledger.a_lease())


@pytest.mark.parametrize(
    ("database_url", "broker_url", "kind"),
    [
        ("sqlite:///{folder}/x.db", "memory://", FileWitness),
        ("sqlite:///{folder}/x.db", CLOSED_REDIS, FileWitness),
        ("sqlite://", "memory://", NoWitness),
        ("postgresql://host/name", CLOSED_REDIS, RedisWitness),
        ("postgresql://host/name", "memory://", NoWitness),
        ("postgresql://host/name", "amqp://host", NoWitness),
    ],
)
def test_installation_has_the_witness_that_fits(tmp_path: Path, database_url: str, broker_url: str, kind: type) -> None:
    url = database_url.format(folder=tmp_path)
    witness = open_witness(quick_settings(url, broker_url=broker_url))
    assert type(witness) is kind
    if isinstance(witness, FileWitness):
        assert witness.path == Path(f"{make_url(url).database}.witness")
