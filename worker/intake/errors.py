"""What reading a list refuses as a whole. One bad row is never an error: it is a `Row` with a `problem`."""

from worker.errors import DispatchError


class IntakeError(DispatchError):
    """Raised when a list, or the file for its refused rows, cannot be used; one line that says how to mend it."""
