"""The inbox at the border: what a row of another application means, and where it goes.

Rows are taken in pieces, each a short transaction; nothing that an application has written stops the others' rows, and
nobody's open transaction is waited for.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from re import compile as compile_pattern
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.content import Content, check, from_json, variable_names
from models.errors import ContentError, LedgerError
from models.ledger.client_keys import ILLEGAL, is_legal
from models.ledger.gathering import Letter, begin_gathering, find_complete, find_large, finish_gathering, gather
from models.ledger.inbox import (
    ROWS_AT_ONCE,
    Group,
    WaitingRow,
    forget_rows,
    is_alone,
    is_anything_waiting,
    mark_refused,
    mark_taken,
    read_waiting,
)
from models.ledger.rows import NewRow
from models.session import Clock, Sessions, database_clock, reading, transaction
from worker.clock import monotonic
from worker.database_faults import find_fault
from worker.logs import log

if TYPE_CHECKING:
    from worker.intake.phones import PhoneReader

SLICE_SECONDS = 1.0
"""How long one tick takes rows in, in their order, before it goes on with its other steps."""
SMALL_SLICE_SECONDS = 0.5
"""And how long it then takes rows of the campaigns that stand behind a large one."""
MOST_WAITED_MILLISECONDS = 200
"""How long a row that another transaction is about to use up waits for it."""

_UNSTORABLE = compile_pattern("[\x00\ud800-\udfff]")
_KEY_IN_USE = (
    "another transaction is making a campaign of this campaign_key at this moment: insert the row again if it does not"
)
_CLIENT_KEY_IN_USE = "another transaction is using this client_key at this moment: insert the row again if it does not"

Members = list[tuple[int, NewRow]]
"""Rows by their ids."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A row that can be sent."""

    letter: Letter
    row: NewRow


@dataclass(frozen=True)
class Inbox:
    """Takes rows in. `at` is called after each step, so that tests can kill the process there."""

    sessions: Sessions
    default_region: str
    clock: Clock = database_clock
    at: Callable[[str], None] = field(default=lambda step: None)
    rows_at_once: int = ROWS_AT_ONCE

    def take_in(self, seconds: float = SLICE_SECONDS) -> int:
        """Take waiting rows in for a bounded time, announce what is complete; return how many campaigns that were."""
        with reading(self.sessions) as session:
            if not is_anything_waiting(session):
                return 0
        if self._take_pieces(seconds):
            with reading(self.sessions) as session:
                large = list(find_large(session).values())
            if large:
                self._take_pieces(min(seconds, SMALL_SLICE_SECONDS), large)
        with reading(self.sessions) as session:
            complete = find_complete(session, clock=self.clock)
        return sum(self._finish(campaign_id) for campaign_id in complete)

    def forget(self) -> int:
        """Delete a bounded number of rows that were taken or refused long ago; return how many."""
        with transaction(self.sessions) as session:
            return forget_rows(session, clock=self.clock)

    def _take_pieces(self, seconds: float, but: Sequence[Group] = ()) -> bool:
        """Take rows of all groups but some for a bounded time; say whether that ended before there were none left."""
        ends = monotonic() + seconds
        last = 0
        while (found := self._take_piece(last, but)) is not None:
            if monotonic() >= ends:
                return True
            last = found
        return False

    def _take_piece(self, after_id: int, but: Sequence[Group]) -> int | None:
        """Take the next rows in one transaction; return the id of the last, None where there are none."""
        with transaction(self.sessions) as session:
            rows = read_waiting(session, after_id, self.rows_at_once, but) if is_alone(session) else []
            if not rows:
                return None
            wait_briefly(session)
            refusals: dict[int, str] = {}
            groups: dict[Letter, Members] = {}
            for row, judged in zip(rows, self._judge(rows), strict=True):
                if isinstance(judged, str):
                    refusals[row.id] = judged
                else:
                    groups.setdefault(judged.letter, []).append((row.id, judged.row))
            for letter, members in groups.items():
                refusals |= self._gather(session, letter, members)
            mark_refused(session, refusals, self.clock(session))
            self.at("taking_in")
        self.at("taken_in")
        if refusals:
            log.warning("inbox_rows_refused", count=len(refusals))
        return rows[-1].id

    def _gather(self, session: Session, letter: Letter, members: Members) -> dict[int, str]:
        """Give rows to their campaign; return those that are refused. What fails undoes itself alone."""
        try:
            with session.begin_nested():
                begin_gathering(session, letter, clock=self.clock)
        except LedgerError as error:
            return {row_id: str(error) for row_id, _ in members}
        except SQLAlchemyError as error:
            words = _words(error, _KEY_IN_USE)
            return {row_id: words for row_id, _ in members}
        return self._place(session, letter, members)

    def _place(self, session: Session, letter: Letter, members: Members) -> dict[int, str]:
        """Put rows into their campaign; where the database refuses, its halves, so that one row costs only itself."""
        try:
            with session.begin_nested():
                placed = gather(session, letter, [row for _, row in members], clock=self.clock)
                places = dict(zip((row_id for row_id, _ in members), placed.places, strict=True))
                taken = {row_id: place for row_id, place in places.items() if isinstance(place, int)}
                mark_taken(session, taken, placed.campaign_id, self.clock(session))
        except LedgerError as error:
            return {row_id: str(error) for row_id, _ in members}
        except SQLAlchemyError as error:
            words = _words(error, _CLIENT_KEY_IN_USE)
            if len(members) == 1:
                return {members[0][0]: words}
            half = len(members) // 2
            return self._place(session, letter, members[:half]) | self._place(session, letter, members[half:])
        return {row_id: place for row_id, place in places.items() if isinstance(place, str)}

    def _finish(self, campaign_id: int) -> int:
        with transaction(self.sessions) as session:
            done = is_alone(session) and finish_gathering(session, campaign_id, clock=self.clock)
            self.at("gathering")
        self.at("gathered")
        return int(done)

    @cached_property
    def _phones(self) -> "PhoneReader":
        # Here, because every worker looks whether something waits, and few find something.
        from worker.intake.phones import PhoneReader

        return PhoneReader(self.default_region)

    def _judge(self, rows: Iterable[WaitingRow]) -> Iterable[Fit | str]:
        """Yield of each row what it means, or one sentence why it is refused."""
        contents: dict[tuple[str | None, ...], tuple[Content, tuple[str, ...]] | str] = {}
        for row in rows:
            said = tuple(row.columns[name] for name in ("kind", "sender", "text", "content"))
            if said not in contents:
                contents[said] = _read_content(row.columns)
            yield row.problem or self._judge_one(row, contents[said])

    def _judge_one(self, row: WaitingRow, said: tuple[Content, tuple[str, ...]] | str) -> Fit | str:
        columns = row.columns
        if isinstance(said, str):
            return said
        content, names = said
        for name, value in columns.items():
            if value is not None and not is_storable(value):
                return f"its {name} has a character that cannot be stored"
        if not (columns["campaign_key"] or "").strip():
            return "it has no campaign_key: give the rows of one mailing the same, and no other mailing that one"
        msisdn, problem = self._phones.read(columns["phone"] or "")
        if msisdn is None:
            return problem or "not a phone number"
        if columns["client_key"] is not None and not is_legal(columns["client_key"]):
            return ILLEGAL
        values = _read_values(columns["variables"], names)
        if isinstance(values, str):
            return values
        letter = Letter(columns["account"] or "", columns["campaign_key"] or "", content, row.send_at)
        encoded = json.dumps(values, ensure_ascii=False) if names else None
        return Fit(letter, NewRow(msisdn, columns["ref"], encoded, None, columns["client_key"]))


