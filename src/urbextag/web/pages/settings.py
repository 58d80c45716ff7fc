"""Settings: models, VLM servers, when to work, how sure a tag must be, and the upkeep of the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from urbextag.actions import models as models_actions
from urbextag.actions import settings as actions
from urbextag.choices import FACETS, Facet, Precision
from urbextag.web.render import page
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    from urbextag.actions.models import Line
    from urbextag.archive import Archive
    from urbextag.models.catalogue import Role

router = APIRouter()

FACET_WORDS: dict[Facet, tuple[str, str]] = {
    "place": ("Places", "hospital, mill, church"),
    "room": ("Rooms", "ward, boiler room, attic"),
    "element": ("Parts of a building", "staircase, skylight, window"),
    "material": ("Materials", "brick, tile, corrugated iron"),
    "object": ("Things", "gurney, piano, control panel"),
    "condition": ("Condition", "peeling paint, collapsed roof"),
    "nature": ("Nature", "ivy, moss, snow"),
    "sign": ("Signs and writing", "graffiti, mural, warning sign"),
    "vehicle": ("Vehicles", "truck, locomotive, boat"),
    "era": ("Style and time", "art deco, victorian"),
    "hazard": ("Hazards", "asbestos, missing floor"),
    "view": ("Views", "interior, aerial, detail"),
}
PROFILE_WORDS = {
    "starter": (
        "Starter",
        "Runs at once on any machine: what ships inside the package. Reads text, metadata and a thousand everyday "
        "things. The coarsest tags, no search by words in pictures.",
    ),
    "scene": (
        "Scene",
        "The scene model looks at each photo once, quickly. Tags, views and quality come from it, and photos can be "
        "found by what they show and by likeness.",
    ),
    "standard": (
        "Standard",
        "The scene model and the describing model: the best tags, and a caption of each photo. Slower: seconds for a "
        "photo without a graphics card.",
    ),
}
MORE = {"work": "Work", "limits": "Limits", "vlm": "Asking a VLM", "models": "Models", "zero_shot": "Reading scenes"}
"""Sections of settings that few change."""
PROMINENT = frozenset(
    {"scene", "scene_precision", "tags", "tags_precision", "run_on_import", "idle_only", "idle_load", "quiet_hours"}
)


class Size(NamedTuple):
    """One precision of a model as the page offers it."""

    precision: Precision
    bytes: int | None
    here: bool
    published: bool


@router.get("/settings")
def settings(request: Request, site: TheSite) -> HTMLResponse:
    """The page; servers are asked by the browser afterwards, so that a mute one holds nothing up."""
    with site.opened() as archive:
        config = archive.config
        described = actions.described(config)
        values: dict[str, Any] = {
            "config": config,
            "setting": {one.key: one for one in described},
            "more": _more(described),
            "profiles": PROFILE_WORDS,
            "roles": _roles(archive),
            "quiet": actions.quiet_times(config.vlm.quiet_hours),
            "thresholds": _thresholds(archive, site),
            "attached": archive.attached,
            "our_keys": actions.OUR_KEYS,
        }
    return page(request, "settings.html", **values)


def _more(described: list[actions.Setting]) -> list[tuple[str, list[actions.Setting]]]:
    """The settings that few change, by section."""
    of = {section: [s for s in described if s.section == section and s.name not in PROMINENT] for section in MORE}
    return [(MORE[section], found) for section, found in of.items() if found]


def _roles(archive: Archive) -> list[dict[str, Any]]:
    """The models to choose from, by what they are for."""
    from urbextag.models.installed import models_folder

    config = archive.config
    chosen = actions.model_names(config)
    lines = models_actions.lines(models_folder(config.models), chosen)
    words: dict[Role, tuple[str, str]] = {
        "scene": (
            "Stage 0: the model that understands scenes",
            "SigLIP or CLIP; for Scene and Standard.",
        ),
        "tags": ("Stage 1: the model that describes", "Florence-2; for Standard."),
    }
    return [
        {
            "role": role,
            "title": title,
            "text": text,
            "name": chosen[role][0],
            "precision": chosen[role][1],
            "models": [(line, _sizes(line)) for line in lines if line.spec.role == role],
        }
        for role, (title, text) in words.items()
    ]


def _sizes(line: Line) -> list[Size]:
    here = line.manifest.precisions if line.manifest else {}
    published = line.spec.files if line.spec.repository else {}
    return [Size(one, size, one in here, one in published) for one, size in models_actions.sizes(line).items()]


def _thresholds(archive: Archive, site: Any) -> dict[str, Any]:
    """How sure a tag must be, by facet: as usual, as the owner has it, and how many concepts there are."""
    from urbextag.actions.thresholds import usual_thresholds

    taxonomy = site.taxonomy(archive)
    usual, of = usual_thresholds(taxonomy), archive.config.taxonomy
    facets = [
        {"name": facet, "title": FACET_WORDS[facet][0], "text": FACET_WORDS[facet][1], "usual": usual[facet],
         "own": of.thresholds.get(facet), "now": of.wanted.get(facet, usual[facet])}
        for facet in FACETS
    ]  # fmt: skip
    learned = bool(taxonomy.calibration.thresholds or taxonomy.calibration.reliability)
    return {"facets": facets, "all": of.threshold, "usual": taxonomy.sources.rules.threshold, "learned": learned}
