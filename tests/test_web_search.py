"""Search and review: photos by words and filters, one word on many photos, and its way back."""

from __future__ import annotations

import pytest

from conftest import draw
from urbextag.store.db import write
from web_kit import Web, web_of

MANY = 130


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An archive whose photos show boilers, some surely; made without a model."""
    from urbextag.actions.rulings import find_concept
    from urbextag.archive import create, opened
    from urbextag.deriver import Deriver
    from urbextag.importer import add, walk
    from urbextag.records import Evidence, PhotoFacts, PhotoRef, PhotoResult, StageResult
    from urbextag.rederive import derive_again
    from urbextag.store import locations, results

    root = tmp_path_factory.mktemp("search")
    create(root)
    for seed in range(MANY):
        draw(root / "photos" / f"{seed:03}.jpg", "B", size=(64, 48), seed=seed)
    with opened(root) as archive:
        db = archive.db
        with write(db):
            locid = locations.find_or_make(db, "Power <House>")
        add(archive, list(walk([root / "photos"])), locid, move=False, done=lambda files: None)
        taxonomy = archive.load_taxonomy()
        assert find_concept(taxonomy, "boiler")
        shas = [row[0] for row in db.execute("SELECT imgsha FROM imgs ORDER BY imgnam")]
        with write(db):
            for number, sha in enumerate(shas):
                word, score = ("boiler", 0.95) if number % 2 else ("staircase", 0.9)
                said = StageResult("tester", (Evidence("ram++", word, score),), {})
                facts = PhotoFacts("jpeg", 64, 48)
                results.save(db, PhotoResult(PhotoRef(sha, ""), facts, (said,), 0.1), "f", "starter")
            derive_again(db, Deriver(taxonomy), shas)
    return root


@pytest.fixture
def web(place, tmp_path):
    import shutil

    shutil.copytree(place, tmp_path / "archive")
    with web_of(tmp_path / "archive") as web:
        yield web


def boiler(web: Web) -> dict[str, object]:
    return next(one for one in web.get("/review/tags") if one["label"] == "boiler")


def test_words_find_by_tags_and_say_that_no_picture_was_compared(web: Web):
    found = web.get("/search?q=an old boiler&limit=500")
    assert found["total"] == MANY // 2 and found["pictures"] == 0
    assert all(any(tag["label"] == "boiler" for tag in photo["tags"]) for photo in found["photos"])
    page = web.page("/search?q=an+old+boiler")
    assert "No picture was compared" in page and "Power &lt;House&gt;" in page and "<House>" not in page


def test_names_of_files_and_places_are_found_too(web: Web):
    found = web.get("/search?q=017.jpg")
    assert [photo["name"] for photo in found["photos"]] == ["017.jpg"]
    assert web.get("/search?q=power <HOUSE>")["total"] == MANY and web.get("/search?q=017_jpg")["total"] == 0
    locations = web.get("/search/facets?q=017.jpg")["locid"]
    assert [(one["label"], one["photos"]) for one in locations] == [("Power <House>", 1)]


def test_filters_stand_in_the_address_and_pages_follow_each_other(web: Web):
    seen, after = [], ""
    while after is not None:
        found = web.get(f"/search?sort=name{after and '&after=' + after}")
        seen += [photo["name"] for photo in found["photos"]]
        after = found["next"]
    assert seen == [f"{number:03}.jpg" for number in range(MANY)]
    concept = boiler(web)["concept"]
    assert web.get(f"/search?tag={concept}&reviewed=no")["total"] == MANY // 2
    facets = web.get(f"/search/facets?tag={concept}")
    assert "tags" in facets and web.page(f"/search/facets?tag={concept}").count("<li>") > 3
    assert web.get("/search?view=sideways", code=400)["error"]["remedy"]
    assert web.get("/search?after=zzz", code=400)


def test_a_batch_is_decided_and_taken_back(web: Web):
    before = boiler(web)
    photos = [photo["id"] for photo in web.get(f"/search?tag={before['concept']}&limit=20")["photos"]]
    ruled = web.send("POST", "/review", {"concept": "boiler", "verdict": "reject", "photos": photos})
    assert boiler(web)["photos"] == before["photos"] - 20 and boiler(web)["rejected"] == 20
    assert "boiler" in web.page("/review") and "Undo" in web.page("/review")
    assert web.send("POST", f"/review/undo/{ruled['batch']}")["message"] == "Taken back on 20 photos."
    assert boiler(web) == before
    assert web.send("POST", f"/review/undo/{ruled['batch']}", code=400)["error"]["message"]


def test_many_photos_become_a_task_with_the_same_way_back(web: Web):
    photos = [photo["id"] for photo in web.get("/search?limit=500")["photos"]]
    end = web.end_of(web.send("POST", "/review", {"concept": "staircase", "verdict": "accept", "photos": photos}))
    assert end["state"] == "done" and end["total"] == MANY
    assert web.get("/review/batches")[0]["photos"] == MANY
    undone = web.end_of(web.send("POST", f"/review/undo/{end['result']['batch']}"))
    assert undone["result"]["message"] == f"Taken back on {MANY} photos."
    assert web.get("/review/batches")[0]["undone_at"]


def test_every_photo_of_a_tag_can_be_meant_after_a_count(web: Web):
    plan = web.get("/review?concept=boiler&verdict=accept")
    assert plan["photos"] == MANY // 2 and "65 photos" in plan["text"]
    page = web.page(f"/review/tag?tag={boiler(web)['concept']}")
    assert "Accept all" in page and 'data-plan="/api/v1/review?verdict=accept' in page
    web.send("POST", "/review", {"concept": "boiler", "verdict": "accept"})
    assert boiler(web)["yours"] == MANY // 2
    assert web.get("/review?concept=boiler&verdict=accept")["nothing"]


def test_the_least_sure_come_first_and_decided_ones_can_be_asked_for(web: Web):
    concept = boiler(web)["concept"]
    one = web.get(f"/search?tag={concept}")["photos"][0]["id"]
    web.send("POST", "/review", {"concept": concept, "verdict": "accept", "photos": [one]})
    page = web.page(f"/review/tag?tag={concept}")
    assert page.count('role="option"') == 60 and f"p-{one}" not in page  # a person's own comes last
    assert web.page(f"/review/tag?tag={concept}&band=yours").count('role="option"') == 1


def test_what_decisions_teach_is_shown_before_it_acts(web: Web):
    photos = [photo["id"] for photo in web.get("/search?limit=500")["photos"]]
    web.end_of(web.send("POST", "/review", {"concept": "boiler", "verdict": "reject", "photos": photos}))
    shown = web.get("/review/teaching")
    assert shown["changes"] and shown["reliability"][0]["before"] == 1.0 and shown["reliability"][0]["after"] < 1.0
    assert not (web.site.root / "calibration.yaml").exists()
    assert web.end_of(web.send("POST", "/review/teaching/adopt", code=202))["state"] == "done"
    assert (web.site.root / "calibration.yaml").exists()
    assert web.send("POST", "/review/teaching/undo")["message"] == "There is no calibration any more."


def test_unknown_photos_and_tags_are_refused_with_nothing_changed(web: Web):
    before = web.get("/review/tags")
    for body in (
        {"concept": "boiler", "verdict": "reject", "photos": ["0" * 64]},
        {"concept": "spaceship", "verdict": "reject", "photos": [web.get("/search")["photos"][0]["id"]]},
    ):
        assert web.send("POST", "/review", body, code=400)["error"]["remedy"]
    assert web.get("/review/tags") == before
