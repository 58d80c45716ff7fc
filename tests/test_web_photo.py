"""One photo: its page and what the API knows of it, a person's word on its tags, another look, and its like."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from actions_kit import WARD, make
from conftest import Box, draw
from places import TAXONOMY, Shot
from urbextag.archive import opened
from urbextag.records import VIEW_TYPES
from urbextag.rederive import derive_again
from urbextag.store import jobs, vlm
from urbextag.store.db import write
from urbextag.store.listing import BANDS, SORTS, STATES, PhotoFilter
from urbextag.taxonomy.condition import LEVELS
from urbextag.web import filters
from urbextag.web.api.concepts import matching
from urbextag.web.photo_view import canvas_of
from urbextag.web.render import writable
from web_kit import web_of

BOILER = "object/machinery/boiler"
ENDPOINT = '[[vlm.endpoints]]\nurl = "http://127.0.0.1:9"\nmodel = "m"\n'
ANSWER = {
    "description": "A hall. <script>alert(1)</script>", "condition_notes": "Paint peels.", "enhanced_tags": [],
    "era_hints": [], "readable_text": ["BOILER ROOM", "DANGER"], "spatial_notes": "", "architectural_style": "",
}  # fmt: skip
SAID = {
    "answer": ANSWER, "text": [{"text": "BOILER ROOM", "ocr": True}, {"text": "DANGER", "ocr": False}],
    "model": "qwen", "endpoint": "http://vlm", "fingerprint": "f", "configured": "qwen",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The web app of an archive, a copy of its database, and the ids of its photos."""
    root = tmp_path_factory.mktemp("photo") / "archive"
    shas = make(root, *WARD, Shot("e.jpg", ("a boiler",), angle=0.2), Shot("f.jpg", ("a pew",), angle=1.4))
    with web_of(root) as web:
        web.page(f"/photos/{shas[0]}")
        with closing(sqlite3.connect(root / "urbextag.db")) as db, closing(sqlite3.connect(":memory:")) as copy:
            db.backup(copy)
            yield web, copy, shas


@pytest.fixture
def web(made):
    """As it was made, for each test."""
    web, copy, _ = made
    settings = web.site.root / "urbextag.toml"
    text = settings.read_text(encoding="utf-8")
    yield web
    settings.write_text(text, encoding="utf-8")
    with closing(sqlite3.connect(web.site.root / "urbextag.db")) as db:
        copy.backup(db)


@pytest.fixture
def shas(made):
    return made[2]


@pytest.fixture
def box(web):
    return Box(web.site.root)


def labels(tags):
    return {tag["label"]: tag["origin"] for tag in tags}


def test_the_report_is_that_of_show(web, shas, box):
    assert web.get(f"/images/{shas[0]}") == box.ok("show", shas[0], "--json").json
    assert web.get(f"/images/{'0' * 64}", 404)["error"]["remedy"]
    assert "There is no photo" in web.page(f"/photos/{'0' * 64}", 404)


