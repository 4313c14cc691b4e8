"""Our sessions speak UTC, whatever zone the database, its role or the URL prefers."""

from sqlalchemy import NullPool, make_url, select, text, update

from models.campaign import Campaign
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
