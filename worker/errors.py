"""What the worker raises.

    DispatchError
    ├── ConfigurationError      the process does not start; every problem at once
    ├── RenderError             one recipient cannot be rendered; never sinks a batch
    └── GatewayError            one POST brought no readable reply; the facts are on the class
        ├── NotSent             certainly not delivered: name resolution, refused, connect timeout, TLS
        ├── Unanswered          perhaps delivered: cut, reset, read timeout, 408, 5xx
        │   └── Unreadable      an answer, but not the documented one
        ├── Throttled           429
        ├── TooLarge            413: nothing was processed, half the document may be
        └── Misdirected         3xx, 401, 403, 404, 405, 415: the address or the account is set up wrongly

The dispatcher asks the error for its facts; it walks no ladder of types. No message holds a credential, a phone
number or a text.
"""

from worker.core.messages import Pace


class DispatchError(Exception):
    """Base of everything that `worker` raises on purpose."""


class ConfigurationError(DispatchError):
    """Raised at start; `problems` lists everything that is wrong, a line each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RenderError(DispatchError):
    """Raised when one recipient's message cannot be made from its content and values."""


class GatewayError(DispatchError):
    """Raised by one POST that brought no readable reply.

    `attempt_outcome`: how the attempt is closed. `in_doubt`: the provider may have processed the document.
    `pauses_account`: nothing will change until a person mends the set-up. `splits`: half of the document may pass.
    `keep_request`: our bytes are evidence. `pace`: how long a repeat waits at least.
    `timed_out`: the provider may be at work on the document still.
    """

    attempt_outcome = "in_doubt"
    in_doubt = True
    pauses_account = False
    splits = False
    transport_failed = True
    keep_request = False
    pace = Pace.BACKOFF

    def __init__(
        self,
        explanation: str,
        *,
        http_status: int | None = None,
        raw: bytes = b"",
        retry_after_seconds: float | None = None,
        still_at_work: bool = False,
    ) -> None:
        super().__init__(explanation)
        self.explanation = explanation
        self.http_status = http_status
        self.raw = raw
        self.retry_after_seconds = retry_after_seconds
        self.timed_out = still_at_work
        if still_at_work:
            self.pace = Pace.PATIENT


class NotSent(GatewayError):
    """Raised when not one byte of the document reached the provider."""

    attempt_outcome = "not_sent"
    in_doubt = False


class Unanswered(GatewayError):
    """Raised when the body may have left and no answer came; a repeat under the same keys settles it."""


class Unreadable(Unanswered):
    """Raised when an answer came that is not the documented one; its bytes are in `raw`."""

    keep_request = True


class Throttled(GatewayError):
    """Raised on 429; `retry_after_seconds` if the provider said when. A doubt that counts towards no limit of attempts.

    Source: protocol.md 8 calls it unknown: something may have been processed before somebody said to wait.
    """

    attempt_outcome = "throttled"
    transport_failed = False


class TooLarge(GatewayError):
    """Raised on 413: the document was refused for its size."""

    attempt_outcome = "refused"
    in_doubt = False
    splits = True
    transport_failed = False
    pace = Pace.NOW


class Misdirected(GatewayError):
    """Raised on 3xx, 401, 403, 404, 405 and 415: this address does not take our documents."""

    attempt_outcome = "refused"
    in_doubt = False
    pauses_account = True
    transport_failed = False
    pace = Pace.NOW
