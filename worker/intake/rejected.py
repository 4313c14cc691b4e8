"""The file of refused rows: what was not taken, where it stands, and why.

It exists only if something was refused, and only whole: it is written under another name and moved at the end.
"""

from contextlib import suppress
from csv import writer
from os import fdopen
from pathlib import Path
from re import compile as compile_pattern
from tempfile import mkstemp
from types import TracebackType
from typing import Any, Self, TextIO

from worker.intake.errors import IntakeError
from worker.intake.opening import STDIN

HEADER = ("line", "value", "reason")

_FORMULA = compile_pattern(r"[=+\-@\t\r]")
_PHONE = compile_pattern(r"\+[0-9][0-9 ()\-]*")


class RejectedRows:
    """Writes `line,value,reason` rows (CSV, UTF-8). A context manager: an error in its block leaves no file.

    `asked` is the path that the caller wants; by default it is `<list>.rejected.csv` beside the list, or in the working
    directory where the list has no folder or none that can be written to. An earlier file of that name is replaced; the
    list itself never. `path` is None until a row was refused.

    Raises: IntakeError where the file cannot be written, or is the list.
    """

    def __init__(self, list_path: str | Path, asked: str | Path | None = None) -> None:
        self.path: Path | None = None
        self.count = 0
        self._places = _places(list_path, asked)
        self._file: TextIO | None = None
        self._draft: Path | None = None
        self._write: Any = None

    def add(self, line: int, value: str, reason: str) -> None:
        """Write one refused row. What a spreadsheet would run as a formula gets an apostrophe in front."""
        if self._file is None:
            self._open()
        self._write((line, _harmless(value), reason))
        self.count += 1

    def close(self) -> None:
        """Put the file in its place; without a refused row there is none."""
        if self._file is None or self._draft is None or self.path is None:
            return
        self._file.close()
        self._file = None
        try:
            self._draft.replace(self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def discard(self) -> None:
        """Leave no file."""
        if self._file is not None and self._draft is not None:
            self._file.close()
            self._file = self.path = None
            with suppress(OSError):
                self._draft.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def _open(self) -> None:
        for place in self._places:
            try:
                number, name = mkstemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent)
            except OSError as error:
                trouble = _unwritable(place, error)
                continue
            self.path, self._draft = place, Path(name)
            self._file = fdopen(number, "w", encoding="utf-8", errors="backslashreplace", newline="")
            self._write = writer(self._file).writerow
            self._write(HEADER)
            return
        raise trouble


def _places(list_path: str | Path, asked: str | Path | None) -> tuple[Path, ...]:
    if asked is not None:
        place = Path(asked)
        if str(list_path) != STDIN and place.resolve() == Path(list_path).resolve():
            raise IntakeError(f"{place} is the list itself: give the refused rows another file")
        if place.is_dir():
            raise IntakeError(f"{place} is a directory: name a file for the refused rows")
        if not place.parent.is_dir():
            raise IntakeError(f"{place}: there is no folder {place.parent} for the refused rows: create it")
        return (place,)
    if str(list_path) == STDIN:
        return (Path("stdin.rejected.csv"),)
    name = f"{Path(list_path).stem}.rejected.csv"
    return (Path(list_path).with_name(name), Path(name))


def _harmless(value: str) -> str:
    if _FORMULA.match(value) and not _PHONE.fullmatch(value):
        return "'" + value
    return value


def _unwritable(place: Path, error: OSError) -> IntakeError:
    return IntakeError(
        f"{place} cannot be written ({error.strerror}): name another file for the refused rows with --rejected"
    )
