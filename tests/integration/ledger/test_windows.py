"""Windows: nothing is claimed outside of them, of a campaign or of a whole account, and the tick moves them on."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.account import Account
from models.campaign import Campaign
from models.errors import BadTimes
from models.ledger.hints import take_hints
from models.ledger.importing import add_rows, begin_import, finish_import
from models.ledger.rows import NewRow
from models.ledger.windows import move_account_windows, move_campaign_windows
from models.rules import Rules
from models.states import AccountStatus, CampaignStatus
from models.work import ClaimRefusal, Lease
from tests.support.ledger import DOUBT_LIMIT_SECONDS, NOON, PLAIN, Ledger, accepted, in_doubt

# NOON is a Sunday's, in UTC.
MORNINGS = Rules(window="09:00-12:00", time_zone="UTC")
NOW_OPEN = Rules(window="09:00-13:00", time_zone="UTC")
NEXT_MORNING = NOON + timedelta(hours=21)


def a_campaign(ledger: Ledger, total: int = 3, *, at: datetime | None = None, **rules: Any) -> int:
    """Make a planned campaign with rules; return its id."""
    draft = ledger.do(begin_import, content=PLAIN, account="default", column_names=(), at=at, rules=Rules(**rules))
    ledger.do(add_rows, draft, 1, [NewRow(str(79030000000 + number)) for number in range(1, total + 1)])
    ledger.do(finish_import, draft)
    ledger.plan()
    return draft


def in_window(ledger: Ledger, window: str, **rules: Any) -> int:
    return a_campaign(ledger, window=window, time_zone="UTC", **rules)


def test_nothing_is_claimed_before_the_window_opens(ledger: Ledger) -> None:
    campaign_id = in_window(ledger, "09:00-12:00")
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    assert ledger.campaign(campaign_id).opens_at == NEXT_MORNING
    ledger.clock.jump(21 * 3600)
    ledger.a_lease()


def test_the_window_closes_in_mid_run_and_opens_again(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    in_window(ledger, "09:00-13:00")
    first = ledger.a_lease()
    ledger.clock.jump(3600)
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    ledger.record(first, accepted(first))
    assert ledger.do(move_campaign_windows) == []
    ledger.clock.jump(19 * 3600)
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    ledger.clock.jump(3600)
    assert ledger.a_lease().first_position == 2
    assert ledger.a_lease().first_position == 3


def test_a_window_that_nobody_has_moved_on_counts_as_closed(ledger: Ledger) -> None:
    in_window(ledger, "09:00-13:00")
    ledger.clock.jump(21.5 * 3600)  # half past nine of the next day
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    ledger.do(move_campaign_windows)
    ledger.a_lease()


def test_a_window_written_by_plain_sql_is_closed_until_the_tick_has_seen_it(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    with ledger.transaction() as session:
        session.execute(update(Campaign).values(send_window="11:00-13:00", time_zone="UTC"))
    ledger.no_lease()
    ledger.do(move_campaign_windows)
    assert ledger.a_lease().campaign_id == campaign_id


def test_a_window_that_cannot_be_read_pauses_the_campaign_and_says_so(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    with ledger.transaction() as session:
        session.execute(update(Campaign).values(send_window="always"))
    (alarm,) = ledger.do(move_campaign_windows)
    assert alarm.scope == "campaign"
    assert "always" in (ledger.campaign(campaign_id).status_reason or "")
    assert ledger.campaign(campaign_id).status is CampaignStatus.PAUSED
    assert ledger.do(move_campaign_windows) == []
    assert ledger.events()[-1] == "campaign_paused"


def test_what_is_in_doubt_is_asked_again_within_the_window_only(ledger: Ledger) -> None:
    in_window(ledger, "09:00-13:00")
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease, 3600))
    ledger.clock.jump(3601)
    ledger.no_lease()
    ledger.do(move_campaign_windows)
    ledger.clock.jump(20 * 3600)
    assert ledger.a_lease().history.doubtful


def test_what_was_claimed_just_before_the_end_is_still_recorded(ledger: Ledger) -> None:
    campaign_id = in_window(ledger, "09:00-13:00")
    ledger.clock.jump(3599)
    lease = ledger.a_lease()
    ledger.clock.jump(60)
    ledger.record(lease, accepted(lease))
    assert ledger.settle() == 1
    assert ledger.campaign(campaign_id).accepted_count == 3


def test_a_window_holds_up_nobody_else(ledger: Ledger) -> None:
    in_window(ledger, "09:00-12:00")
    other = ledger.a_campaign(1)
    assert ledger.a_lease().campaign_id == other


def test_a_holiday_keeps_the_window_closed(ledger: Ledger) -> None:
    campaign_id = in_window(ledger, "09:00-13:00", holidays=(NOON.date(), date(2026, 3, 2)))
    assert ledger.campaign(campaign_id).opens_at == NEXT_MORNING + timedelta(days=1)


def test_the_campaign_s_own_zone_decides(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, window="09:00-21:00 mon-sat", time_zone="Asia/Kamchatka")
    opens_at, closes_at = ledger.campaign(campaign_id).opens_at, ledger.campaign(campaign_id).closes_at
    assert opens_at == datetime(2026, 3, 1, 21, tzinfo=UTC)
    assert closes_at == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_the_opening_is_that_of_the_start(ledger: Ledger) -> None:
    at = NOON + timedelta(days=3)
    campaign_id = a_campaign(ledger, at=at, window="09:00-21:00", time_zone="UTC")
    assert ledger.campaign(campaign_id).opens_at == datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"window": "9 to 5"}, "has no hours"),
        ({"window": "09:00-10:00", "time_zone": "Mars/Phobos"}, "there is no time zone"),
        ({"latest_at": NOON}, "is not after the start"),
        ({"window": "09:00-10:00", "latest_at": NOON + timedelta(hours=20)}, "opens at 2026-03-02 09:00"),
        ({"max_segments": 0}, "max_segments is 0"),
        ({"canary_count": -1}, "canary is -1"),
        ({"canary_count": 1, "canary_share": 5.0}, "canary_share is 5"),
    ],
)
def test_rules_by_which_nothing_can_be_sent_create_nothing(
    sqlite_ledger: Ledger, rules: dict[str, Any], said: str
) -> None:
    with pytest.raises(Exception, match=said):
        a_campaign(sqlite_ledger, **rules)
    assert sqlite_ledger.events() == ["account_created"]


def test_an_account_s_window_holds_for_all_its_campaigns(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    ledger.a_campaign(1)
    ledger.an_account(send_window="09:00-12:00", time_zone="UTC")
    refused = ledger.no_lease()
    assert refused.why is ClaimRefusal.WINDOW
    assert refused.wait_seconds == pytest.approx(21 * 3600, abs=1)
    assert ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS) == {}
    ledger.clock.jump(21 * 3600)
    assert ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS) == {1: 2}
    ledger.a_lease()
    ledger.clock.jump(3 * 3600)
    assert ledger.no_lease().why is ClaimRefusal.WINDOW
    ledger.do(move_account_windows)
    assert ledger.account().opens_at == NEXT_MORNING + timedelta(days=1)


def test_an_account_s_window_can_be_changed_and_taken_away_while_it_runs(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    ledger.an_account(send_window="09:00-12:00", time_zone="UTC")
    ledger.an_account(time_zone="America/New_York")  # seven in the morning there
    assert ledger.account().opens_at == NOON + timedelta(hours=2)
    ledger.an_account(send_window=None)
    assert ledger.account().closes_at is None
    ledger.a_lease()


def test_an_account_refuses_a_window_that_cannot_be_and_changes_nothing(ledger: Ledger) -> None:
    with pytest.raises(BadTimes):
        ledger.an_account(send_window="09:00-09:00", per_second=5)
    assert ledger.account().per_second is None


def test_an_account_whose_window_plain_sql_has_spoiled_is_paused(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    with ledger.transaction() as session:
        session.execute(update(Account).values(send_window="always"))
    assert ledger.no_lease().why is ClaimRefusal.WINDOW
    (alarm,) = ledger.do(move_account_windows)
    assert alarm.scope == "account"
    assert ledger.account().status is AccountStatus.PAUSED


def test_a_window_around_the_clock_stays_open_from_tick_to_tick(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1, max_parallel=64)
    a_campaign(ledger, 40, window="00:00-24:00", time_zone="UTC")
    for _ in range(40):
        ledger.do(move_campaign_windows)
        lease = ledger.claim()
        assert isinstance(lease, Lease)
        ledger.record(lease, accepted(lease))
        ledger.clock.jump(86_400)
