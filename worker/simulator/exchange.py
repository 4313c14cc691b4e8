"""One HTTP request and what is answered, as the connection and everything behind it see them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers, names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request. `lost_body` says why a body did not arrive although one may have been sent."""

    head: Head
    body: bytes = b""
    lost_body: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back, and how.

    `cut`: `silent` closes without a byte, `half` after half of the body. `reset`: closes with a TCP reset.
    `drip`: so many bytes at a time, so many seconds apart.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    cut: str | None = None
    reset: bool = False
    drip: tuple[int, float] | None = None
    closes: bool = False
