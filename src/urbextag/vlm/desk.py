"""Makes what describing photos takes besides photos and servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from urbextag.taxonomy.concept import FACETS
from urbextag.vlm.describe import Desk
from urbextag.vlm.template import load_template

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.config import Config
    from urbextag.deriver import Deriver

_NOT_SEEN = frozenset({"view"})
"""Facets that a tag of a VLM cannot have: the view is asked of the embedding."""


def make_desk(config: Config, deriver: Deriver) -> Callable[[Archive], Desk]:
    """What makes the desk of each thread of a run from its own connection to the archive.

    Raises:
        ConfigError: the prompt is wrong.

    """
    template = load_template(config.vlm.prompt)
    facets = tuple(facet for facet in FACETS if facet not in _NOT_SEEN)
    return lambda archive: Desk(archive, deriver, template, facets)
