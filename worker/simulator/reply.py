"""Replies as XML text without a prolog. Source: protocol.md 5, 6, 10.1, 11, 15."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple
from xml.sax.saxutils import escape as escape_xml


class Entry(NamedTuple):
    """What is said of one line; without an id neither id nor parts are shown."""

    number: str
    id_sms: str
    parts: int
    text: str


@lru_cache(maxsize=256)
def escape(text: str) -> str:
    """Escape a text for element content and for attributes in double quotes."""
    return escape_xml(text, {'"': "&quot;"})


def render_send(entries: Iterable[tuple[str, str, int, str]], error: str | None, look: frozenset[str]) -> str:
    """Render the reply to a send request; `look` holds the names of what is unusual about it."""
    rendered = _render_unusual(list(entries), look) if look else _render_entries(entries)
    if error is not None:
        rendered.append(f"<error>{escape(error)}</error>")
    gap = ("\n  " if "indented" in look else "") + (" . " if "stray_text" in look else "")
    return f"<response>{gap}{gap.join(rendered)}{gap}</response>"


def _render_entries(entries: Iterable[tuple[str, str, int, str]]) -> list[str]:
    return [
        f'<information number_sms="{number if number.isdigit() else escape(number)}"'
        + (f' id_sms="{id_sms}" parts="{parts}">' if id_sms else ">")
        + f"{escape(text)}</information>"
        for number, id_sms, parts, text in entries
    ]


def _render_unusual(entries: Sequence[tuple[str, str, int, str]], look: frozenset[str]) -> list[str]:
    if "shuffled" in look:
        half = len(entries) // 2  # of two or more, no entry keeps its place
        entries = [*entries[half:], *entries[:half]]
    if "capitals" in look:
        entries = [(number, id_sms, parts, text[:1].upper() + text[1:]) for number, id_sms, parts, text in entries]
    rendered = _render_entries(entries)
    if "extra_attributes" in look:
        rendered = [
            entry.replace("<information ", '<information id_turn="7" price="1.15" price_sum="1.15" cost="" ', 1)
            for entry in rendered
        ]
    return rendered


def render_error(error: str) -> str:
    """Render the refusal of a whole document."""
    return f"<response><error>{escape(error)}</error></response>"


def render_states(states: Iterable[tuple[str, str, str, str]]) -> str:
    """Render the reply of state.php from id, time, channel and status; an unknown id has no channel."""
    return "".join(
        [
            "<response>",
            *(
                f'<state id_sms="{escape(id_sms)}" time="{time}"'
                + (f' {channel}="{escape(status)}"' if channel else "")
                + f">{escape(status)}</state>"
                for id_sms, time, channel, status in states
            ),
            "</response>",
        ]
    )


def render_balance(money: str, messages: int) -> str:
    """Render the reply of balance.php: `messages` can be sent to the one area there is."""
    return f'<response><money>{escape(money)}</money><sms area="Россия">{messages}</sms></response>'


def render_time(local_time: str) -> str:
    """Render the reply of time.php."""
    return f"<response><time>{escape(local_time)}</time></response>"
