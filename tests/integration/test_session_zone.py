"""What a session speaks, UTC and ISO, whatever others prefer; and what a URL may say of prepared statements."""

import pytest
from sqlalchemy import NullPool, make_url, select, text, update

from models.campaign import Campaign
from models.errors import WrongDatabase
from models.ledger.report import list_campaigns
from models.session import open_engine, open_sessions, reading, transaction
from tests.support.ledger import open_ledger


def test_a_moment_at_the_end_of_time_breaks_no_list_east_of_utc(postgres_url: str) -> None:
    with open_ledger(postgres_url) as ledger:
        campaign_id = ledger.a_draft()
    east = make_url(postgres_url).update_query_dict({"options": "-c timezone=Asia/Tokyo"})
    engine = open_engine(east.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    sessions = open_sessions(engine)
    with transaction(sessions) as session:
        late = text("TIMESTAMPTZ '9999-12-31 23:59:00+00'")
        session.execute(update(Campaign).values(start_at=late, latest_at=late))
    with reading(sessions) as session:
        assert [one["id"] for one in list_campaigns(session)] == [campaign_id]
        assert session.execute(select(text("current_setting('timezone')"))).scalar_one() == "UTC"
        session.rollback()
        assert session.execute(select(text("current_setting('timezone')"))).scalar_one() == "UTC"


def test_a_moment_is_read_whatever_style_the_database_prefers(postgres_url: str) -> None:
    odd = make_url(postgres_url).update_query_dict({"options": "-c DateStyle=German"})
    with open_ledger(odd.render_as_string(hide_password=False)) as ledger:
        ledger.a_campaign(3)
        lease = ledger.a_lease()
        assert lease.leased_until > lease.opened_at


@pytest.mark.parametrize(("told", "prepared"), [("none", 0), ("0", 1), ("5", 1)])
def test_a_url_says_whether_statements_are_prepared(postgres_url: str, told: str, prepared: int) -> None:
    url = make_url(postgres_url).update_query_dict({"prepare_threshold": told})
    engine = open_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    sessions = open_sessions(engine)
    with sessions() as session:
        session.connection().exec_driver_sql("SELECT 1")
        driver = session.connection().connection.driver_connection
        assert driver is not None
        driver.rollback()
        driver.execute("SELECT 2", prepare=True)
        asked = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 2'"
        assert driver.execute(asked, prepare=False).fetchone() == (prepared,)


@pytest.mark.parametrize("told", ["often", "-1", "None ", "5 "])
def test_a_threshold_that_is_none_is_one_clear_line(told: str) -> None:
    with pytest.raises(WrongDatabase, match=rf'prepare_threshold is "{told}": .*, or "none" for never') as refused:
        open_engine(f"postgresql://someone@localhost/nothing?prepare_threshold={told}")
    assert "\n" not in str(refused.value)
