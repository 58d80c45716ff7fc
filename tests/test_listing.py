"""Pages of photos: every filter and order against what a plain look at the tables says, and the rows kept in step."""

import random
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest

from conftest import Box
from places import TAXONOMY, Shot, fill
from urbextag.archive import create
from urbextag.deriver import Deriver
from urbextag.errors import UsageError
from urbextag.files import FileStamp
from urbextag.records import PhotoFacts, StageResult
from urbextag.rederive import put_into_effect
from urbextag.store import decisions, grid, listing, locations, photos, refill, vlm
from urbextag.store.db import write
from urbextag.store.listing import PhotoFilter, facets, neighbours, page, tag_list, total

SAYS = (
    "a hospital ward with a gurney and peeling paint", "rows of pews in a church", "a wooden chair and a table",
    "a boiler in a basement", "a corridor with graffiti on the walls", "an armchair by a broken window",
)  # fmt: skip
CHAIR = TAXONOMY.find("chair")
SEAT = grid.above(CHAIR.id)[-1]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Forty photos in two places, of which one is hidden, one was replaced, two were decided on, one is missing."""
    made = Box(tmp_path_factory.mktemp("archive"))
    create(made.root)
    chance = random.Random(5)
    shots = [
        Shot(
            f"{'AbCd'[number % 4]}{number}.jpg", tuple(chance.sample(SAYS, 2)), chance.choice(("interior", "exterior")),
            chance.random(), f"2020-01-{1 + number % 9:02}T10:00:00" if number % 5 else None,
            reads=("EXIT",) if number % 3 == 0 else (),
        )
        for number in range(40)
    ]  # fmt: skip
    fill(made, "Willard", *shots[:25], type="Medical", stype="hospital")
    fill(made, "Mill", *shots[25:])
    with closing(made.database()) as db, write(db):
        shas = [sha for (sha,) in db.execute("SELECT imgsha FROM imgs ORDER BY imgnam")]
        db.execute("UPDATE imgs SET hidden = 1 WHERE imgsha = ?", (shas[3],))
        db.execute("UPDATE imgs SET hidden = 1, hidden_reason = 'replaced' WHERE imgsha = ?", (shas[4],))
        grid.put(db, shas)
        deriver = Deriver(TAXONOMY)
        for sha, verdict in ((shas[0], "add"), (shas[1], "reject")):
            decisions.decide(db, sha, CHAIR.id, CHAIR.label, verdict)
            put_into_effect(db, deriver, sha)
        db.execute("INSERT INTO ut_jobs (sha, state, priority, queued_at) VALUES (?, 'missing', 0, '')", (shas[5],))
    return made


@pytest.fixture
def db(archive):
    with closing(archive.database()) as db:
        yield db


def told(db, sha):
    """All that filters ask for of a photo, looked up in the tables themselves."""
    row = dict(db.execute("SELECT * FROM imgs JOIN ut_photos ON sha = imgsha WHERE imgsha = ?", (sha,)).fetchone())
    row["tags"] = {
        tag["concept"]: "yours" if tag["origin"] != "model" else band(tag["confidence"])
        for tag in db.execute("SELECT * FROM ut_tags WHERE sha = ?", (sha,))
    }
    row["reads"] = db.execute("SELECT data LIKE '%EXIT%' FROM ut_results WHERE sha = ? AND stage = 'ocr'", (sha,))
    row["reads"] = bool(row["reads"].fetchone()[0])
    row["spoken"] = bool(db.execute("SELECT 1 FROM ut_decisions WHERE sha = ?", (sha,)).fetchone())
    row["place"] = locations.of_photo(db, sha)
    row["job"] = db.execute("SELECT max(state) FROM ut_jobs WHERE sha = ?", (sha,)).fetchone()[0]
    return row


def band(sure):
    return "certain" if sure >= 0.85 else "likely" if sure >= 0.6 else "possible"


def every(db):
    """The photos that a list may have, by id."""
    rows = db.execute("SELECT imgsha FROM imgs WHERE hidden_reason IS NOT 'replaced'").fetchall()
    return {sha: told(db, sha) for (sha,) in rows}


def below(photo, asked):
    return {concept: band for concept, band in photo["tags"].items() if f"{concept}/".startswith(f"{asked}/")}


FILTERS = {
    "all": (PhotoFilter(), lambda p: True),
    "with hidden": (PhotoFilter(with_hidden=True), lambda p: True),
    "tag": (PhotoFilter(tags=(CHAIR.id,)), lambda p: below(p, CHAIR.id)),
    "inner": (PhotoFilter(tags=(SEAT,)), lambda p: below(p, SEAT)),
    "exact": (PhotoFilter(tags=(SEAT,), exact=True), lambda p: SEAT in p["tags"]),
    "exact tag": (PhotoFilter(tags=(CHAIR.id,), exact=True), lambda p: CHAIR.id in p["tags"]),
    "inner in band": (
        PhotoFilter(tags=("object/furniture",), band="likely"),
        lambda p: "likely" in below(p, "object/furniture").values(),
    ),
    "exact in band": (
        PhotoFilter(tags=(CHAIR.id,), band="yours", exact=True),
        lambda p: p["tags"].get(CHAIR.id) == "yours",
    ),
    "two": (
        PhotoFilter(tags=("object/furniture", TAXONOMY.find("pew").id)),
        lambda p: below(p, "object/furniture") and below(p, TAXONOMY.find("pew").id),
    ),
    "band": (PhotoFilter(band="yours"), lambda p: "yours" in p["tags"].values()),
    "no such": (PhotoFilter(tags=("object/unicorn",)), lambda p: False),
    "view": (PhotoFilter(view="exterior"), lambda p: p["view_type"] == "exterior"),
    "type": (PhotoFilter(place_type="HOSPITAL"), lambda p: p["place"]["stype"] == "hospital"),
    "category": (PhotoFilter(place_type="Medical"), lambda p: p["place"]["type"] == "Medical"),
    "condition": (PhotoFilter(condition="worn"), lambda p: p["condition_label"] == "worn"),
    "quality": (PhotoFilter(quality_min=0.5), lambda p: p["quality_score"] >= 0.5),
    "text": (PhotoFilter(has_text=True), lambda p: p["reads"]),
    "no text": (PhotoFilter(has_text=False), lambda p: not p["reads"]),
    "described": (PhotoFilter(described=True), lambda p: False),
    "tagged": (PhotoFilter(state="tagged"), lambda p: p["tagged_at"]),
    "missing": (PhotoFilter(state="missing"), lambda p: p["job"] == "missing"),
    "reviewed": (PhotoFilter(reviewed=True), lambda p: p["spoken"]),
    "not reviewed": (PhotoFilter(reviewed=False), lambda p: not p["spoken"]),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_what_the_tables_say(db, name):
    wanted, holds = FILTERS[name]
    photos = every(db)
    right = {sha for sha, one in photos.items() if holds(one) and (wanted.with_hidden or not one["hidden"])}
    assert {tile.sha for tile in page(db, wanted, "name").tiles} == right
    assert total(db, wanted) == listing.Total(len(right), False)
    if len(right) > 1:
        assert total(db, wanted, 1) == listing.Total(1, True)
    there = facets(db, wanted)
    for facet, field in (("view", "view"), ("condition", "condition"), ("band", "band")):
        for choice in there[facet]:
            assert total(db, replace(wanted, **{field: choice.value})).photos == choice.photos, choice
    for choice in there["has_text"]:
        assert total(db, replace(wanted, has_text=choice.value == "yes")).photos == choice.photos
    for choice in there["place_type"]:
        assert total(db, replace(wanted, place_type=choice.value)).photos == choice.photos
    if not wanted.exact and not (wanted.tags and wanted.band):
        for choice in there["tags"]:
            assert len([1 for sha in right if below(photos[sha], choice.value)]) == choice.photos, choice


ANSWER = {"description": "A front.", "condition_notes": "", "enhanced_tags": [], "readable_text": []}
KEYS = {
    "added": (lambda p: p["imgadd"], True),
    "taken": (lambda p: p["meta_date_taken"] or "", True),
    "quality": (lambda p: p["quality_score"], True),
    "name": (lambda p: p["imgnam"].lower(), False),
}


@pytest.mark.parametrize("sort", listing.SORTS)
def test_pages_forwards_and_backwards_have_every_photo_once_in_order(db, sort):
    wanted = PhotoFilter(tags=("object/furniture",)) if sort == "uncertain" else PhotoFilter()
    whole = page(db, wanted, sort)
    assert (whole.next, whole.previous) == (None, None)
    shas = [tile.sha for tile in whole.tiles]
    if sort in KEYS:
        key, last_first = KEYS[sort]
        photos = every(db)
        assert shas == sorted(shas, key=lambda sha: (key(photos[sha]), sha), reverse=last_first)
    else:
        sure = [min(99 if t.band == "yours" else t.confidence for t in tile.tags) for tile in whole.tiles]
        assert all(int(a * 1000) <= int(b * 1000) for a, b in pairwise(sure)) and len(set(sure)) > 1
    seen, after = [], None
    while True:
        part = page(db, wanted, sort, after, 4)
        seen += [tile.sha for tile in part.tiles]
        if part.next is None:
            break
        after = part.next
    assert seen == shas
    back = list(part.tiles)
    while part.previous:
        part = page(db, wanted, sort, part.previous, 4)
        back = [*part.tiles, *back]
        assert part.next
    assert [tile.sha for tile in back] == shas
    assert [neighbours(db, wanted, sort, sha) for sha in shas] == list(
        zip([None, *shas[:-1]], [*shas[1:], None], strict=True)
    )


def test_a_page_holds_its_place_when_its_last_photo_leaves_the_list(db):
    wanted = PhotoFilter(tags=(CHAIR.id,), exact=True)
    shas = [tile.sha for tile in page(db, wanted, "uncertain").tiles]
    first = page(db, wanted, "uncertain", limit=2)
    with write(db):
        decisions.decide(db, shas[1], CHAIR.id, CHAIR.label, "reject")
        put_into_effect(db, Deriver(TAXONOMY), shas[1])
    assert [tile.sha for tile in page(db, wanted, "uncertain", first.next).tiles] == shas[2:]
    with write(db):
        decisions.decide(db, shas[1], CHAIR.id, CHAIR.label, "clear")
        put_into_effect(db, Deriver(TAXONOMY), shas[1])
    assert [tile.sha for tile in page(db, wanted, "uncertain").tiles] == shas
    assert neighbours(db, wanted, "uncertain", "0" * 64) == (None, None)


@pytest.mark.parametrize("text", ["x", "é", "bnVsbA", "W3RydWUsMV0", "WzEsMiwzXQ", "e30"])
def test_what_is_no_place_in_a_list_is_refused(db, text):
    with pytest.raises(UsageError, match="no place in a list"):
        page(db, PhotoFilter(), "name", text)


def test_a_tile_tells_what_its_photo_is(db):
    (tile,) = page(db, PhotoFilter(state="missing"), "name").tiles
    photo = every(db)[tile.sha]
    assert tile.missing and tile.tagged and not tile.hidden and tile.job == "missing"
    assert (tile.name, tile.view_type, tile.quality) == (photo["imgnam"], photo["view_type"], photo["quality_score"])
    assert (tile.location, tile.width, tile.height) == (photo["place"]["locnam"], 60, 40)
    assert len(tile.tags) == 4 and all(a.confidence >= b.confidence for a, b in pairwise(tile.tags))
    for tile in page(db, PhotoFilter(tags=(SEAT,)), "name").tiles:
        assert tile.tags and all(tag.concept.startswith(SEAT) for tag in tile.tags)


def test_the_list_of_tags_has_their_numbers(db):
    photos = every(db)
    found = {one.concept: one for one in tag_list(db)}
    assert {concept: listing.numbers_of(db, concept) for concept in found} == found
    assert listing.numbers_of(db, "object/no-such-thing") is None
    right = {concept for photo in photos.values() for concept in photo["tags"]} | {CHAIR.id}
    assert found.keys() == right
    for concept, one in found.items():
        has = [photo["tags"][concept] for photo in photos.values() if concept in photo["tags"]]
        counted = tuple(has.count(band) for band in ("certain", "likely", "possible", "yours"))
        assert (one.certain, one.likely, one.possible, one.yours) == counted
        assert one.photos == len(has) and one.label == TAXONOMY.concepts[concept].label
    assert (found[CHAIR.id].yours, found[CHAIR.id].rejected, found[CHAIR.id].decided) == (1, 1, 2)


def in_step(box):
    """Insist that the rows are as they would be made afresh; returns how many there are."""
    with closing(box.database()) as db:
        assert grid.outdated(db) == []
        kept = {row["sha"]: tuple(row) for row in db.execute("SELECT * FROM ut_grid")}
        with write(db):
            grid._make(db, list(kept))
        assert {row["sha"]: tuple(row) for row in db.execute("SELECT * FROM ut_grid")} == kept
        return len(kept)


def add(box, sha, path, place, move=False):
    with closing(box.database()) as db, write(db):
        facts, locid = PhotoFacts("jpeg", 60, 40), locations.find_or_make(db, place)
        stamp = FileStamp(1, 1)
        return photos.add(db, sha * 64, path, f"/{path}", stamp, facts, locid, current_gone=False, move=move)


def test_rows_are_in_step_after_all_that_changes_photos(box):
    assert (add(box, "a", "0.jpg", "Willard"), add(box, "b", "1.jpg", "Willard"), in_step(box)) == ("new", "new", 2)
    assert (add(box, "a", "0.jpg", "Mill", move=True), in_step(box)) == ("copy", 2)
    with closing(box.database()) as db, write(db):
        subid = locations.find_or_make_sub(db, locations.find(db, "Mill")["locid"], "Attic")
        assert locations.put_into_sub(db, subid, ["0.jpg"], move=False) == 1
    assert in_step(box) == 2
    assert (add(box, "c", "1.jpg", "Willard"), in_step(box)) == ("new", 2)  # the one before is replaced
    boiler = TAXONOMY.find("boiler")
    (front,) = fill(box, "Willard", Shot("front.jpg", ("the facade of an abandoned hospital",), "exterior"))
    with closing(box.database()) as db:
        deriver = Deriver(TAXONOMY)
        (blank,) = db.execute("SELECT sha FROM ut_grid WHERE name = '1.jpg'").fetchone()
        for sha, concept, verdict in (
            (blank, boiler, "add"), (front, TAXONOMY.find("hospital"), "reject"), (front, boiler, "add")
        ):  # fmt: skip
            with write(db):
                decisions.decide(db, sha, concept.id, concept.label, verdict)
                put_into_effect(db, deriver, sha)
            assert in_step(box) == 3
        found = page(db, PhotoFilter(tags=(boiler.id,), band="yours"), "name").tiles
        assert [tile.name for tile in found] == ["1.jpg", "front.jpg"]
        with write(db):
            said = StageResult("vlm", (), {"answer": ANSWER, "model": "m"})
            vlm.save(db, front, said)
            put_into_effect(db, deriver, front)
        assert in_step(box) == 3 and total(db, PhotoFilter(described=True)).photos == 1
        with write(db):
            db.execute("UPDATE imgs SET auto_tags = NULL, view_type = NULL, quality_score = NULL")  # a rebuilt table
        refill.refill(db, [front])
        assert page(db, PhotoFilter(view="exterior"), "name").tiles[0].sha == front
    in_step(box)


def test_what_another_program_changed_is_found_and_a_lost_table_is_filled_again(box):
    shas = fill(box, "Willard", Shot("a.jpg", ("a boiler",)), Shot("b.jpg", ("a boiler",)), Shot("c.jpg"))
    with closing(box.database()) as db:
        before = page(db, PhotoFilter(), "name")
        with write(db):
            db.execute("UPDATE imgs SET imgnam = 'z.jpg', view_type = 'aerial' WHERE imgsha = ?", (shas[0],))
            db.execute("UPDATE imgs SET hidden = 1 WHERE imgsha = ?", (shas[1],))
            db.execute("DELETE FROM imgs WHERE imgsha = ?", (shas[2],))
        assert set(grid.outdated(db)) == set(shas)
        assert grid.catch_up(db) == 3 and grid.outdated(db) == []
        (tile,) = page(db, PhotoFilter(), "name").tiles
        assert (tile.name, tile.view_type, len(before.tiles)) == ("z.jpg", "aerial", 3)
        with write(db):
            db.execute("DELETE FROM ut_settings WHERE key = 'grid'")
            db.execute("DELETE FROM ut_grid")
            db.execute("DELETE FROM ut_grid_concepts")
        boilers = PhotoFilter(tags=(TAXONOMY.find("boiler").id,), with_hidden=True)
        assert total(db, boilers).photos == 2


def test_names_that_are_no_utf_8_are_shown_and_sorted(box):
    shas = fill(box, "Willard", *(Shot(f"{letter}.jpg") for letter in "abc"))
    with closing(box.database()) as db:
        with write(db):
            db.execute("UPDATE imgs SET imgnam = CAST(x'62ff' AS TEXT) WHERE imgsha = ?", (shas[1],))
            grid.put(db, shas)
        first = page(db, PhotoFilter(), "name", limit=2)
        assert [tile.name for tile in first.tiles] == ["a.jpg", "b\ufffd"]
        assert [tile.name for tile in page(db, PhotoFilter(), "name", first.next).tiles] == ["c.jpg"]
