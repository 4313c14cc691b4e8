"""Recipient lists from files, as streams of rows.

Knows formats, encodings, columns and the spellings of numbers; nothing of campaigns, and not which numbers repeat. A
list that cannot be used is one `IntakeError`; a row that cannot be used is a `Row` with a `problem`.
"""

from worker.intake.errors import IntakeError
from worker.intake.opening import FORMATS, STDIN, open_list
from worker.intake.phones import PhoneReader
from worker.intake.recipient_list import RecipientList
from worker.intake.rejected import RejectedRows
from worker.intake.row import Row

__all__ = ["FORMATS", "STDIN", "IntakeError", "PhoneReader", "RecipientList", "RejectedRows", "Row", "open_list"]
