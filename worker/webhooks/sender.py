"""The sender: message after message for one slice of time, each leased, posted outside of a transaction, and closed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from models.ledger.telling import (
    Telling,
    close_delivered,
    close_failed,
    drop_message,
    is_anything_to_tell,
    lease_message,
    read_payload,
)
from models.session import Clock, Sessions, database_clock, reading, transaction
from worker.clock import jitter, monotonic
from worker.errors import DispatchError
from worker.logs import log
from worker.settings import LANE_SECONDS, Settings
from worker.webhooks.addresses import read_target
from worker.webhooks.posting import Delivery, Poster
from worker.webhooks.signing import sign, signing_secret


@dataclass(frozen=True)
class Sender:
    """Tells webhooks what waits for them. `at` is called after each step, so that tests can kill the process there.

    `confirm` returns why nothing may be sent from this database, or None.
    """

    settings: Settings
    sessions: Sessions
    stopping: Callable[[], bool] = lambda: False
    confirm: Callable[[], str | None] = lambda: None
    poster: Poster = field(default_factory=Poster)
    clock: Clock = database_clock
    slice_seconds: float = LANE_SECONDS
    at: Callable[[str], None] = field(default=lambda step: None)

    def run(self) -> bool:
        """Tell one message after another until none is due, or the slice is over; return whether some may be left."""
        ends = monotonic() + self.slice_seconds
        if self.confirm() is not None:
            return False
        while not self.stopping():
            with transaction(self.sessions) as session:
                telling = lease_message(session, clock=self.clock)
            if telling is None:
                return False
            self.at("leased")
            self._tell(telling)
            if monotonic() >= ends:
                break
        with reading(self.sessions) as session:
            return is_anything_to_tell(session, clock=self.clock)

    def _tell(self, telling: Telling) -> None:
        with reading(self.sessions) as session:
            payload = read_payload(session, telling)
        if payload is None:
            with transaction(self.sessions) as session:
                drop_message(session, telling)
            return
        delivery = self._post(telling, payload)
        self.at("posted")
        with transaction(self.sessions) as session:
            given_up = self._close(session, telling, delivery)
            self.at("closing")
        facts = {"webhook": telling.webhook_name, "message": telling.id, "told": telling.kind}
        if delivery.problem is None:
            log.info("webhook_delivered", **facts)
        else:
            log.warning("webhook_failed", **facts, problem=delivery.problem, given_up=given_up)
        self.at("closed")

    def _post(self, telling: Telling, payload: dict[str, object]) -> Delivery:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        try:
            secret = signing_secret(self.settings.webhook_secret, telling.webhook_id, telling.webhook_created_at)
            target = read_target(telling.url, self.settings.webhook_private_addresses)
        except DispatchError as refused:
            return Delivery(str(refused))
        headers = sign(secret, telling.message_id, telling.leased_at, body)
        return self.poster.post(target, body.encode(), headers)

    def _close(self, session: Session, telling: Telling, delivery: Delivery) -> int:
        if delivery.problem is None:
            close_delivered(session, telling, clock=self.clock)
            return 0
        return close_failed(session, telling, delivery.problem, spread=jitter(), gone=delivery.gone, clock=self.clock)
