"""Photos: what is known of one, a person's word on its tags, another look at it, its picture, and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from urbextag.actions import rulings, tagging
from urbextag.store import decisions, listing
from urbextag.thumbnails import MEDIA_TYPE, Size
from urbextag.web import lookup, plans
from urbextag.web.api.common import ERRORS, Plan, Said
from urbextag.web.api.models_images import ImageReport, PhotoTags, SimilarImages, TagChange, TagsChanged
from urbextag.web.lookup import PhotoId
from urbextag.web.render import writable
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.store.decisions import Verdict
    from urbextag.taxonomy import Taxonomy

router = APIRouter(prefix="/images", tags=["images"], responses=ERRORS)

KEEP_SECONDS = 7 * 24 * 3600
PAST = {"accept": "accepted", "reject": "rejected", "add": "added", "clear": "taken back"}
Verdicts: tuple[Verdict, ...] = ("clear", "reject", "accept", "add")


@router.get("/{sha}", response_model=ImageReport)
def image(site: TheSite, sha: PhotoId) -> Any:
    """All that the archive knows of a photo, and what each stage said: the object of `urbextag show --json`."""
    from urbextag.actions.report import stored_report

    with site.opened() as archive:
        row = lookup.photo(archive, sha)
        return writable(stored_report(archive, site.taxonomy(archive), row))


@router.get("/{sha}/picture", response_class=FileResponse, responses={200: {"content": {"image/jpeg": {}}}})
def picture(site: TheSite, sha: PhotoId, size: Size = "small") -> FileResponse:
    """The photo, upright, 360 (small) or 1500 (large) pixels on its longer side, without metadata."""
    file = site.thumbnails.kept(sha, size) if site.lasting else None  # a grid asks for sixty: no database for these
    if file is None:
        with site.opened() as archive:
            source = archive.locate(lookup.photo(archive, sha)["imgloc"])
        file = site.thumbnails.file(sha, size, source, content_addressed=site.lasting)
    keep = f"private, max-age={KEEP_SECONDS}" if site.lasting else "private, no-cache"
    return FileResponse(file, media_type=MEDIA_TYPE, headers={"cache-control": keep})


@router.get("/{sha}/tags", response_model=PhotoTags)
def tags(site: TheSite, sha: PhotoId) -> Any:
    """The tags of a photo, each with its reasons, and those that a person has rejected."""
    with site.opened() as archive:
        lookup.photo(archive, sha)
        return _tags(archive, site.taxonomy(archive), sha)


@router.patch("/{sha}/tags", response_model=TagsChanged)
def change_tags(site: TheSite, sha: PhotoId, change: TagChange) -> Any:
    """Accept, reject, add and take back tags; the photo's tags are derived again at once."""
    with site.opened() as archive:
        lookup.photo(archive, sha)
        taxonomy = site.taxonomy(archive)
        said = decisions.of(archive.db, sha)
        words = [
            (concept, verdict)
            for verdict in Verdicts
            for concept in rulings.find_concepts(taxonomy, getattr(change, verdict), said)
        ]
        if words:
            rulings.decide_each(archive, site.deriver(archive), sha, words)
        labels: dict[str, list[str]] = {}
        for (_, label), verdict in words:
            labels.setdefault(PAST[verdict], []).append(label)
        message = "; ".join(f"{', '.join(some)}: {done}" for done, some in labels.items()) or "nothing was changed"
        return writable(_tags(archive, taxonomy, sha) | {"message": f"{message[0].upper()}{message[1:]}."})


@router.delete("/{sha}/tags", response_model=Said)
def clear_tags(site: TheSite, sha: PhotoId) -> dict[str, str]:
    """Forget what models said of a photo: it then counts as never tagged. What a person said of it stands."""
    with site.opened() as archive:
        lookup.photo(archive, sha)
        tagging.clear(archive, site.deriver(archive), sha)
    return {"message": "What models said of this photo is forgotten. What you said of it stands."}


@router.get("/{sha}/retag", response_model=Plan)
def retag_plan(site: TheSite, sha: PhotoId) -> Plan:
    """How long tagging a photo again takes."""
    with site.opened() as archive:
        lookup.photo(archive, sha)
        return plans.to_tag(site, archive, "photo", sha)[0]


@router.post("/{sha}/retag", response_model=Said)
def retag(site: TheSite, sha: PhotoId) -> dict[str, str]:
    """Queue a photo to be tagged again, before all that was queued by itself."""
    with site.opened() as archive:
        lookup.photo(archive, sha)
        return plans.tag(site, archive, "photo", sha)


@router.get("/{sha}/enhance", response_model=Plan)
def enhance_plan(site: TheSite, sha: PhotoId) -> Plan:
    """How long it takes to have a photo described by a VLM; asks the servers whether they are ready."""
    from urbextag.actions.describing import refuse_untagged

    with site.opened() as archive:
        lookup.photo(archive, sha)
        refuse_untagged(archive, sha)
        return plans.to_describe(site, archive, "photo", sha)[0]


@router.post("/{sha}/enhance", response_model=Said)
def enhance(site: TheSite, sha: PhotoId) -> dict[str, str]:
    """Queue a photo to be described by a VLM; a description that it has is replaced by the next."""
    from urbextag.actions.describing import refuse_untagged

    with site.opened() as archive:
        lookup.photo(archive, sha)
        refuse_untagged(archive, sha)
        return plans.describe(site, archive, "photo", sha)


@router.get("/{sha}/similar", response_model=SimilarImages)
def similar(site: TheSite, sha: PhotoId, limit: Annotated[int, Query(ge=1, le=100)] = 12) -> Any:
    """The photos that look most like one, by the embeddings that are kept."""
    from urbextag.actions.likeness import like

    with site.opened() as archive:
        lookup.photo(archive, sha)
        found = like(archive, sha, limit)
        tiles = listing.tiles(archive.db, listing.PhotoFilter(), [near.sha for near in found.photos])
    named = {tile.sha: tile for tile in tiles}
    photos = [
        {
            "id": near.sha,
            "name": named[near.sha].name,
            "location": named[near.sha].location,
            "cosine": round(near.cosine, 4),
            "same": near.same,
        }
        for near in found.photos
        if near.sha in named
    ]
    return writable({"model": found.model, "photos": photos, "why_none": found.why_none})


def _tags(archive: Archive, taxonomy: Taxonomy, sha: str) -> dict[str, Any]:
    from urbextag.actions.report import stored_tags

    rejected = [
        {"id": one.concept, "label": one.label, "of_location": one.of_location}
        for one in decisions.of(archive.db, sha)
        if one.verdict == "reject"
    ]
    return {"id": sha, "tags": stored_tags(archive, taxonomy, sha), "rejected": rejected}
