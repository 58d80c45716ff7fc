"""Pages of templates: numbers, times and shares as people read them; everything is escaped."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

from urbextag import __version__
from urbextag.numbers import count, duration, years

if TYPE_CHECKING:
    from fastapi import Request
    from jinja2 import Environment

NAVIGATION = (
    ("/", "Home"),
    ("/locations", "Locations"),
    ("/review", "Review"),
    ("/search", "Search"),
    ("/jobs", "Jobs"),
    ("/settings", "Settings"),
)


@cache
def environment() -> Environment:
    """The templates and their filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=PackageLoader("urbextag.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": lambda value: f"{value:,}",
        "percent": lambda share: f"{share:.0%}",
        "count": count,
        "duration": duration,
        "years": years,
        "words": lambda name: str(name).replace("_", " "),
        "last_words": last_words,
    }
    made.globals |= {"version": __version__, "navigation": NAVIGATION, "address": address}
    return made


def last_words(concept: str) -> str:
    """What a concept's id ends with: `object/furniture/bar-stool` -> "bar stool"."""
    return concept.rsplit("/", 1)[-1].replace("-", " ")


def writable(value: Any) -> Any:
    """JSON values with lone surrogates replaced: a model or a file name may hold some, and UTF-8 cannot."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def address(request: Request, **changes: Any) -> str:
    """The address of this page with other values in its query; None takes a name out."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    for name, value in changes.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        query += [(name, str(one)) for one in values if one is not None and one != ""]
    return f"{request.url.path}?{urlencode(query)}" if query else request.url.path


def page(request: Request, template: str, code: int = 200, **values: Any) -> HTMLResponse:
    """Fill a template; it knows `request` besides these values."""
    text = environment().get_template(template).render(request=request, **values)
    return HTMLResponse(text, code)
