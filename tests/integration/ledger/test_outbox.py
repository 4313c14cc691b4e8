"""The outbox: a fact and what is told of it commit together; it is told at least once, and by one at a time."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from models.attempt import unfold_positions
from models.ledger.control import pause_account_by_hand, pause_campaign
from models.ledger.enqueue import Recipient
from models.ledger.outbox import MOST_RESULTS
from models.ledger.stops import add_stops
from models.ledger.telling import (
    LEASE_SECONDS,
    Telling,
    close_delivered,
    close_failed,
    drop_message,
    is_anything_to_tell,
    lease_message,
    read_payload,
)
from models.ledger.webhooks import (
    KEPT,
    WebhookRefused,
    add_webhook,
    disable_webhook,
    enable_webhook,
    find_webhook_ailments,
    remove_webhook,
    replay_messages,
    sweep_messages,
)
from models.outcome import Outcome
from models.session import reading
from models.webhook import Webhook, WebhookMessage
from tests.support.ledger import Ledger, accepted, in_doubt, no_credit, rejected, together

URL = "https://shop.example/hook"
DAY_SECONDS = 86_400.0


def add(ledger: Ledger, name: str = "shop", **named: Any) -> None:
    ledger.do(add_webhook, name, URL, actor="anna", **named)


def messages(ledger: Ledger) -> list[WebhookMessage]:
    return ledger.all(select(WebhookMessage).order_by(WebhookMessage.id))


def kinds(ledger: Ledger) -> list[str]:
    return [one.kind for one in messages(ledger)]


def told_positions(ledger: Ledger) -> list[int]:
    found = [one for one in messages(ledger) if one.kind == "recipients.results"]
    return [position for one in found for position in unfold_positions(one.facts["positions"])]


def lease(ledger: Ledger) -> Telling:
    found = ledger.do(lease_message)
    assert found is not None
    return found


def payload(ledger: Ledger, telling: Telling) -> dict[str, Any]:
    with reading(ledger.sessions) as session:
        told = read_payload(session, telling)
    assert told is not None
    return told


def tell_everything(ledger: Ledger) -> Iterator[dict[str, Any]]:
    while (telling := ledger.do(lease_message)) is not None:
        yield payload(ledger, telling)
        ledger.do(close_delivered, telling)


def fail(ledger: Ledger, telling: Telling, **named: Any) -> int:
    return ledger.do(close_failed, telling, "the receiver answered 500", spread=1.0, **named)


def webhook(ledger: Ledger, name: str = "shop") -> Webhook:
    (found,) = ledger.all(select(Webhook).where(Webhook.name == name))
    assert isinstance(found, Webhook)
    return found


@pytest.fixture
def finished(ledger: Ledger) -> int:
    """A campaign of three that has come and gone, with a webhook looking on."""
    add(ledger)
    campaign_id = ledger.a_campaign(3, key="order-1")
    leased = ledger.a_lease()
    ledger.record(leased, accepted(leased))
    ledger.settle()
    return campaign_id


def test_without_webhooks_nothing_is_written_down(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    leased = ledger.a_lease()
    ledger.record(leased, accepted(leased))
    ledger.settle()
    assert messages(ledger) == []


def test_the_life_of_a_campaign_is_told_with_its_counts_and_results(ledger: Ledger, finished: int) -> None:
    started, results, ended = tell_everything(ledger)
    assert [one["type"] for one in (started, results, ended)] == [
        "campaign.started",
        "recipients.results",
        "campaign.finished",
    ]
    assert started["data"]["counts"] == {
        "total": 3, "pending": 3, "accepted": 0, "rejected": 0, "unknown": 0, "cancelled": 0, "skipped": 0,
    }  # fmt: skip
    assert ended["data"]["counts"]["accepted"] == 3
    assert (ended["data"]["campaign_id"], ended["data"]["campaign_key"]) == (finished, "order-1")
    assert ended["data"]["account"] == "default"
    first = results["data"]["results"][0]
    assert (first["position"], first["phone"], first["status"]) == (1, "79030000001", "accepted")
    assert (first["message_id"], first["segments"], first["provider_text"]) == (f"id-{finished}-1", 2, "send")
    assert first["client_key"].endswith("1")
    assert len(first["client_key"]) == 16
    assert is_idle(ledger)


def is_idle(ledger: Ledger) -> bool:
    return not ledger.read(is_anything_to_tell)


def test_what_is_written_down_holds_no_phone(ledger: Ledger, finished: int) -> None:
    assert "7903" not in "".join(str(one.facts) for one in messages(ledger))


def test_a_transaction_that_fails_tells_nothing(ledger: Ledger) -> None:
    add(ledger)
    campaign_id = ledger.a_campaign(3)
    with pytest.raises(RuntimeError), ledger.transaction() as session:
        pause_campaign(session, campaign_id, actor="anna", reason="wrong", clock=ledger.clock)
        raise RuntimeError
    assert kinds(ledger) == ["campaign.started"]


def test_pauses_are_told_with_their_reason(ledger: Ledger) -> None:
    add(ledger)
    campaign_id = ledger.a_campaign(3)
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="wrong text")
    ledger.do(pause_account_by_hand, "default", actor="anna", reason="holiday")
    _, campaign, account = tell_everything(ledger)
    assert (campaign["type"], campaign["data"]["reason"]) == ("campaign.paused", "wrong text")
    assert account["type"] == "account.paused"
    assert account["data"] == {"account": "default", "reason": "holiday"}


def test_a_brake_tells_that_the_account_is_paused(ledger: Ledger) -> None:
    add(ledger, kinds=["account.paused"])
    ledger.a_campaign(3)
    leased = ledger.a_lease()
    ledger.record(leased, no_credit(leased))
    (told,) = tell_everything(ledger)
    assert told["data"]["reason"].startswith("no credit")


def test_a_cancelled_campaign_tells_whom_it_leaves(ledger: Ledger) -> None:
    add(ledger)
    campaign_id = ledger.a_campaign(3)
    ledger.cancel(campaign_id)
    assert kinds(ledger) == ["campaign.started", "recipients.results", "campaign.cancelled"]
    assert told_positions(ledger) == [1, 2, 3]


def test_everybody_without_an_answer_is_told_when_they_are_given_up(ledger: Ledger) -> None:
    add(ledger)
    campaign_id = ledger.a_campaign(2)
    leased = ledger.a_lease()
    ledger.record(leased, in_doubt(leased), max_attempts=1)
    assert set(ledger.statuses(campaign_id).values()) == {"unknown"}
    assert told_positions(ledger) == [1, 2]


def test_whom_the_import_skipped_is_told_at_the_start(ledger: Ledger) -> None:
    add(ledger)
    ledger.do(add_stops, ["79030000002"], reason="asked", actor="anna")
    ledger.a_draft(3)
    assert messages(ledger) == []
    ledger.plan()
    assert kinds(ledger) == ["campaign.started", "recipients.results"]
    assert told_positions(ledger) == [2]


def test_an_answer_that_comes_twice_is_told_once(ledger: Ledger) -> None:
    add(ledger, kinds=["recipients.results"])
    ledger.a_campaign(3)
    leased = ledger.a_lease()
    ledger.record(leased, accepted(leased))
    ledger.record(leased, accepted(leased))
    assert told_positions(ledger) == [1, 2, 3]


def test_a_result_is_told_as_it_is_when_it_is_told(ledger: Ledger) -> None:
    add(ledger, kinds=["recipients.results"])
    ledger.a_campaign(1)
    leased = ledger.a_lease()
    ledger.record(leased, rejected(leased))
    ledger.record(leased, accepted(leased))
    (told,) = tell_everything(ledger)
    assert [one["status"] for one in told["data"]["results"]] == ["accepted"]


def test_a_webhook_of_one_account_hears_of_no_other(ledger: Ledger) -> None:
    ledger.an_account("other")
    add(ledger, "ours", account="default")
    add(ledger, "theirs", account="other")
    add(ledger, "both")
    campaign_id = ledger.a_campaign(1)
    names = {webhook(ledger, name).id: name for name in ("ours", "theirs", "both")}
    assert sorted(names[one.webhook_id] for one in messages(ledger)) == ["both", "ours"]
    ledger.cancel(campaign_id)


def test_results_of_one_campaign_are_merged_until_they_were_tried(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    add(ledger, kinds=["recipients.results"])
    ledger.a_campaign(8)
    for _ in range(2):
        leased = ledger.a_lease()
        ledger.record(leased, accepted(leased))
    first = lease(ledger)
    assert first.facts["positions"] == "1-4"
    leased = ledger.a_lease()
    ledger.record(leased, accepted(leased))
    fail(ledger, first)
    ledger.clock.jump(60)
    again, other = tell_everything(ledger)
    told = [[one["position"] for one in told["data"]["results"]] for told in (again, other)]
    assert sorted(told) == [[1, 2, 3, 4], [5, 6]]


def test_a_message_tells_of_a_bounded_number_of_recipients(ledger: Ledger) -> None:
    add(ledger, kinds=["recipients.results"])
    total = 2 * MOST_RESULTS + 1
    campaign_id = ledger.a_campaign(total)
    ledger.cancel(campaign_id)
    sizes = [len(told["data"]["results"]) for told in tell_everything(ledger)]
    assert sizes == [MOST_RESULTS, MOST_RESULTS, 1]
    assert len(ledger.all(select(Outcome))) == total


def test_two_senders_never_tell_at_once(ledger: Ledger) -> None:
    add(ledger)
    add(ledger, "other")
    ledger.a_campaign(1)
    found = together([lambda: ledger.do(lease_message) for _ in range(6)])
    assert len([one for one in found if one is not None]) == 1


def test_the_lease_of_a_killed_sender_runs_out_and_the_message_is_told_under_its_id(ledger: Ledger) -> None:
    add(ledger, kinds=["campaign.started"])
    ledger.a_campaign(1)
    lost = lease(ledger)
    assert ledger.do(lease_message) is None
    assert is_idle(ledger)
    ledger.clock.jump(LEASE_SECONDS + 1)
    again = lease(ledger)
    assert (again.message_id, again.attempt_count) == (lost.message_id, 2)


def test_a_sender_that_lost_its_lease_puts_nothing_off_but_may_say_that_it_was_taken(ledger: Ledger) -> None:
    add(ledger, kinds=["campaign.started"])
    ledger.a_campaign(1)
    lost = lease(ledger)
    ledger.clock.jump(LEASE_SECONDS + 1)
    again = lease(ledger)
    fail(ledger, lost)
    assert webhook(ledger).leased_until == again.leased_until
    assert webhook(ledger).failure_count == 0
    ledger.do(close_delivered, lost)
    fail(ledger, again)
    (message,) = messages(ledger)
    assert message.delivered_at is not None


def test_a_failure_is_tried_again_later_and_others_are_told_meanwhile(ledger: Ledger) -> None:
    add(ledger, kinds=["campaign.started", "campaign.cancelled"])
    campaign_id = ledger.a_campaign(1)
    poison = lease(ledger)
    fail(ledger, poison)
    ledger.cancel(campaign_id)
    assert ledger.do(lease_message) is None
    ledger.clock.jump(6)
    assert [told["type"] for told in tell_everything(ledger)] == ["campaign.cancelled"]
    assert webhook(ledger).failure_count == 0
    ledger.clock.jump(20)
    assert lease(ledger).id == poison.id


def test_a_receiver_that_is_down_does_not_keep_another_waiting(ledger: Ledger) -> None:
    add(ledger, "down")
    add(ledger, "up")
    ledger.a_campaign(1)
    first = lease(ledger)
    fail(ledger, first)
    assert lease(ledger).webhook_id != first.webhook_id


def test_after_a_day_it_is_given_up_with_an_event_and_a_doctor_says_so(ledger: Ledger) -> None:
    add(ledger, kinds=["campaign.started"])
    ledger.a_campaign(1)
    assert fail(ledger, lease(ledger)) == 0
    ledger.clock.jump(DAY_SECONDS)
    assert fail(ledger, lease(ledger)) == 1
    ledger.clock.jump(DAY_SECONDS)
    assert ledger.do(lease_message) is None
    assert ledger.events()[-1] == "webhook_gave_up"
    (ailment,) = ledger.read(lambda session, clock: list(find_webhook_ailments(session, clock=clock)))
    assert "1 messages were given up: the receiver answered 500" in ailment.finding


def test_a_replay_tells_again_under_the_same_ids(ledger: Ledger, finished: int) -> None:
    before = [one.id for one in messages(ledger)]
    first = lease(ledger).message_id
    ledger.clock.jump(LEASE_SECONDS + 1)
    assert len(list(tell_everything(ledger))) == 3
    moment = messages(ledger)[0].created_at
    assert ledger.do(replay_messages, moment, "shop", actor="anna") == 3
    assert lease(ledger).message_id == first
    assert [one.id for one in messages(ledger)] == before


def test_a_replay_leaves_alone_what_came_before(ledger: Ledger, finished: int) -> None:
    assert len(list(tell_everything(ledger))) == 3
    last = messages(ledger)[-1].created_at
    assert ledger.do(replay_messages, last, actor="anna") == 1
    assert [told["type"] for told in tell_everything(ledger)] == ["campaign.finished"]


def test_gone_disables_the_webhook_and_nothing_more_is_written_for_it(ledger: Ledger) -> None:
    add(ledger)
    campaign_id = ledger.a_campaign(1)
    fail(ledger, lease(ledger), gone=True)
    assert "webhook_disabled" in ledger.events()
    count = len(messages(ledger))
    ledger.cancel(campaign_id)
    assert len(messages(ledger)) == count
    ledger.clock.jump(DAY_SECONDS / 2)
    assert ledger.do(lease_message) is None
    with pytest.raises(WebhookRefused, match="bulkpost webhooks enable shop"):
        ledger.do(replay_messages, messages(ledger)[0].created_at, "shop", actor="anna")
    ledger.do(enable_webhook, "shop", actor="anna")
    assert lease(ledger).kind == "campaign.started"


def test_removing_a_webhook_in_the_middle_of_a_delivery_harms_nobody(ledger: Ledger) -> None:
    add(ledger)
    ledger.a_campaign(1)
    telling = lease(ledger)
    ledger.do(remove_webhook, "shop", actor="anna")
    assert fail(ledger, telling) == 0
    ledger.do(close_delivered, telling)
    assert messages(ledger) == []


def test_what_is_told_of_a_campaign_that_is_gone_is_dropped(ledger: Ledger) -> None:
    add(ledger, kinds=["campaign.started"])
    ledger.a_campaign(1)
    telling = lease(ledger)
    with ledger.transaction() as session:
        drop_message(session, telling)
    assert messages(ledger) == []
    assert is_idle(ledger)


def test_old_messages_are_swept(ledger: Ledger, finished: int) -> None:
    list(tell_everything(ledger))
    assert ledger.do(sweep_messages) == 0
    ledger.clock.jump(KEPT.total_seconds() + 1)
    assert ledger.do(sweep_messages) == 3


@pytest.mark.parametrize(
    ("name", "named", "said"),
    [
        ("shop", {}, 'there is a webhook "shop" already'),
        (" ", {}, "a webhook's name has 1 to 64 characters"),
        ("n" * 65, {}, "this one has 65"),
        ("new", {"kinds": ["campaign.started", "campaign.begun"]}, 'no event is called "campaign.begun"'),
    ],
)
def test_a_wrong_webhook_is_refused(ledger: Ledger, name: str, named: dict[str, Any], said: str) -> None:
    add(ledger)
    with pytest.raises(WebhookRefused, match=said):
        add(ledger, name, **named)


def test_what_is_not_there_cannot_be_changed(ledger: Ledger) -> None:
    add(ledger)
    for verb in (disable_webhook, enable_webhook, remove_webhook):
        with pytest.raises(WebhookRefused, match='no webhook "other": there is shop'):
            ledger.do(verb, "other", actor="anna")
    with pytest.raises(WebhookRefused, match="is not disabled"):
        ledger.do(enable_webhook, "shop", actor="anna")


def test_a_caller_s_own_key_and_ref_are_told(ledger: Ledger) -> None:
    add(ledger, kinds=["recipients.results"])
    ledger.a_campaign(recipients=[Recipient(phone="79030000001", ref="order 17")])
    leased = ledger.a_lease()
    ledger.record(leased, rejected(leased))
    (told,) = tell_everything(ledger)
    (result,) = told["data"]["results"]
    assert (result["ref"], result["status"], result["error_class"]) == ("order 17", "rejected", "recipient")
