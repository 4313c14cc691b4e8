"""The provider's side of the interface: one request in, one response out."""

from asyncio import Event, sleep
from collections.abc import Callable
from dataclasses import dataclass, field
from time import time
from uuid import uuid4

from worker.simulator.access import Access
from worker.simulator.content import Unacceptable
from worker.simulator.document import Credentials, Document, parse_request, read_credentials, read_document
from worker.simulator.enquiries import asked_ids, balance_reply, describe_asked, state_reply, time_reply
from worker.simulator.exchange import Head, Request, Response
from worker.simulator.faults import Faults, Subject
from worker.simulator.ledger import Ledger
from worker.simulator.mischief import Mischief
from worker.simulator.plan import Plan
from worker.simulator.reply import render_error, render_send
from worker.simulator.settle import settle
from worker.simulator.texts import worded
from worker.simulator.visits import Visit, Visits

PATHS = {
    "/xml": "send",
    "/xml/": "send",
    "/xml/state.php": "state",
    "/xml/balance.php": "balance",
    "/xml/time.php": "time",
}
_CONTENT_TYPE = "text/xml;charset=utf-8"


@dataclass(slots=True)
class Service:
    """The simulated provider. Lives in one event loop.

    `strict`: refuse a document for anything that is wrong with it, also for what the real provider might tolerate.
    `language`: of the texts, `en` or `ru`. `clock`: seconds since 1970.
    """

    ledger: Ledger = field(default_factory=Ledger)
    access: Access = field(default_factory=Access)
    plan: Plan = ()
    strict: bool = False
    language: str = "en"
    clock: Callable[[], float] = time
    tell: Callable[[str], None] = lambda line: None
    run_id: str = field(default_factory=lambda: uuid4().hex)
    faults: Faults = field(init=False)
    visits: Visits = field(init=False)
    _plan_ended: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.faults = Faults(self.plan, self.ledger)
        self.visits = Visits(self.tell)

    def set_plan(self, plan: Plan) -> None:
        """Start a plan anew; whatever the old one holds back goes on."""
        self.plan = plan
        self.faults = Faults(plan, self.ledger)
        self._plan_ended.set()
        self._plan_ended = Event()

    def begin(self, head: Head) -> Visit:
        """Note a request for one of PATHS, of which only the head is there yet."""
        path = PATHS[head.path]
        return self.visits.begin(path, self.clock(), self.faults.arrive(path))

    def cut_upload(self, visit: Visit) -> Response | None:
        """Return how to end the exchange before the body is read, if the plan says so."""
        fired = visit.arrival.faults.cut_upload(visit.arrival)
        if fired is None:
            return None
        visit.rules = [fired.ordinal]
        return Response(0, cut="silent", reset=bool(fired.rule.reset))

    async def answer(self, visit: Visit, request: Request) -> Response:
        """Take a whole request. What it charges stays charged, whoever is still there to read the answer."""
        visit.size = len(request.body)
        self._inspect_head(visit, request.head)
        if visit.path == "send":
            response = await self._send(visit, request)
        else:
            response = await self._enquire(visit, request)
        visit.status = response.status
        return response

    def _inspect_head(self, visit: Visit, head: Head) -> None:
        given = head.headers.get("content-type", "").replace(" ", "").lower()
        if given.removesuffix(";") != _CONTENT_TYPE:
            visit.findings.append("header Content-type is not text/xml; charset=utf-8;")

    async def _send(self, visit: Visit, request: Request) -> Response:
        document, refusal = self._read(visit, request)
        visit.line_count = len(document) if document else 0
        self.visits.note_document(visit)
        subject = Subject(request.body)
        if document and visit.arrival.candidates:
            texts = [content.text for content in document.contents]
            subject = Subject(request.body, visit.account, document.phones, document.keys, texts)
        mischief = self._consult_plan(visit, subject)
        await self._wait_before(mischief)
        entries: list[tuple[str, str, int, str]] = []
        error, status = mischief.error_text(self.language), 200
        if error is not None:
            status = 400
        if mischief.processed and refusal:
            error, status = worded(refusal.text, self.language), 400
        elif mischief.processed and document:
            charged_before = visit.arrival.faults.charged_before
            entries = settle(
                document, visit.account, self.ledger, mischief.fired, charged_before, self.clock(), self.language
            )
        await self._wait_after(mischief)
        return mischief.dress(render_send(entries, error, mischief.look), status)

    def _read(self, visit: Visit, request: Request) -> tuple[Document | None, Unacceptable | None]:
        try:
            document = read_document(self._body_of(request))
            visit.findings += document.findings
            self._admit(visit, document.credentials)
        except Unacceptable as refusal:
            visit.findings.append(refusal.finding)
            return None, refusal
        return document, None

    def _body_of(self, request: Request) -> bytes:
        if request.lost_body:
            raise Unacceptable("no_body", request.lost_body)
        return request.body

    def _admit(self, visit: Visit, credentials: Credentials) -> None:
        if self.strict and visit.findings:
            raise Unacceptable("bad_document", "refused, because the simulator is strict")
        if not self.access.admits(credentials):
            raise Unacceptable("bad_credentials", "the credentials are not those of an account")
        visit.account = self.access.account_of(credentials)

    async def _enquire(self, visit: Visit, request: Request) -> Response:
        subject, refusal, ids = Subject(request.body), None, []
        try:
            root = parse_request(self._body_of(request), visit.findings)
            credentials = read_credentials(root, visit.findings)
            self._admit(visit, credentials)
            if visit.path == "state":
                ids = asked_ids(root, visit.findings)
                subject = describe_asked(request.body, visit.account, ids, self.ledger)
        except Unacceptable as found:
            visit.findings.append(found.finding)
            refusal = found
        mischief = self._consult_plan(visit, subject)
        await self._wait_before(mischief)
        error = mischief.error_text(self.language)
        if error is None and refusal:
            error = worded(refusal.text, self.language)
        if error is not None:
            reply = render_error(error)
        elif visit.path == "state":
            reply = state_reply(visit.account, ids, self.ledger, mischief.fired)
        elif visit.path == "balance":
            reply = balance_reply(self.ledger, visit.arrival.faults, mischief)
        else:
            reply = time_reply(self.clock(), mischief)
        await self._wait_after(mischief)
        return mischief.dress(reply, 200 if error is None else 400)

    def _consult_plan(self, visit: Visit, subject: Subject) -> Mischief:
        faults = visit.arrival.faults
        if not faults.plan:
            return Mischief([])
        fired = faults.choose(visit.arrival, subject, self.clock())
        visit.rules = [each.ordinal for each in fired]
        return Mischief(fired)

    async def _wait_before(self, mischief: Mischief) -> None:
        await self._wait(mischief.first(lambda rule: rule.delay_before), mischief.hold == "before")

    async def _wait_after(self, mischief: Mischief) -> None:
        await self._wait(mischief.first(lambda rule: rule.delay), mischief.hold == "after")

    async def _wait(self, seconds: float | None, is_held: bool) -> None:
        if is_held:
            await self._plan_ended.wait()
        if seconds:
            await sleep(seconds)
