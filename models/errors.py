"""What the ledger and the content refuse.

    LedgerError
    ├── ContentError       what a campaign says cannot be sent as it stands
    ├── MissingValue       one recipient has no value for a variable of the text
    ├── UnsendableText     one recipient's text has a character that XML 1.0 cannot carry
    ├── BadTimes           a window, a zone, a start or an end that cannot be
    ├── IllegalMove        a status change that the state machine does not have
    ├── UnknownAccount     no account of that name
    ├── UnknownCampaign    no campaign with that id
    ├── KeyConflict        the caller's campaign key exists with other content
    ├── EmptyList          a list in which nobody can be sent to
    └── WrongDatabase      not our tables, or those of another version

Every message is one line that names what, where, which value and how to mend it; none holds a secret or a whole phone.
"""


class LedgerError(Exception):
    """Base of everything that `models` raises on purpose."""


class ContentError(LedgerError):
    """Raised when a campaign's content is created or edited against the provider's rules."""


class MissingValue(LedgerError):
    """Raised when a template is rendered for a recipient who has no value (or a blank one) for a name in it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no value for {{{name}}}")
        self.name = name


class UnsendableText(LedgerError):
    """Raised when a rendered text holds a character that an XML 1.0 document cannot carry."""


class BadTimes(LedgerError):
    """Raised when a window, a zone, a start or an end cannot be understood, or can never come."""


class IllegalMove(LedgerError):
    """Raised when a campaign or an account is asked for a change that its status does not allow."""


class UnknownAccount(LedgerError):
    """Raised when an account's name is not in the database."""


class UnknownCampaign(LedgerError):
    """Raised when a campaign's id is not in the database."""


class KeyConflict(LedgerError):
    """Raised when a caller repeats a campaign key with different content."""


class EmptyList(LedgerError):
    """Raised when a list holds no recipient that can be sent to."""


class WrongDatabase(LedgerError):
    """Raised when the database has no Bulkpost tables, or those of another contract version."""
