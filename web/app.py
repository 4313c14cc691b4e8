"""The application: every address, behind one guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI
from starlette.responses import HTMLResponse

from web import campaigns, creating, others, results, uploads
from web.asking import check_query
from web.documentation import HEADERS, to_html
from web.door import Door
from web.guard import PROTECTED, Guard
from web.refusals import add_refusals

VERSION = "1"
_ABOUT = """Campaigns of paid messages: create them, follow them, control them, read what became of every recipient.

Every address but `/healthz`, `/readyz` and the documentation needs a key of `bulkpost key create`, sent as
`Authorization: Bearer ...`. Refusals are `application/problem+json` with the field, the value and the mend.
"""


def create_app(door: Door) -> FastAPI:
    """Return the application of one door."""

    @asynccontextmanager
    async def serving(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = door.limits.threads
        # Long work has threads of its own: a list that is being imported holds up nobody who asks for a status.
        app.state.uploads = CapacityLimiter(door.limits.uploads_at_once)
        app.state.importing = CapacityLimiter(door.limits.uploads_at_once)
        yield

    app = FastAPI(
        title="Bulkpost",
        version=VERSION,
        description=_ABOUT,
        lifespan=serving,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.door = door
    for router in (creating.router, uploads.router, campaigns.router, results.router, others.router):
        app.include_router(router, prefix=PROTECTED, dependencies=[Depends(check_query)])
    app.include_router(others.open_router)

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(to_html(app.openapi()), headers=HEADERS)

    add_refusals(app)
    app.add_middleware(Guard, door=door)
    return app
