"""One rule of a fault plan: when it fires, for which lines, and what then happens. docs/simulator.md explains each."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything is optional; what is None (or empty) is not asked for. Times are in seconds, numbers count from 1."""

    name: str | None = None

    # Which requests; all that is given must hold. Requests are counted per path, from the moment the plan was set.
    path: str = "send"
    requests: tuple[int, ...] | None = None
    every: int | None = None
    first: int | None = None
    after: int | None = None
    probability: float | None = None
    seed: int | None = None
    times: int | None = None
    more_lines_than: int | None = None
    identical_within: float | None = None
    unknown_ids: bool | None = None

    # Which lines; with any of these the rule fires only for a document that has such a line.
    phones: frozenset[str] | None = None
    text_contains: str | None = None
    lines: frozenset[int] | None = None
    from_line: int | None = None
    keys_ending: str | None = None
    keys: str | None = None
    after_charged: int | None = None

    # What happens to the exchange.
    delay_before: float | None = None
    delay: float | None = None
    hold: str | None = None
    drip_bytes: int | None = None
    drip_seconds: float | None = None
    cut: str | None = None
    reset: bool | None = None

    # What happens to the reply as a whole.
    processed: bool | None = None
    status: int | None = None
    error: str | None = None
    body: str | None = None
    body_text: str | None = None
    megabytes: float | None = None
    headers: dict[str, str] | None = None
    encoding: str | None = None
    declared: str | None = None
    before_prolog: str | None = None
    look: frozenset[str] | None = None

    # What happens to the lines.
    text: str | None = None
    language: str | None = None
    final_stop: bool | None = None
    charged: bool | None = None
    with_id: bool | None = None
    entries: str | None = None
    same_id: bool | None = None
    id_digits: int | None = None

    # What state.php, balance.php and time.php say.
    state: str | None = None
    money: str | None = None
    time_format: str | None = None
    offset_hours: float | None = None

    def given(self) -> set[str]:
        """Return the names of what this rule says."""
        return {item.name for item in fields(self) if getattr(self, item.name) != item.default}

    @property
    def chooses_lines(self) -> bool:
        """Say whether the rule is about some lines of a document only."""
        return not LINE_CONDITIONS.isdisjoint(self.given())

    @property
    def changes_lines(self) -> bool:
        """Say whether the rule changes what becomes of single lines."""
        return not LINE_EFFECTS.isdisjoint(self.given())

    @property
    def prevents_processing(self) -> bool:
        """Say whether a document that this rule fires for is not processed."""
        if self.processed is not None:
            return not self.processed
        return self.cut in ("upload", "before") or self.error is not None or self.status is not None


REQUEST_CONDITIONS = frozenset(
    {
        "requests",
        "every",
        "first",
        "after",
        "probability",
        "times",
        "more_lines_than",
        "identical_within",
        "unknown_ids",
    }
)
LINE_CONDITIONS = frozenset({"phones", "text_contains", "lines", "from_line", "keys_ending", "keys", "after_charged"})
EXCHANGE_EFFECTS = frozenset({"delay_before", "delay", "hold", "drip_bytes", "cut"})
REPLY_EFFECTS = frozenset(
    {"processed", "status", "error", "body", "body_text", "headers", "encoding", "before_prolog", "look"}
)
LINE_EFFECTS = frozenset({"text", "with_id", "entries", "same_id", "id_digits"})
ENQUIRY_EFFECTS = {
    "state": frozenset({"state"}),
    "balance": frozenset({"money"}),
    "time": frozenset({"time_format", "offset_hours"}),
}
EFFECTS = EXCHANGE_EFFECTS | REPLY_EFFECTS | LINE_EFFECTS | frozenset().union(*ENQUIRY_EFFECTS.values())