def _words(error: SQLAlchemyError, busy: str) -> str:
    """Say why the database refuses rows.

    Raises:
        SQLAlchemyError: it is the database itself that fails: they wait.
    """
    fault = find_fault(error)
    if fault.everywhere:
        raise error
    log.error("inbox_rows_failed", error=fault.words)
    return busy if fault.passes else fault.words


def wait_briefly(session: Session) -> None:
    """Let this transaction wait for others a moment only."""
    if session.get_bind().dialect.name != "sqlite":
        session.connection().exec_driver_sql(f"SET LOCAL lock_timeout = {MOST_WAITED_MILLISECONDS}")


def _read_content(columns: Mapping[str, str | None]) -> tuple[Content, tuple[str, ...]] | str:
    given: dict[str, Any] = {name: columns[name] for name in ("sender", "text") if columns[name] is not None}
    if columns["content"] is not None:
        said = read_object(columns["content"])
        if said is None:
            return 'its content is no JSON object of texts, such as {"sender": "Shop", "text": "Hello"}'
        for name, value in given.items():
            if said.setdefault(name, value) != value:
                return f"its {name} stands in a column of its own and differently in content: give it once"
        given = said
    try:
        content = from_json(columns["kind"] or "", given)
        check(content)
        return content, variable_names(content)
    except ContentError as error:
        return str(error)


def _read_values(variables: str | None, names: tuple[str, ...]) -> list[str] | str:
    """Return the values of a row in the order of the names in the text, or why it has none."""
    said = {} if variables is None else read_object(variables)
    if said is None:
        return 'its variables are no JSON object of texts and numbers, such as {"name": "Anna"}'
    values = []
    for name in names:
        value = said.get(name)
        if not isinstance(value, str) or not value.strip():
            return f"no value for {{{name}}}"
        values.append(value)
    return values


def read_object(written: str) -> dict[str, Any] | None:
    """Return a JSON object of texts and numbers; None where it is none, or holds what no database keeps.

    Numbers come as they are written, and null as nothing.
    """
    try:
        said = json.loads(written, parse_float=str, parse_int=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    kept = {name: value for name, value in said.items() if value is not None}
    if not all(isinstance(value, str) and is_storable(name) and is_storable(value) for name, value in kept.items()):
        return None
    return kept


def is_storable(written: str) -> bool:
    """Say whether both databases can keep a text: no NUL, and no half of a surrogate pair."""
    return _UNSTORABLE.search(written) is None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