def test_a_word_on_tags_has_its_effect_at_once_and_can_be_taken_back(web, shas):
    tags = f"/images/{shas[0]}/tags"
    before = web.get(tags)
    assert labels(before["tags"])["boiler"] == "model" and "peeling paint" in labels(before["tags"])
    assert before["tags"][0]["why"]
    condition = web.get(f"/images/{shas[0]}")["condition"]["score"]
    change = {"accept": [BOILER], "reject": ["Peeling paints"], "add": ["bathtub"]}
    after = web.send("PATCH", tags, change)
    assert labels(after["tags"])["boiler"] == "accepted" and labels(after["tags"])["bathtub"] == "added"
    assert "peeling paint" not in labels(after["tags"])
    assert [(one["label"], one["of_location"]) for one in after["rejected"]] == [("peeling paint", False)]
    assert after["message"] == "Peeling paint: rejected; boiler: accepted; bathtub: added."
    assert (web.get(f"/images/{shas[0]}")["condition"] or {"score": 0})["score"] < condition  # derived with it
    web.send("PATCH", tags, {"clear": ["boiler", "peeling paint", "bathtub"]})
    assert web.get(tags) == before
    assert web.send("PATCH", tags, {})["message"] == "Nothing was changed."


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"accept": ["boiler", "pew"]}, 400, "no tag 'pew'"),
        ({"reject": ["boiler"], "add": ["no such thing"]}, 400, "no concept"),
        ({"reject": ["boiler"], "accept": ["boiler"]}, 400, "both reject and accept"),
        ({"reject": ["\ud800"]}, 422, "unicode"),
        ({"reject": ["boiler"], "more": []}, 422, "more"),
        ({"reject": ["x" * 201]}, 422, "reject"),
        ({"reject": ["boiler"] * 101}, 422, "reject"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(web, shas, change, code, says):
    before = web.get(f"/images/{shas[0]}/tags")
    answer = web.client.request(
        "PATCH", f"/api/v1/images/{shas[0]}/tags", content=json.dumps(change),
        headers={"origin": "http://127.0.0.1", "content-type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == code and says in answer.json()["error"]["message"]
    assert web.get(f"/images/{shas[0]}/tags") == before


def test_what_is_rejected_for_the_place_is_said_and_not_cleared_here(web, shas, box):
    box.ok("review", "reject", "--location", "The Ward", "boiler", "--yes")
    tags = f"/images/{shas[0]}/tags"
    assert [one["of_location"] for one in web.get(tags)["rejected"]] == [True]
    page = web.page(f"/photos/{shas[0]}")
    assert "for the whole" in page and "Take back the rejection of boiler" not in page
    assert "The Ward" in web.send("PATCH", tags, {"clear": ["boiler"]}, 400)["error"]["message"]
    assert labels(web.send("PATCH", tags, {"add": ["boiler"]})["tags"])["boiler"] == "added"


def test_tag_again_and_forget(web, shas, box):
    image = f"/images/{shas[0]}"
    plan = web.get(f"{image}/retag")
    assert plan["photos"] == 1 and plan["seconds"] > 0 and "Tag 1 photo" in plan["text"]
    assert "queued" in web.send("POST", f"{image}/retag")["message"]
    with closing(box.database()) as db:
        job = jobs.of_photo(db, shas[0])
        assert (job["state"], job["priority"]) == ("queued", jobs.Priority.PERSON)
    web.send("PATCH", f"{image}/tags", {"add": ["pew"]})
    assert "forgotten" in web.send("DELETE", f"{image}/tags")["message"]
    after = web.get(image)
    assert labels(after["tags"]) == {"pew": "added"}
    assert after["stages"] == {} and after["view_type"] is None and after["quality"] is None
    page = web.page(f"/photos/{shas[0]}")
    assert "added by you" in page and "Not known before it is tagged" in page and "Nothing is kept" in page


def test_describing_needs_a_server_and_tags(web, shas, box):
    image = f"/images/{shas[0]}/enhance"
    assert "no VLM server is named" in web.send("POST", image, code=409)["error"]["message"]
    assert "None is set up" in web.page(f"/photos/{shas[0]}")
    box.settings(ENDPOINT)
    assert "Describe" in web.page(f"/photos/{shas[0]}")
    error = web.send("POST", image, code=409)["error"]
    assert error["remedy"].startswith("Start it")  # nothing listens there
    web.send("DELETE", f"/images/{shas[1]}/tags")
    assert "not been tagged" in web.send("POST", f"/images/{shas[1]}/enhance", code=400)["error"]["message"]


def test_similar_photos_nearest_first_and_why_there_are_none(web, shas):
    found = web.get(f"/images/{shas[0]}/similar")
    assert [one["name"] for one in found["photos"]] == ["e.jpg", "f.jpg"]
    assert found["model"] == "m" and found["photos"][0]["cosine"] == pytest.approx(0.995, abs=1e-3)
    assert [one["same"] for one in found["photos"]] == [True, False]
    assert len(web.get(f"/images/{shas[0]}/similar?limit=1")["photos"]) == 1
    none = web.get(f"/images/{shas[1]}/similar")
    assert none["photos"] == [] and "starter" in none["why_none"]


def test_the_page_says_why_and_shows_what_was_read_and_said(web, shas, box):
    with opened(box.root) as archive, write(archive.db):
        archive.db.execute(
            "INSERT INTO ut_results VALUES (?, 'vlm', '[]', ?, '2026-01-02T03:04:05Z')", (shas[0], json.dumps(SAID))
        )
        vlm.publish(archive.db, shas[0], SAID, "2026-01-02T03:04:05Z")
        box_ = [0.1, 0.25, 0.5, 1.5]
        pieces = [{"source": "ocr", "label": "BOILER ROOM", "score": 0.9, "box": box_}]
        archive.db.execute("UPDATE ut_results SET evidence = ? WHERE stage = 'ocr'", (json.dumps(pieces),))
        derive_again(archive.db, web.site.deriver(archive), [shas[0]])
    page = web.page(f"/photos/{shas[0]}")
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert page.count("only the VLM read this") == 1 and "DANGER" in page
    assert 'viewBox="0 0 60 40"' in page and 'x="6.0" y="10.0" width="24.0" height="30.0"' in page
    assert 'id="show-text"' in page and 'id="show-region"' not in page
    assert 'href="/locations/' in page and "The Ward" in page
    assert "peeling paint" in page and "what any tag begins with" in page and "log-odds" in page
    assert 'datetime="2026-01-02T03:04:05Z"' in page and 'id="said-florence"' in page
    assert "style=" not in page and "onclick" not in page


def test_a_missing_file_is_said_and_never_blank(web, shas, box):
    page = web.page(f"/photos/{shas[0]}")
    assert "file is missing" in page and "a.jpg" in page
    error = web.get(f"/images/{shas[0]}/picture?size=large", 422)["error"]
    assert error["message"] and error["remedy"]
    draw(box.root / "a.jpg", "here")
    assert "file is missing" not in web.page(f"/photos/{shas[0]}")
    assert web.client.get(f"/api/v1/images/{shas[0]}/picture").headers["content-type"] == "image/jpeg"


def test_next_and_previous_follow_the_list_of_the_address(web, shas):
    page = web.page(f"/photos/{shas[2]}?sort=name&view=interior&unknown=1")
    assert f'href="/photos/{shas[0]}?view=interior&amp;sort=name" rel="prev"' in page  # b.jpg is an exterior
    assert f'href="/photos/{shas[3]}?view=interior&amp;sort=name" rel="next"' in page
    assert 'href="/search?view=interior&amp;sort=name"' in page
    assert 'rel="prev"' not in web.page(f"/photos/{shas[0]}?sort=name")
    assert "sort cannot be" in web.page(f"/photos/{shas[0]}?sort=colour", 400)


def test_concepts_by_their_first_letters(web):
    found = web.get("/concepts?q=boile&limit=3")["concepts"]
    assert found[0]["id"] == BOILER and len(found) == 3
    assert web.get("/concepts?q=") == {"concepts": []} and web.get("/concepts?q=%00%ff")["concepts"] == []
    assert {one["facet"] for one in web.get("/concepts?q=b&facet=room")["concepts"]} == {"room"}
    by_synonym = matching(TAXONOMY, "roller rinks")[0]
    assert (by_synonym[0].label, by_synonym[1]) == ("skating rink", "roller rink")
    for concept, _ in matching(TAXONOMY, "a"):
        name = concept.label if TAXONOMY.find(concept.label) is concept else concept.id
        assert TAXONOMY.find(name) is concept


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(str.strip).filter(bool)
lists = st.builds(
    PhotoFilter,
    tags=st.lists(texts, unique=True, max_size=3).map(tuple), exact=st.booleans(), locid=st.none() | texts,
    subid=st.none() | texts, place_type=st.none() | texts, with_hidden=st.booleans(),
    band=st.sampled_from([None, *BANDS]), view=st.sampled_from([None, *VIEW_TYPES]),
    condition=st.sampled_from([None, *LEVELS]), quality_min=st.none() | st.floats(0, 1),
    has_text=st.none() | st.booleans(), described=st.none() | st.booleans(), reviewed=st.none() | st.booleans(),
    state=st.sampled_from([None, *STATES]),
)  # fmt: skip


@given(lists, st.sampled_from(SORTS))
def test_an_address_gives_the_list_back_that_it_was_made_of(listed, sort):
    address = urlencode(filters.query_of(listed, sort))
    assert filters.wanted(QueryParams(address)) == (listed, sort)


def test_an_empty_address_is_every_photo_and_has_no_query():
    assert filters.wanted(QueryParams("view=&quality=&tag=")) == (PhotoFilter(), "added")
    assert filters.query_of(PhotoFilter()) == []


def test_boxes_end_at_the_edge_and_text_is_writable():
    piece = {"source": "florence", "label": "bed", "score": None, "box": [-0.5, 0.5, 2.0, 0.25]}
    found = canvas_of({}, {"florence": {"evidence": [piece, piece]}})
    assert not found.known and found.texts == ()
    (region,) = found.regions
    assert (region.left, region.top, region.width, region.height) == (0, 500, 1000, 0)
    assert writable({"a": ["\ud83d", "é"]}) == {"a": ["?", "é"]}


def test_a_photo_that_the_application_added_a_moment_ago_under_its_own_key(web, box):
    with closing(box.database()) as db, write(db):
        db.execute(
            """INSERT INTO imgs (imgsha, imgnam, imgnamo, imgloc, imgloco, imgadd)
            VALUES ('key_1', '<b>.jpg', 'b.jpg', 'b.jpg', '/b.jpg', '2026-01-01')"""
        )
    page = web.page("/photos/key_1")
    assert "&lt;b&gt;.jpg" in page and "has not been tagged yet" in page
    web.send("PATCH", "/images/key_1/tags", {"add": ["boiler"]})
    web.send("DELETE", "/images/key_1/tags")
    assert labels(web.get("/images/key_1")["tags"]) == {"boiler": "added"}
