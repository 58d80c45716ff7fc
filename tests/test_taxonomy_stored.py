"""View conflict, elements and era in the archive: stored with the tags, compared, shown."""

from __future__ import annotations

import json
from contextlib import closing

from conftest import Box
from urbextag import rederive as rederiving
from urbextag.archive import opened
from urbextag.deriver import Deriver
from urbextag.files import FileStamp
from urbextag.records import Evidence, PhotoFacts, PhotoRef, PhotoResult, StageResult
from urbextag.store import decisions, findings, photos, results
from urbextag.store.db import write
from urbextag.taxonomy import load_taxonomy

SHA = "a" * 64
SAID = (
    Evidence("florence", "rows of wooden pews before an altar, broken windows and peeling paint"),
    Evidence("ram++", "pew", 0.93),
    Evidence("ram++", "altar", 0.9),
    Evidence("ram++", "hallway", 0.9),
    Evidence("ocr", "ERECTED 1911", 0.95),
    Evidence("ocr", "1987 CALENDAR", 0.95),
)


def keep(box: Box, *said: Evidence) -> None:
    """A photo as the stages leave it, derived."""
    scene = {"view_type": "aerial", "confidence": 0.9, "model": "x", "reasons": ()}
    stages = (StageResult("florence", said, {"model": "x"}), StageResult("scene", (), scene))
    result = PhotoResult(PhotoRef(SHA, ""), PhotoFacts("jpeg", 60, 40), stages, 0.1)
    with closing(box.database()) as db, write(db):
        stamp = FileStamp(1, 1)
        photos.add(db, SHA, "a.jpg", "/a.jpg", stamp, result.facts, None, current_gone=False, move=False)
        results.save(db, result, "f", "starter")
    derive(box)


def derive(box: Box) -> None:
    with opened(box.root) as archive:
        rederiving.rederive(archive, Deriver(load_taxonomy()), [SHA], 1, lambda done: None)


def test_show_tells_what_is_stored(box: Box) -> None:
    keep(box, *SAID)
    shown = box.ok("show", "a.jpg", "--json").json
    assert shown["view_type"]["value"] == "aerial" and shown["view_type"]["confidence"] < 0.6
    assert shown["view_type"]["conflict"]["value"] == "interior" and shown["view_type"]["conflict"]["reasons"]
    elements = {element["element"]: element for element in shown["condition"]["elements"]}
    assert {"glazing", "paint"} <= elements.keys() and elements["paint"]["because"] == ["peeling paint"]
    assert shown["era_summary"]["built"] == [1911, 1911] and shown["era_summary"]["used"] == [1987, 1987]
    assert shown["era"][0]["because"] == ["ocr: ERECTED 1911"]
    text = box.ok("show", "a.jpg").out
    assert "the tags say interior" in text and "pew (florence, ram++): interior" in text
    assert "paint decayed: peeling paint" in text or "paint worn: peeling paint" in text
    assert "built 1911, in use 1987" in text and "built 1911: 1911 (ocr: ERECTED 1911)" in text


def test_what_is_stored_is_what_is_derived_and_is_not_written_twice(box: Box) -> None:
    keep(box, *SAID)
    with opened(box.root) as archive:
        deriver = Deriver(load_taxonomy())
        (again,) = rederiving.derive_chunk(archive.db, deriver, [SHA])
        assert again.rows is None, "all stands as it is"
        archive.db.execute("UPDATE ut_photos SET condition_elements = NULL")
        (mended,) = rederiving.derive_chunk(archive.db, deriver, [SHA])
        assert mended.rows is not None
        derive(box)
        stored = archive.db.execute("SELECT condition_elements, view_conflict FROM ut_photos").fetchone()
    assert findings.condition_elements(stored[0]) and findings.view_conflict(stored[1]) is not None


def test_a_ruling_ends_the_conflict_and_a_historic_photo_has_neither_condition_nor_era(box: Box) -> None:
    keep(box, *SAID)
    with closing(box.database()) as db, write(db):
        decisions.decide(db, SHA, "view/archival-photo", "archival photograph", "add")
        decisions.decide(db, SHA, "view/interior", "interior", "add")
    derive(box)
    with closing(box.database()) as db:
        row = db.execute("SELECT * FROM ut_photos").fetchone()
    assert (row["view_conflict"], row["condition_elements"], row["condition_label"]) == (None, None, None)
    assert json.loads(row["era"]) == []
    shown = box.ok("show", "a.jpg", "--json").json
    assert shown["view_type"] == {"value": "interior", "confidence": 1.0}
    assert shown["condition"] is None and shown["era_summary"] is None
