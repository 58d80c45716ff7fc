"""Review: one word on one tag of many photos, taken back as one, and what the decisions teach."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from urbextag.actions import rulings
from urbextag.actions.tagging import DERIVED_PER_SECOND
from urbextag.numbers import count
from urbextag.store import batches as batches_store
from urbextag.store import listing
from urbextag.store.listing import PhotoFilter, TagNumbers
from urbextag.web.api.common import ERRORS, Body, PhotoIds, Plan, Said, Started, started
from urbextag.web.site import Site, TheSite
from urbextag.web.tasks import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urbextag.archive import Archive
    from urbextag.taxonomy import Taxonomy

router = APIRouter(prefix="/review", tags=["review"], responses=ERRORS)

Verdict = Literal["accept", "reject", "clear"]
ModelBand = Literal["certain", "likely", "possible"]
AT_ONCE = 100
"""So many photos are decided while the page waits; more become a task."""


class Ruling(Body):
    """One word on many photos."""

    concept: str = Field(max_length=300)
    """Id, label or synonym."""
    verdict: Verdict
    photos: PhotoIds | None = None
    """Every photo that has the tag by models alone, where none is named."""
    band: ModelBand | None = None
    """Of those, only the ones on which it is so sure."""


class Batch(BaseModel):
    """Decisions that were made in one go."""

    id: int
    concept: str
    label: str
    verdict: str
    at: str
    undone_at: str | None
    photos: int


class Ruled(BaseModel):
    """What was decided: `batch` takes it back."""

    batch: int
    message: str


class Teaching(BaseModel):
    """What the decisions teach, before and after."""

    decisions: float
    reliability: list[dict[str, Any]]
    thresholds: list[dict[str, Any]]
    decided: dict[str, Any]
    archive: dict[str, Any]
    changes: bool


@router.get("/tags", response_model=list[TagNumbers])
def tags(site: TheSite) -> list[dict[str, Any]]:
    """Every tag of the archive with its numbers, the most frequent first."""
    with site.opened() as archive:
        return [asdict(one) for one in listing.tag_list(archive.db)]


@router.get("", response_model=Plan)
def plan(
    site: TheSite,
    concept: Annotated[str, Query(max_length=300)],
    verdict: Verdict,
    band: ModelBand | None = None,
) -> Plan:
    """On how many photos a word on every photo with a tag would be."""
    with site.opened() as archive:
        found, shas = _meant(site, archive, Ruling(concept=concept, verdict=verdict, band=band))
    said = {"accept": "Accept", "reject": "Reject", "clear": "Take back"}[verdict]
    text = f"{said} “{found[1]}” on {count(len(shas), 'photo')}{f' ({band})' if band else ''}? You can take it back."
    return Plan(
        photos=len(shas), seconds=len(shas) / DERIVED_PER_SECOND, text=text if shas else "No photo is left to decide.",
        nothing=not shas,
    )  # fmt: skip


@router.post("", response_model=Ruled | Started)
def rule(site: TheSite, ruling: Ruling) -> dict[str, Any]:
    """Accept or reject a tag on photos, or take an earlier word back (`clear`). Tags are derived again at once.

    More than a hundred photos become a task; its result holds the `batch`.
    """
    with site.opened() as archive:
        concept, shas = _meant(site, archive, ruling)
    if len(shas) <= AT_ONCE:
        return _rule(site, concept, shas, ruling.verdict, None)
    title = f"{ruling.verdict.capitalize()} {concept[1]} on {count(len(shas), 'photo')}"
    work = site.tasks.start("review", title, lambda report: _rule(site, concept, shas, ruling.verdict, report))
    return started(work)


def _rule(
    site: Site, concept: tuple[str, str], shas: Sequence[str], verdict: Verdict, report: Report | None
) -> dict[str, Any]:
    if report:
        report(0, len(shas))
    with site.opened() as archive:
        told = report or (lambda done: None)
        batch = rulings.decide_many(archive, site.deriver(archive), concept, shas, verdict, told)
    said = {"accept": "accepted on", "reject": "rejected on", "clear": "taken back on"}[verdict]
    return {"batch": batch, "message": f"“{concept[1]}” {said} {count(len(shas), 'photo')}."}


def _meant(site: Site, archive: Archive, ruling: Ruling) -> tuple[tuple[str, str], list[str]]:
    """The concept, and the photos that are meant."""
    concept = _concept(archive, site.taxonomy(archive), ruling)
    if ruling.photos is not None:
        return concept, list(dict.fromkeys(ruling.photos))
    if ruling.verdict == "clear":
        return concept, listing.ids(archive.db, PhotoFilter(tags=(concept[0],), exact=True, band="yours"))
    bands: tuple[ModelBand, ...] = (ruling.band,) if ruling.band else ("possible", "likely", "certain")
    shas = [
        sha for band in bands for sha in listing.ids(archive.db, PhotoFilter(tags=(concept[0],), exact=True, band=band))
    ]
    return concept, shas


def _concept(archive: Archive, taxonomy: Taxonomy, ruling: Ruling) -> tuple[str, str]:
    """The concept that is meant; one that has left the taxonomy may still be on photos."""
    gone = None if ruling.concept in taxonomy.concepts else listing.numbers_of(archive.db, ruling.concept)
    return (gone.concept, gone.label) if gone else rulings.find_concept(taxonomy, ruling.concept)


@router.post("/undo/{batch}", response_model=Said | Started)
def undo(site: TheSite, batch: Annotated[int, Path(ge=1, le=2**62)]) -> dict[str, Any]:
    """Take a batch back: each photo gets the word again that stood before, where nothing was said since.

    More than a hundred photos become a task.
    """
    with site.opened() as archive:
        found = batches_store.find(archive.db, batch)
    if found is None or found.photos <= AT_ONCE:
        return _undo(site, batch, None)
    return started(site.tasks.start("review", "Taking back", lambda report: _undo(site, batch, report)))


def _undo(site: Site, batch: int, report: Report | None) -> dict[str, Any]:
    told = report or (lambda done: None)
    with site.opened() as archive:
        changed = rulings.undo_batch(archive, site.deriver(archive), batch, told)
    return {"message": f"Taken back on {count(changed, 'photo')}."}


@router.get("/batches", response_model=list[Batch])
def batches(site: TheSite) -> list[dict[str, Any]]:
    """The last batches, the latest first."""
    with site.opened() as archive:
        return [asdict(one) for one in rulings.batches(archive)]


@router.get("/teaching", response_model=Teaching)
def teaching(site: TheSite) -> dict[str, Any]:
    """What the decisions teach: weights of sources and thresholds, before and after, and which tags would change."""
    from urbextag.actions.calibrating import as_json, propose

    with site.opened() as archive:
        stands = site.taxonomy(archive).calibration
        found = propose(archive, stands, lambda done, total: None)
    report = as_json(found, stands, written=False)
    score = {name: asdict(value) for name, value in report["decided"].items()}
    changes = found.calibration != stands
    return report | {"decided": score, "archive": asdict(report["archive"]), "changes": changes}


@router.post("/teaching/adopt", status_code=202, response_model=Started)
def adopt(site: TheSite) -> dict[str, Any]:
    """Let tags be derived by what the decisions teach from now on; the calibration before is kept."""
    return started(site.tasks.start("adopt", "Learning from your decisions", lambda report: _adopt(site, report)))


def _adopt(site: Site, report: Report) -> dict[str, Any]:
    from urbextag.actions import calibrating

    with site.opened() as archive:
        stands = site.taxonomy(archive).calibration
        found = calibrating.propose(archive, stands, report)
        if found.calibration == stands:
            return {"message": "Nothing changes: there are too few decisions, or they agree with what stands."}
        calibrating.adopt(archive, found)
    site.restarts.ask()
    return {"message": "Learned. Photos' tags are out of date: derive them again from Settings.", "url": "/settings"}


@router.post("/teaching/undo", response_model=Said)
def unlearn(site: TheSite) -> dict[str, str]:
    """Go back to the calibration before, or to none."""
    from urbextag.actions.calibrating import go_back

    with site.opened() as archive:
        path = go_back(archive)
    site.restarts.ask()
    return {"message": "The calibration before is in force again." if path else "There is no calibration any more."}
