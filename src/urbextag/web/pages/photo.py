"""Photo: the picture with what was found in it, why, what a person says of it, and what each model said."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from urbextag.store import listing
from urbextag.web import filters, lookup
from urbextag.web.lookup import PhotoId
from urbextag.web.photo_view import view_of
from urbextag.web.render import page
from urbextag.web.site import TheSite

router = APIRouter()


@router.get("/photos/{sha}")
def photo(request: Request, site: TheSite, sha: PhotoId) -> HTMLResponse:
    """The page; its address may hold the list that the photo was opened from."""
    listed, sort = filters.wanted(request.query_params)
    with site.opened() as archive:
        row = lookup.photo(archive, sha)
        view = view_of(archive, site.taxonomy(archive), row)
        previous, following = listing.neighbours(archive.db, listed, sort, sha)
        endpoints = len(archive.config.vlm.endpoints)
    query = urlencode(filters.query_of(listed, sort))
    addresses: dict[str, Any] = {
        "previous": _address(previous, query),
        "following": _address(following, query),
        "whole_list": f"/search?{query}" if query else "/search",
    }
    return page(request, "photo.html", view=view, photo=view.report, endpoints=endpoints, query=query, **addresses)


def _address(sha: str | None, query: str) -> str | None:
    if sha is None:
        return None
    return f"/photos/{sha}?{query}" if query else f"/photos/{sha}"
