"""The emergency stop that needs neither database nor broker: while a file exists, its host's workers send nothing."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from worker.errors import ConfigurationError
from worker.logs import log


@dataclass
class StopFile:
    """One file that is looked for before each claim and again before each POST; one line in the log per change."""

    path: str
    _was_there: bool = field(default=False, repr=False)

    def is_there(self) -> bool:
        """Say whether nothing may be sent. A file that cannot be looked for counts as there."""
        there = exists(self.path)
        if there != self._was_there:
            self._was_there = there
            if there:
                log.warning("stop_file_found", path=self.full_path, mend="bulkpost start --file")
            else:
                log.warning("stop_file_gone", path=self.full_path)
        return there

    @property
    def full_path(self) -> str:
        """Where the file is looked for."""
        return str(Path(self.path).absolute())


def exists(path: str) -> bool:
    """Say whether something is at the path; what cannot be known counts as there: a stop fails closed."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def pull(path: str, said: str) -> None:
    """Make the file, with one line for whoever finds it; one that is there stays as it is.

    Raises:
        ConfigurationError: it cannot be made; nothing is stopped.
    """
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(f"{said}\n")
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be made ({error.strerror}): nothing is stopped; set BULKPOST_STOP_FILE to a place that "
            "you and the workers reach"
        ) from None


def release(path: str) -> bool:
    """Remove the file; say whether it was there.

    Raises:
        ConfigurationError: it cannot be removed.
    """
    try:
        Path(path).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be removed ({error.strerror}): the workers stay stopped") from None
    return True
