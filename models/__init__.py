"""What is recorded, what may be said, which moves are lawful, and all the SQL.

Other applications install this folder as the distribution `bulkpost`:

    from bulkpost import Recipient, Sms, enqueue_campaign, report, results, wait_until_ended

Imports inside are relative, so that the folder works under both names. Needs SQLAlchemy only.
"""

from .account import Account
from .api_key import ApiKey, HttpRequest
from .attempt import Attempt
from .base import CONTRACT_VERSION, Base
from .batch import Batch
from .campaign import Campaign
from .content import Content, FlashSms, Silence, Sms, SmsViber, VCard, Viber, ViberSms, WapPush
from .errors import (
    BadTimes,
    ContentError,
    EmptyList,
    IllegalMove,
    KeyConflict,
    LedgerError,
    UnknownAccount,
    UnknownCampaign,
    WrongDatabase,
)
from .event import Event
from .installation import Installation
from .ledger.enqueue import Recipient, enqueue_campaign
from .ledger.report import ResultRow
from .outcome import Outcome
from .outgoing import Gathering, Outgoing
from .reading import NotEnded, report, results, wait_until_ended
from .schedule import SavedList, SavedRow, Schedule
from .states import AccountStatus, BatchStatus, CampaignStatus, ErrorClass, RecipientStatus
from .stop import Stop
from .timing import Timing
from .webhook import Webhook, WebhookMessage

__all__ = [
    "CONTRACT_VERSION",
    "Account",
    "AccountStatus",
    "ApiKey",
    "Attempt",
    "BadTimes",
    "Base",
    "Batch",
    "BatchStatus",
    "Campaign",
    "CampaignStatus",
    "Content",
    "ContentError",
    "EmptyList",
    "ErrorClass",
    "Event",
    "FlashSms",
    "Gathering",
    "HttpRequest",
    "IllegalMove",
    "Installation",
    "KeyConflict",
    "LedgerError",
    "NotEnded",
    "Outcome",
    "Outgoing",
    "Recipient",
    "RecipientStatus",
    "ResultRow",
    "SavedList",
    "SavedRow",
    "Schedule",
    "Silence",
    "Sms",
    "SmsViber",
    "Stop",
    "Timing",
    "UnknownAccount",
    "UnknownCampaign",
    "VCard",
    "Viber",
    "ViberSms",
    "WapPush",
    "Webhook",
    "WebhookMessage",
    "WrongDatabase",
    "enqueue_campaign",
    "report",
    "results",
    "wait_until_ended",
]
