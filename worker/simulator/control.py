"""Everything under /bulkpost-simulator: who this is, the ledger, the last requests, the fault plan. JSON."""

from collections.abc import Callable
from json import dumps
from urllib.parse import parse_qs

from worker.simulator.exchange import Head, Request, Response
from worker.simulator.plan import PlanError, read_plan
from worker.simulator.service import Service

ROOT = "/bulkpost-simulator"
VERSION = 1  # of these paths and shapes
PROTOCOL = "webcom-xml"
_LAST_REQUESTS = 100


class _BadQuery(Exception):
    pass


def allowed_methods(path: str) -> tuple[str, ...] | None:
    """Return the methods of a control path, or None if there is no such path."""
    if path == f"{ROOT}/faults":
        return ("GET", "PUT")
    return ("GET",) if path in _READERS else None


def control(service: Service, request: Request) -> Response:
    """Answer a request for a control path with a method that it allows."""
    head = request.head
    try:
        if head.method == "PUT":
            if request.lost_body:
                return _answer(400, {"error": request.lost_body})
            service.set_plan(read_plan(request.body))
        return _answer(200, _READERS[head.path](service, head))
    except (PlanError, _BadQuery) as error:
        return _answer(400, {"error": str(error)})


def identity(service: Service) -> dict[str, object]:
    """Describe this simulator and this run of it."""
    return {
        "name": "bulkpost-simulator",
        "version": VERSION,
        "protocol": PROTOCOL,
        "run": service.run_id,
        "counters": counters(service),
    }


def counters(service: Service) -> dict[str, int]:
    """Count what has happened in this run."""
    visits, ledger = service.visits, service.ledger
    return {
        "requests": visits.total,
        "documents": visits.documents,
        "lines": visits.lines,
        "charged": len(ledger),
        "repeats": ledger.repeats,
        "conflicts": ledger.conflicts,
        "findings": visits.findings,
        "parallel": visits.parallel,
        "parallel_high_water": visits.parallel_high_water,
    }


def faults(service: Service) -> dict[str, object]:
    """Describe the plan and how often each of its rules fired."""
    rules = [{name: _plain(getattr(rule, name)) for name in sorted(rule.given())} for rule in service.faults.plan]
    return {"rules": rules, "fired": service.faults.fired}


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def _read_ledger(service: Service, head: Head) -> dict[str, object]:
    return service.ledger.page(_number(head, "after") or 0, _number(head, "limit"))


def _read_requests(service: Service, head: Head) -> dict[str, object]:
    limit = _number(head, "limit")
    shown = service.visits.last(_LAST_REQUESTS if limit is None else limit)
    return {"parallel_high_water": service.visits.parallel_high_water, "requests": shown}


_READERS: dict[str, Callable[[Service, Head], dict[str, object]]] = {
    ROOT: lambda service, head: identity(service),
    f"{ROOT}/ledger": _read_ledger,
    f"{ROOT}/requests": _read_requests,
    f"{ROOT}/faults": lambda service, head: faults(service),
}


def _number(head: Head, name: str) -> int | None:
    values = parse_qs(head.query, keep_blank_values=True).get(name)
    if values is None:
        return None
    if not (values[0].isascii() and values[0].isdigit() and len(values[0]) < 16):
        raise _BadQuery(f"{name} must be a whole number of at least 0")
    return int(values[0])


def _answer(status: int, shown: dict[str, object]) -> Response:
    return Response(status, dumps(shown, ensure_ascii=False).encode() + b"\n", "application/json")
