"""A campaign key that comes again: the same words make the first campaign's repeat, other words a conflict."""

import hashlib
import json
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..campaign import Campaign
from ..content import Content, to_json
from ..errors import KeyConflict
from ..event import Event
from .locks import find_account


def find_by_key(
    session: Session,
    account: str,
    key: str,
    content: Content,
    *,
    at: datetime | None = None,
    total_count: int | None = None,
) -> int | None:
    """Return the id of the account's campaign with this external key, or None.

    `at` and `total_count` (recipients) are compared where they are given. What a person has edited since is not held
    against whoever repeats what was said first.

    Raises:
        KeyConflict: it exists with other content; the message names the fields that differ.
    """
    account_id = find_account(session, account).id
    campaign = session.execute(
        select(
            Campaign.id,
            Campaign.kind,
            Campaign.content,
            Campaign.content_hash,
            Campaign.start_at,
            Campaign.total_count,
            Campaign.imported_at,
        ).where(Campaign.account_id == account_id, Campaign.external_key == key)
    ).one_or_none()
    if campaign is None:
        return None
    found: int = campaign.id
    differing = []
    if campaign.kind != content.kind:
        differing.append(f"kind: {campaign.kind}, now {content.kind}")
    elif campaign.content_hash != content_hash(content):
        new = to_json(content)
        names = sorted({*new, *campaign.content})
        differing += [f"content.{name}" for name in names if new.get(name) != campaign.content.get(name)]
    if at is not None and at != campaign.start_at:
        differing.append("start_at")
    if differing:
        edited = _edited(session, found)
        differing = [name for name in differing if name not in edited]
    if total_count is not None and campaign.imported_at is not None and total_count != campaign.total_count:
        differing.append(f"recipients: {campaign.total_count:,}, now {total_count:,}")
    if not differing:
        return found
    words = ", ".join(name.removeprefix("content.").replace("start_at", "at") for name in differing)
    raise KeyConflict(
        f'campaign key "{key}" belongs to campaign {found}, which says something else ({words}): use a new key for a '
        "new campaign"
    )


def content_hash(content: Content) -> str:
    """Return the SHA-256 of kind and content, in hexadecimal."""
    spelled = json.dumps([content.kind, to_json(content)], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(spelled.encode()).hexdigest()


def _edited(session: Session, campaign_id: int) -> set[str]:
    """Return what was changed of a campaign since it was created, by the names that its events use."""
    events = session.execute(
        select(Event.facts).where(Event.campaign_id == campaign_id, Event.kind == "campaign_edited")
    ).scalars()
    return {name for facts in events if facts for name in facts.get("changed", ())}
