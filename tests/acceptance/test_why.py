"""`why`: one number's story holds every attempt, the gateway's own words, every decision, and what comes next."""

from models.ledger.control import cancel_campaign, pause_campaign, resume_campaign
from models.ledger.stops import add_stops
from models.ledger.why import Story, read_story, what_next
from models.session import reading, transaction
from tests.acceptance.answering import Faults, Mailing, mailing
from tests.support.driving import create, work_once
from worker.story import Step, tell

CUT: Faults = [{"requests": [1], "cut": "after"}]
FIRST, SECOND = "79030000001", "79030000002"


def story(work: Mailing, msisdn: str = FIRST) -> tuple[Story, list[Step]]:
    with reading(work.runtime.sessions) as session:
        found = read_story(session, msisdn, clock=work.clock)
    return found, tell(found)


def following(work: Mailing, msisdn: str = FIRST) -> str:
    with reading(work.runtime.sessions) as session:
        found = read_story(session, msisdn, clock=work.clock)
        return what_next(found, found.appearances[0], work.clock(session))[0]


def test_a_doubt_that_was_settled_is_told_from_the_import_to_the_answer(database_url: str) -> None:
    with mailing(database_url, CUT, count=3) as work:
        work.work_until_ended()
        found, steps = story(work, SECOND)
        (row,) = [row for row in work.rows() if row.phone == SECOND]
    told = [step.what for step in steps if not step.what.startswith("campaign_")]
    assert told == ["imported", "planned", "claimed", "in_doubt", "claimed", "answered", "accepted"]
    assert steps[0].said == f"position 2 of 3, key {row.client_id_sms}"
    assert "line 2 of its document" in next(step.said for step in steps if step.what == "claimed")
    answered = next(step for step in steps if step.what == "answered")
    assert (answered.http_status, answered.provider_text) == (200, row.provider_text)
    assert (found.appearances[0].status.value, following_of(found)) == ("accepted", "nothing: the gateway has taken it")


def following_of(found: Story) -> str:
    now = found.appearances[0].campaign.created_at
    return what_next(found, found.appearances[0], now)[0]


def test_every_text_of_the_gateway_is_told_word_for_word(database_url: str) -> None:
    odd = [{"phones": [SECOND], "text": "Wait, I  am thinking"}]
    with mailing(database_url, odd, count=3) as work:
        assert work.work_until_ended() == {"accepted": 2, "unknown": 1}
        _, steps = story(work, SECOND)
    assert [step.provider_text for step in steps if step.what == "answered"] == ["Wait, I  am thinking"] * 3
    assert [step.what for step in steps if not step.what.startswith("campaign_")][-1] == "unknown"


def test_decisions_of_people_are_told_with_their_reasons(database_url: str) -> None:
    with mailing(database_url, [], count=3) as work:
        with transaction(work.runtime.sessions) as session:
            pause_campaign(session, work.campaign_id, actor="anna", reason="wrong price")
        assert "paused by anna: wrong price" in following(work)
        with transaction(work.runtime.sessions) as session:
            resume_campaign(session, work.campaign_id, actor="olga")
        with transaction(work.runtime.sessions) as session:
            cancel_campaign(session, work.campaign_id, actor="anna", reason="not today")
        _, steps = story(work)
        assert following(work) == "nothing: it is not sent"
    told = {step.what: step.said for step in steps}
    assert told["campaign_paused"] == "by anna: wrong price"
    assert told["campaign_resumed"].startswith("by olga")
    assert told["campaign_cancelled"] == "by anna: not today"
    assert told["cancelled"] == "the campaign was cancelled before this was posted"


def test_what_comes_next_names_the_doubt_the_time_and_the_stop_list(database_url: str) -> None:
    with mailing(database_url, [{"cut": "after"}], count=3) as work:
        assert following(work).startswith("it is posted")
        work_once(work.runtime, work.clock)
        with reading(work.runtime.sessions) as session:
            found = read_story(session, FIRST, clock=work.clock)
            said, at = what_next(found, found.appearances[0], work.clock(session))
        assert said.startswith("it is asked again under the same key")
        assert at is not None and at > found.appearances[0].tries[0].attempt.opened_at
        with transaction(work.runtime.sessions) as session:
            add_stops(session, [FIRST], reason="asked by letter", actor="anna")
        assert following(work) == "the next claim ends it as unknown: the number is on the stop list"
        found, steps = story(work)
    assert found.stop is not None
    assert steps[-1].said == "on the stop list by anna: asked by letter"


def test_a_number_in_two_campaigns_has_one_story_in_time_order(database_url: str) -> None:
    with mailing(database_url, [], count=2) as work:
        work.work_until_ended()
        second = create(work.runtime, 1)
        work_once(work.runtime, work.clock)
        found, steps = story(work)
    assert [one.campaign.id for one in found.appearances] == [work.campaign_id, second]
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert {step.campaign_id for step in steps} == {work.campaign_id, second}


def test_nothing_is_known_of_a_stranger(database_url: str) -> None:
    with mailing(database_url, [], count=1) as work:
        found, steps = story(work, "79040000000")
    assert (found.appearances, found.stop, steps) == ((), None, [])
