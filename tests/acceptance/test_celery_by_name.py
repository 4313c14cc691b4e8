"""`bulkpost.enqueue_campaign` by name, from an application that has nothing of ours but the broker."""

from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.support.programs import bulkpost, bulkpost_json, environment, program
from worker.simulator.running import running_simulator

pytestmark = pytest.mark.timeout(120)


def test_a_message_that_comes_twice_is_one_campaign_and_a_wrong_one_is_a_line_in_the_log(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    people = [{"phone": str(79030000000 + number)} for number in range(5)]
    asked: dict[str, Any] = {"key": "order-1", "content": {"sender": "Shop", "text": "Hi"}, "recipients": people}
    log = tmp_path / "up.log"
    with running_simulator() as simulator, Celery(broker=redis_url) as shop:
        settings = environment(postgres_url, BROKER_URL=redis_url)
        assert bulkpost(settings, "account", "set", "default", "--gateway-url", simulator.url).returncode == 0
        for kwargs in (asked, asked, {"recipients": people}, {**asked, "content": {"sender": "Shop", "text": "Ho"}}):
            shop.send_task("bulkpost.enqueue_campaign", kwargs=kwargs, queue="bulkpost")
        with program(settings, "bulkpost", "up", log=log):
            simulator.wait_for_documents(1)
            while log.read_text().count("campaign_refused") < 2:
                pass
        again = bulkpost(settings, "up", "--until-idle")
        assert again.returncode == 0, again.stderr
        (campaign,) = bulkpost_json(settings, "campaign", "list")
        assert (campaign["status"], campaign["counts"]["accepted"]) == ("finished", 5)
        assert simulator.ledger()["charged"] == 5
    said = log.read_text()
    assert "key is missing" in said
    assert "says something else (text)" in said
    assert "7903000000" not in said
