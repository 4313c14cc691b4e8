"""What the fired rules do to an exchange and to a finished reply."""

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import TypeVar

from worker.simulator.exchange import Response
from worker.simulator.faults import Fired
from worker.simulator.rule import Rule
from worker.simulator.texts import worded

T = TypeVar("T")

_UNUSUAL_STATUS_HAS_NO_XML = frozenset({200, 400})
_HTML = (
    "<!DOCTYPE html><html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr>"
    "<center>nginx</center></body></html>"
)
_DTD = '<!DOCTYPE response [<!ENTITY ok "send">]>'
_BOMB = "<!DOCTYPE response [" + "".join(
    ['<!ENTITY a0 "send">', *(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))]
)


class Mischief:
    """The fired rules together. Of several rules that say something about one thing, the first in the plan wins."""

    def __init__(self, fired: list[Fired]) -> None:
        self.fired = fired
        self._rules = [each.rule for each in fired]
        self.processed = not any(rule.prevents_processing for rule in self._rules)
        self.cut = self.first(lambda rule: rule.cut)
        self.hold = self.first(lambda rule: rule.hold)
        self.look = self.first(lambda rule: rule.look) or frozenset()

    def first(self, pick: Callable[[Rule], T | None]) -> T | None:
        """Return what the first rule that says anything here says."""
        return next((value for value in map(pick, self._rules) if value is not None), None)

    def error_text(self, language: str) -> str | None:
        """Return the error that the plan puts over the document, worded."""
        for rule in self._rules:
            if rule.error is not None:
                return worded(rule.error, rule.language or language, rule.final_stop)
        return None

    def dress(self, xml: str, status: int) -> Response:
        """Turn the XML of a reply into what leaves the house. `status` is what it would be without a plan."""
        if not self._rules:
            return Response(status, _PROLOG_BYTES + xml.encode(), "text/xml; charset=utf-8")
        asked = self.first(lambda rule: rule.status)
        body, content_type = self._body(xml, asked or status)
        drip_bytes = self.first(lambda rule: rule.drip_bytes)
        return Response(
            asked or status,
            body,
            content_type,
            self._headers(asked),
            cut={"before": "silent", "after": "silent", "half": "half"}.get(self.cut or ""),
            reset=bool(self.first(lambda rule: rule.reset)),
            drip=(drip_bytes, self.first(lambda rule: rule.drip_seconds) or 0.0) if drip_bytes else None,
        )

    def _headers(self, status: int | None) -> dict[str, str]:
        headers = self.first(lambda rule: rule.headers) or {}
        if status and 300 <= status < 400 and "location" not in map(str.lower, headers):
            return headers | {"Location": "/xml/"}
        return headers

    def _body(self, xml: str, status: int) -> tuple[bytes, str]:
        written = self.first(lambda rule: rule.body_text)
        kind = self.first(lambda rule: rule.body)
        if written is None and kind is None and status not in _UNUSUAL_STATUS_HAS_NO_XML:
            kind = "html"
        if kind == "html":
            return _HTML.format(status=status).encode(), "text/html"
        if kind == "empty":
            return b"", "text/html"
        if kind == "noise":
            return _noise(self.first(lambda rule: rule.megabytes) or 4.0), "text/xml; charset=utf-8"
        if kind == "dtd":
            xml = _DTD + xml.replace(">send<", ">&ok;<")
        if kind == "bomb":
            xml = _BOMB + "]>" + xml.replace(">send<", ">&a9;<")
        body, content_type = self._encode(xml if written is None else written, written is None)
        return (body[: len(body) // 2] if kind == "truncated" else body), content_type

    def _encode(self, text: str, has_prolog: bool) -> tuple[bytes, str]:
        encoding = self.first(lambda rule: rule.encoding) or "utf-8"
        declared = self.first(lambda rule: rule.declared) or "both"
        named = "utf-8" if declared == "wrongly" else encoding
        if has_prolog and "no_prolog" not in self.look:
            text = self._prolog(named if declared in ("both", "prolog", "wrongly") else None) + text
        text = (self.first(lambda rule: rule.before_prolog) or "") + text
        if "bom" in self.look:
            text = "\ufeff" + text
        charset = f"; charset={named}" if declared in ("both", "header", "wrongly") else ""
        return text.encode(encoding, "xmlcharrefreplace"), "text/xml" + charset

    def _prolog(self, encoding: str | None) -> str:
        declaration = f' encoding="{encoding}"' if encoding else ""
        if "two_spaces" in self.look:
            return f'<?xml  version="1.0"{declaration} ?>\n'
        return f'<?xml version="1.0"{declaration}?>\n'


_PROLOG_BYTES = b'<?xml version="1.0" encoding="utf-8"?>\n'


@lru_cache(maxsize=1)
def _noise(megabytes: float) -> bytes:
    return Random(19).randbytes(round(megabytes * 1_000_000))
