"""What a drill breaks, and when: drawn from a seed, so that a run can be repeated. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

SECONDS_BETWEEN = 1.8
"""How far apart deeds begin on average; many of them last longer and overlap."""


class Deed(StrEnum):
    """One way of breaking something."""

    KILL_WORKER = "kill a worker"
    KILL_CHILD = "kill a pool child during a POST"
    STALL_CHILD = "stall a pool child during a POST until its lease is lost"
    KILL_BEAT = "kill a beat"
    FLUSH_BROKER = "lose every broker message"
    RESTART_BROKER = "restart Redis empty"
    FREEZE_BROKER = "freeze Redis"
    HALF_OPEN_BROKER = "half open the connections to Redis"
    RESTART_DATABASE = "restart PostgreSQL immediately"


EMBEDDED_DEEDS = (Deed.KILL_WORKER, Deed.STALL_CHILD)
"""What can be done to a single process."""

TARGETS = {
    Deed.KILL_WORKER: "worker",
    Deed.KILL_CHILD: "child",
    Deed.STALL_CHILD: "stalled child",
    Deed.KILL_BEAT: "beat",
    Deed.FLUSH_BROKER: "broker",
    Deed.RESTART_BROKER: "broker",
    Deed.FREEZE_BROKER: "broker",
    Deed.HALF_OPEN_BROKER: "broker",
    Deed.RESTART_DATABASE: "database",
}
"""What a deed is done to. Whatever is still broken is not broken a second time."""

LASTS_SECONDS = {
    Deed.KILL_WORKER: (0.0, 1.5),
    Deed.KILL_CHILD: (0.0, 0.0),
    Deed.KILL_BEAT: (0.0, 3.0),
    Deed.FLUSH_BROKER: (0.0, 0.0),
    Deed.RESTART_BROKER: (0.0, 1.0),
    Deed.FREEZE_BROKER: (1.0, 3.0),
    Deed.HALF_OPEN_BROKER: (1.0, 3.0),
    Deed.RESTART_DATABASE: (0.0, 0.5),
}
"""The shortest and the longest time until it is mended; a stall lasts as long as the order says."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """One deed: when it begins, counted from the first document, how long it lasts, and which of several it hits."""

    at_seconds: float
    deed: Deed
    lasts_seconds: float
    pick: int

    @property
    def ends_seconds(self) -> float:
        """When it is mended."""
        return self.at_seconds + self.lasts_seconds


def plan_mischief(
    seed: int, deeds: Sequence[Deed], *, span_seconds: float, stall_seconds: float
) -> tuple[Mischief, ...]:
    """Draw deeds that begin within about `span_seconds`, in the order of time; each at least once.

    They come in rounds of all deeds: first whatever needs a POST to hit, and the half open connections last, as for ten
    seconds after them nobody posts.
    """
    if not deeds:
        return ()
    random = Random(seed)
    count = max(len(deeds), int(span_seconds / SECONDS_BETWEEN))
    drawn = _draw(random, deeds, count)
    free_at: dict[str, float] = {}
    planned = []
    for number, deed in enumerate(drawn):
        at = max((number + random.random()) * span_seconds / len(drawn), free_at.get(TARGETS[deed], 0.0))
        lasts = stall_seconds if deed is Deed.STALL_CHILD else random.uniform(*LASTS_SECONDS[deed])
        planned.append(Mischief(round(at, 2), deed, round(lasts, 2), random.randrange(1000)))
        free_at[TARGETS[deed]] = at + lasts + 0.5
    return tuple(sorted(planned, key=lambda mischief: mischief.at_seconds))


def _draw(random: Random, deeds: Sequence[Deed], count: int) -> list[Deed]:
    quick = [deed for deed in deeds if _rank(deed) == 1] or deeds
    rounds = count // len(deeds)
    drawn = []
    for _ in range(rounds):
        own = [*deeds, *(random.choice(quick) for _ in range(count // rounds - len(deeds)))]
        random.shuffle(own)
        drawn += sorted(own, key=_rank)
    return drawn


def _rank(deed: Deed) -> int:
    if deed in (Deed.KILL_CHILD, Deed.STALL_CHILD):
        return 0
    return 2 if deed is Deed.HALF_OPEN_BROKER else 1
