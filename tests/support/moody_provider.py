"""A provider in memory with moods: it keeps its own ledger, charges a key once, and may answer, or not, as it likes.

It shares no code with the gateway's client or with the simulator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Thread, current_thread
from xml.etree import ElementTree

from worker.core.messages import Exchange, Meaning, Reply, ReplyEntry
from worker.errors import NotSent, Throttled, TooLarge, Unanswered, Unreadable
from worker.gateway.client import Gateway


@dataclass(frozen=True)
class Asked:
    """One line of a document."""

    number: int
    key: str
    phone: str


@dataclass
class MoodyProvider(Gateway):
    """`mood` decides what becomes of the next document; `pipe` holds documents that it has taken and not looked at."""

    mood: str = "answers"
    charged: dict[str, str] = field(default_factory=dict)  # key -> id
    keys: dict[str, str] = field(default_factory=dict)  # phone -> key
    pipe: list[list[Asked]] = field(default_factory=list)
    told: dict[Thread, set[str]] = field(default_factory=dict)  # who was told that which keys are accepted
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def post(self, url: str, body: bytes, *, connect_timeout_seconds: float, read_timeout_seconds: float) -> Exchange:
        """Treat a document as the mood says.

        Raises:
            AssertionError: a number comes under a second key, or twice in one document (P1).
        """
        asked = _read(body)
        assert len({one.key for one in asked}) == len(asked)
        for one in asked:
            assert self.keys.setdefault(one.phone, one.key) == one.key, "a recipient was posted under a second key"
        exchange = MOODS[self.mood](self, asked)
        taken = {one.number for one in exchange.reply.entries if one.meaning is Meaning.ACCEPTED}
        self.told[current_thread()] = {one.key for one in asked if one.number in taken}
        return exchange

    def take(self, asked: Sequence[Asked]) -> list[ReplyEntry]:
        """Send to everybody whose key is new; answer with the id of the first time."""
        for one in asked:
            if one.key not in self.charged:
                self.charged[one.key] = f"id-{next(self._ids)}"
        return [ReplyEntry(one.number, self.charged[one.key], 1, "send", Meaning.ACCEPTED) for one in asked]

    def work_off(self) -> None:
        """Look at what has been waiting; nobody hears of it."""
        for asked in self.pipe:
            self.take(asked)
        self.pipe.clear()


def _read(body: bytes) -> list[Asked]:
    lines = ElementTree.fromstring(body).iter("abonent")
    return [Asked(int(one.attrib["number_sms"]), one.attrib["client_id_sms"], one.attrib["phone"]) for one in lines]


def _say(entries: Sequence[ReplyEntry]) -> Exchange:
    return Exchange(Reply(tuple(entries)), 200, b"<response/>")


def _object(text: str, meaning: Meaning) -> Exchange:
    return Exchange(Reply((), text, meaning), 400, b"<response/>")


def _refusal(one: Asked, text: str, meaning: Meaning) -> ReplyEntry:
    return ReplyEntry(one.number, None, None, text, meaning)


def _answers(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _say(provider.take(asked)[::-1])


def _cuts(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    provider.take(asked)
    raise Unanswered("cut")


def _is_slow(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    provider.pipe.append(asked)
    raise Unanswered("no answer in time", still_at_work=True)


def _loses(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    raise Unanswered("lost")


def _is_away(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    raise NotSent("refused")


def _throttles(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    raise Throttled("slower", http_status=429)


def _mumbles(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    provider.take(asked)
    raise Unreadable("garbage", http_status=200, raw=b"?")


def _does_half(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _say(provider.take(asked[: len(asked) // 2]))


def _tells_half(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _say(provider.take(asked)[len(asked) // 2 :])


def _dislikes_some(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _say([_unless_charged(provider, one, "Specify phone number", Meaning.RECIPIENT) for one in asked])


def _dislikes_the_text(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _say([_unless_charged(provider, one, "No message text", Meaning.MESSAGE, every=True) for one in asked])


def _speaks_in_riddles(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _say([_unless_charged(provider, one, "Perhaps", Meaning.UNSEEN) for one in asked])


def _unless_charged(
    provider: MoodyProvider, one: Asked, text: str, meaning: Meaning, *, every: bool = False
) -> ReplyEntry:
    """Refuse whoever has an odd number, or everybody, but not a key that it has charged before."""
    if one.key in provider.charged or not (every or int(one.phone) % 2):
        return provider.take([one])[0]
    return _refusal(one, text, meaning)


def _runs_out_of_credit(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    half = len(asked) // 2
    rest = [_refusal(one, "Out of SMS", Meaning.ACCOUNT) for one in asked[half:]]
    return _say([*provider.take(asked[:half]), *rest])


def _is_blocked(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _object("Account blocked", Meaning.ACCOUNT)


def _refuses(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    return _object("Incorrect XML document format", Meaning.DOCUMENT)


def _is_full(provider: MoodyProvider, asked: list[Asked]) -> Exchange:
    raise TooLarge("too large", http_status=413)


MOODS: Mapping[str, Callable[[MoodyProvider, list[Asked]], Exchange]] = {
    "answers": _answers,
    "cuts": _cuts,
    "is slow": _is_slow,
    "loses": _loses,
    "is away": _is_away,
    "throttles": _throttles,
    "mumbles": _mumbles,
    "does half": _does_half,
    "tells half": _tells_half,
    "dislikes some": _dislikes_some,
    "dislikes the text": _dislikes_the_text,
    "speaks in riddles": _speaks_in_riddles,
    "runs out of credit": _runs_out_of_credit,
    "is blocked": _is_blocked,
    "refuses": _refuses,
    "is full": _is_full,
}

DOUBTFUL = ("cuts", "is slow", "loses", "mumbles", "does half", "tells half")
UNKIND = ("dislikes some", "dislikes the text", "runs out of credit", "is blocked", "refuses", "is full")
