"""Which of the simulator's rooms a request belongs to."""

from worker.simulator import control
from worker.simulator.exchange import Head, Request, Response
from worker.simulator.service import PATHS, Service


class Route:
    """One request on its way; what `Connection` knows as an Exchange."""

    def __init__(self, service: Service, head: Head) -> None:
        self._service = service
        self._head = head
        self._visit = service.begin(head) if head.path in PATHS and head.method == "POST" else None

    def refuse(self) -> Response | None:
        """Answer without the body: unknown path, wrong method, or cut off by the plan."""
        if self._visit:
            return self._service.cut_upload(self._visit)
        methods = ("POST",) if self._head.path in PATHS else control.allowed_methods(self._head.path)
        if methods is None:
            return Response(404, b"no such path\n", closes=True)
        if self._head.method not in methods:
            return Response(405, b"method not allowed\n", headers={"Allow": ", ".join(methods)}, closes=True)
        return None

    async def answer(self, request: Request) -> Response:
        """Answer the whole request."""
        if self._visit:
            return await self._service.answer(self._visit, request)
        return control.control(self._service, request)

    def end(self, ended: str) -> None:
        """Note how the exchange ended."""
        if self._visit:
            self._service.visits.end(self._visit, ended)
