"""`GET /events`: server-sent events that tell how the work stands, whenever it changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from urbextag.web.site import TheSite

router = APIRouter(tags=["status"])


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(site: TheSite) -> StreamingResponse:
    """A `status` event (queues, worker, tasks as JSON) at once and with each change. Lines that begin with `:` are no
    events; they keep the connection.
    """  # noqa: D205

    async def lines() -> AsyncIterator[str]:
        async for snapshot in site.pulse.watch():
            yield f"event: status\ndata: {json.dumps(snapshot)}\n\n" if snapshot else ": quiet\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")
