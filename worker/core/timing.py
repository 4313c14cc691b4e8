"""One recipient's moments in the words of one account: upcoming ones only, in its local time."""

from dataclasses import fields, replace
from datetime import datetime, timedelta

from models.timing import Moments, upcoming


def in_account_time(moments: Moments, now: datetime, offset_minutes: int) -> Moments:
    """Return the moments as the account's clock shows them, without a zone; a beginning that has passed is left out.

    The zone of the provider's times is nowhere stated; the account's local time is assumed. Source: protocol.md 15.
    """
    moments = upcoming(moments, now)
    shift = timedelta(minutes=offset_minutes)
    given = {field.name: getattr(moments, field.name) for field in fields(moments)}
    return replace(moments, **{name: (at + shift).replace(tzinfo=None) for name, at in given.items() if at is not None})
