"""What was charged: the first message of every key, and how often it was asked for again. Source: protocol.md 9.

Columns, so that a million messages take a few hundred megabytes: a list of tuples would take twice that.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from itertools import repeat
from time import time_ns

from worker.simulator.content import Content
from worker.simulator.journal import Journal

PRICE = Decimal("1.00")  # of one segment


class Ledger:
    """The charged messages of all accounts. A row is a number from 0; `seq` in what is shown is the row plus one.

    A key belongs to an account. A message without a key is charged whenever it comes.
    Not safe for threads: everything happens in the event loop of the server.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self.parts = 0
        self._rows_by_key: dict[str, dict[str, int]] = {}
        self._accounts: list[str] = []
        self._keys: list[str] = []
        self._phones: list[str] = []
        self._contents: list[Content] = []
        self._times = array("d")
        self._ids = array("q")
        self._odd_ids: dict[int, str] = {}
        self._rows_by_odd_id: dict[str, int] = {}
        self._repeats: dict[int, int] = {}
        self._conflicts: dict[int, int] = {}
        # Microseconds since 1970: above 32 bits, below 2^53, and ahead of every id of an earlier run.
        self._next_id = time_ns() // 1000
        self._journal = journal
        if journal:
            for charged in journal.read():
                self._restore(*charged)
            self._next_id = max(self._next_id, self._ids[-1] + 1 if self._ids else 0)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def repeats(self) -> int:
        """How often a charged message was asked for again."""
        return sum(self._repeats.values())

    @property
    def conflicts(self) -> int:
        """How many of the repeats came with another phone or another content."""
        return sum(self._conflicts.values())

    @property
    def money(self) -> Decimal:
        """What all charged messages cost."""
        return self.parts * PRICE

    def charge_all(
        self, account: str, keys: list[str], phones: list[str], contents: list[Content], at: float
    ) -> Sequence[int] | None:
        """Charge many new messages at once and return their ids; return None, and charge nobody, if one is not new."""
        known = self._rows_by_key.setdefault(account, {})
        if not known.keys().isdisjoint(keys) or len(set(keys)) < len(keys) or "" in keys:
            return None
        start, count = len(self._keys), len(keys)
        ids = range(self._next_id, self._next_id + count)
        if self._journal:
            self._journal.write(account, at, zip(keys, ids, phones, contents, strict=True))
        self._next_id += count
        known.update(zip(keys, range(start, start + count), strict=True))
        self._keys += keys
        self._phones += phones
        self._contents += contents
        self._accounts += repeat(account, count)
        self._times.extend(repeat(at, count))
        self._ids.extend(ids)
        self.parts += sum(content.parts for content in contents)
        return ids

    def charge(
        self, account: str, key: str, phone: str, content: Content, at: float, id_digits: int | None = None
    ) -> int:
        """Charge one message, whose key must be new or empty, and return its row."""
        number = self._next_id
        id_sms = self.spend_id(id_digits)
        if self._journal:
            self._journal.write(account, at, [(key, id_sms, phone, content)])
        return self._add(account, key, number, id_sms, phone, content, at)

    def spend_id(self, id_digits: int | None = None) -> str:
        """Return an id that no message has or will have; `id_digits` makes it that long at least."""
        number = self._next_id
        self._next_id += 1
        # A leading 9 keeps the padded ids apart from each other and from the plain ones.
        return "9" + str(number).rjust(id_digits - 1, "0") if id_digits else str(number)

    def row_of(self, account: str, key: str) -> int | None:
        """Return the row that this key was charged in, if it was."""
        return self._rows_by_key.get(account, {}).get(key) if key else None

    def knows_any(self, account: str, keys: list[str]) -> bool:
        """Say whether any of the keys was charged."""
        return not self._rows_by_key.get(account, {}).keys().isdisjoint(keys)

    def ask_again(self, row: int, phone: str, content: Content) -> None:
        """Note that a charged message was asked for again, and whether as the same message."""
        self._repeats[row] = self._repeats.get(row, 0) + 1
        first = self._contents[row]
        # What a content says is its first five; after a restart the others are gone.
        if phone != self._phones[row] or (content is not first and content[:5] != first[:5]):
            self._conflicts[row] = self._conflicts.get(row, 0) + 1

    def id_of(self, row: int) -> str:
        """Return the id that the message was charged under."""
        return self._odd_ids.get(row) or str(self._ids[row])

    def parts_of(self, row: int) -> int:
        """Return the segments of the message as charged."""
        return self._contents[row].parts

    def find(self, account: str, id_sms: str) -> int | None:
        """Return the row of an id of this account."""
        row = self._rows_by_odd_id.get(id_sms)
        if row is None and id_sms.isascii() and id_sms.isdigit() and len(id_sms) < 19:
            place = bisect_left(self._ids, int(id_sms))
            if place < len(self._ids) and self.id_of(place) == id_sms:
                row = place
        return row if row is not None and self._accounts[row] == account else None

    def entry(self, row: int) -> dict[str, object]:
        """Describe one charged message, phone and text in full."""
        content = self._contents[row]
        shown: dict[str, object] = {
            "seq": row + 1,
            "account": self._accounts[row],
            "client_id_sms": self._keys[row],
            "id_sms": self.id_of(row),
            "phone": self._phones[row],
            "sender": content.sender,
            "kind": content.kind,
            "text": content.text,
            "parts": content.parts,
            "charged_at": self._times[row],
            "repeats": self._repeats.get(row, 0),
            "conflicts": self._conflicts.get(row, 0),
        }
        return shown | {"fields": dict(content.fields)} if content.fields else shown

    def page(self, after: int = 0, limit: int | None = None) -> dict[str, object]:
        """Describe the messages with a seq above `after`, at most `limit`, with the totals of all.

        `next` is the `after` of the following page, or None on the last.
        """
        end = len(self) if limit is None else min(len(self), after + limit)
        return {
            "charged": len(self),
            "repeats": self.repeats,
            "conflicts": self.conflicts,
            "parts": self.parts,
            "money": str(self.money),
            "messages": [self.entry(row) for row in range(after, end)],
            "next": end if end < len(self) else None,
        }

    def _add(self, account: str, key: str, number: int, id_sms: str, phone: str, content: Content, at: float) -> int:
        row = len(self._keys)
        if key:
            self._rows_by_key.setdefault(account, {})[key] = row
        if id_sms != str(number):
            self._odd_ids[row] = id_sms
            self._rows_by_odd_id[id_sms] = row
        self._ids.append(number)
        self._accounts.append(account)
        self._keys.append(key)
        self._phones.append(phone)
        self._contents.append(content)
        self._times.append(at)
        self.parts += content.parts
        return row

    def _restore(self, account: str, at: float, key: str, id_sms: str, phone: str, content: Content) -> None:
        # The plain number of a padded id is its tail: spend_id put a 9 and zeros before it.
        number = int(id_sms) if len(id_sms) < 19 else int(id_sms[1:])
        self._add(account, key, number, id_sms, phone, content, at)
