"""One POST: its connection, its size limit, and what became of it.

Nothing here retries. What cannot be an answer becomes a GatewayError by what is known for certain: whether a byte was
handed to the socket, the HTTP status, the time. Source: protocol.md 2 and 8.
"""

from http.client import HTTPException
from pathlib import Path
from threading import Lock, local
from weakref import WeakSet

import requests
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from worker.core.messages import Exchange, Meaning, Reply
from worker.errors import ConfigurationError, GatewayError, Unreadable
from worker.gateway.failure import cut_short, not_answered, refusal
from worker.gateway.headers import charset_of, retry_after
from worker.gateway.reply import parse
from worker.gateway.transport import WatchedAdapter, watching

CONTENT_TYPE = "text/xml; charset=utf-8;"
"""With the semicolon at its end. Source: protocol.md 2."""

REPLY_LIMIT_BYTES = 32 * 2**20
_REPLY_FLOOR_BYTES = 2**20
_REPLY_PER_REQUEST_BYTE = 16  # the longest documented text, each letter an entity, is a tenth of that
_EVIDENCE_BYTES = 2**16  # of an answer that is too long
_PIECE_BYTES = 2**16
_TROUBLES = (requests.RequestException, HTTPError, HTTPException, OSError, UnicodeError)


class Gateway:
    """Posts documents; may be shared by threads, each of which gets connections of its own. Make it after a fork."""

    def __init__(
        self,
        *,
        content_type: str = CONTENT_TYPE,
        ca_bundle: str | None = None,
        reply_limit_bytes: int = REPLY_LIMIT_BYTES,
    ) -> None:
        """Connect nowhere yet; `ca_bundle` is a file of certificates to trust in place of the public ones.

        Raises: ConfigurationError where that file does not exist.
        """
        if ca_bundle is not None and not Path(ca_bundle).is_file():
            raise ConfigurationError(f"no file of trusted certificates at {ca_bundle}: correct its path")
        self._headers = {
            "Content-type": content_type,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "bulkpost",
        }
        self._ca_bundle = ca_bundle
        self._reply_limit_bytes = reply_limit_bytes
        self._local = local()
        self._lock = Lock()
        self._adapters: WeakSet[WatchedAdapter] = WeakSet()

    def post(self, url: str, body: bytes, *, connect_timeout_seconds: float, read_timeout_seconds: float) -> Exchange:
        """Post one document and read the answer, all of it within the sum of both timeouts.

        Raises: a GatewayError that says what is certain; none names the login in the URL, the body or a phone.
        """
        return _judge(*self._exchange(url, body, connect_timeout_seconds, read_timeout_seconds))

    def ask(
        self, url: str, body: bytes, *, connect_timeout_seconds: float, read_timeout_seconds: float
    ) -> tuple[bytes, str | None]:
        """Post an enquiry that sends nothing, and return the bytes of the answer and the charset of its header.

        Raises: a GatewayError, as `post`.
        """
        response, raw, early_end = self._exchange(url, body, connect_timeout_seconds, read_timeout_seconds)
        failure = early_end or refusal(response, raw, retry_after(response.headers))
        if failure is not None:
            raise failure
        return raw, charset_of(response.headers)

    def _exchange(
        self, url: str, body: bytes, connect_timeout_seconds: float, read_timeout_seconds: float
    ) -> tuple[BaseHTTPResponse, bytes, GatewayError | None]:
        with watching(connect_timeout_seconds, read_timeout_seconds) as watch:
            try:
                response = self._adapter().post(
                    url, body, (connect_timeout_seconds, read_timeout_seconds), self._ca_bundle or True
                )
            except _TROUBLES as trouble:
                raise not_answered(trouble, url, handed_over=watch.handed_over) from trouble
            try:
                limit = min(_REPLY_FLOOR_BYTES + _REPLY_PER_REQUEST_BYTE * len(body), self._reply_limit_bytes)
                raw, early_end = _read(response, limit)
            finally:
                response.close()
                response.release_conn()
        return response, raw, early_end

    def close(self) -> None:
        """Close the idle connections of every thread."""
        with self._lock:
            for adapter in self._adapters:
                adapter.close()

    def _adapter(self) -> WatchedAdapter:
        """Return this thread's connections: what a session adds (cookies, redirects, proxies, .netrc) is unwanted."""
        adapter: WatchedAdapter | None = getattr(self._local, "adapter", None)
        if adapter is None:
            adapter = self._local.adapter = WatchedAdapter(self._headers)
            with self._lock:
                self._adapters.add(adapter)
        return adapter


def _read(response: BaseHTTPResponse, limit: int) -> tuple[bytes, GatewayError | None]:
    """Read what comes, up to a limit of decoded bytes; return it with what ended it too early, if anything did."""
    status, raw = response.status, bytearray()
    try:
        while piece := response.read1(_PIECE_BYTES, decode_content=True):
            raw += piece
            if len(raw) > limit:
                evidence = bytes(raw[:_EVIDENCE_BYTES])
                return evidence, Unreadable(f"HTTP {status}: more than {limit} bytes", http_status=status, raw=evidence)
    except _TROUBLES as trouble:
        return bytes(raw), cut_short(trouble, status, bytes(raw))
    return bytes(raw), None


def _judge(response: BaseHTTPResponse, raw: bytes, early_end: GatewayError | None) -> Exchange:
    """Return the exchange if its body is an answer, whatever the status and however the connection ended."""
    status, wait = response.status, retry_after(response.headers)
    try:
        reply = parse(raw, charset_of(response.headers))
    except Unreadable as unreadable:
        why = str(unreadable)
    else:
        if _outweighs(reply, status):
            return Exchange(reply=reply, http_status=status, raw=raw, retry_after_seconds=wait)
        why = "an undocumented error"
    failure = refusal(response, raw, wait) or early_end
    raise failure or Unreadable(f"HTTP {status}: {why}", http_status=status, raw=raw, retry_after_seconds=wait)


def _outweighs(reply: Reply, status: int) -> bool:
    """Tell whether a reply counts for more than its status: with an undocumented error alone, 429 still means wait."""
    if 200 <= status < 300 or status == 400:
        return True
    return bool(reply.entries) or reply.error_meaning not in (None, Meaning.UNSEEN)
