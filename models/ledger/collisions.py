"""Two recipients, one id (P10): somebody else uses our keys, and messages are silently not being sent."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..outcome import Outcome
from ..states import ErrorClass, RecipientStatus
from ..work import Brake, Closing, Lease, RecipientOutcome


def raise_collisions(session: Session, lease: Lease, closing: Closing, space: int) -> Closing:
    """Turn acceptances whose id another recipient holds, or gets too, into `unknown`, and pause the account (P10)."""
    told = [
        (o.provider_message_id, o.position)
        for o in closing.outcomes
        if o.status is RecipientStatus.ACCEPTED and o.provider_message_id
    ]
    ids = dict(told)
    taken = other_holders(session, lease.campaign_id, space, ids)
    if len(ids) < len(told):
        taken |= {message_id for message_id, position in told if ids[message_id] != position}
    if not taken:
        return closing
    reason = "the gateway answered with the id of another recipient's message"
    outcomes = tuple(
        RecipientOutcome(
            position=o.position,
            status=RecipientStatus.UNKNOWN,
            provider_message_id=o.provider_message_id,
            provider_text=o.provider_text,
            error_class=ErrorClass.COLLISION,
            reason=reason,
            after_doubt=True,
        )
        if o.provider_message_id in taken and o.status is RecipientStatus.ACCEPTED
        else o
        for o in closing.outcomes
    )
    brake = Brake(
        scope="account",
        reason=f"{len(taken)} answers carried the id of another recipient's message: another program uses the same "
        "client_id_sms on this login, and messages are silently not sent; give Bulkpost a login of its own",
        error_class=ErrorClass.COLLISION,
    )
    return replace(closing, outcomes=outcomes, brake=brake)


def first_of_collision(session: Session, closing: Closing, space: int) -> frozenset[int]:
    """Return who holds an id that several recipients were told and nobody else has held before."""
    first: dict[str, int] = {}
    if closing.brake is not None and closing.brake.error_class is ErrorClass.COLLISION:
        for outcome in closing.outcomes:
            if outcome.error_class is ErrorClass.COLLISION and outcome.provider_message_id:
                first.setdefault(outcome.provider_message_id, outcome.position)
    held = other_holders(session, 0, space, first)
    return frozenset(position for message_id, position in first.items() if message_id not in held)


def other_holders(session: Session, campaign_id: int, space: int, ids: Mapping[str, int]) -> set[str]:
    """Return which of these provider ids (id -> our position) another recipient of the same gateway holds already."""
    if not ids:
        return set()
    rows = session.execute(
        select(Outcome.provider_message_id, Outcome.campaign_id, Outcome.position).where(
            Outcome.provider_message_id.in_(ids), Outcome.id_space == space
        )
    )
    return {
        row.provider_message_id
        for row in rows
        if (row.campaign_id, row.position) != (campaign_id, ids[row.provider_message_id])
    }
