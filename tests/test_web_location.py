"""One location: its page, and through the API what its owner says of it, with the effect on its photos' tags."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from conftest import Box
from fake_ollama import FakeOllama
from places import Shot, fill
from urbextag.archive import create
from urbextag.store import jobs, locations
from urbextag.store.db import write
from web_kit import web_of

PHOTOS = (
    *(Shot(f"ward {number}.jpg", ("a hospital ward with a gurney and a pew",)) for number in range(3)),
    Shot("pews.jpg", ("rows of pews in a church",)),
    *(Shot(f"deco {number}.jpg", ("an art deco facade of a hospital",), "exterior", 0.9) for number in range(2)),
    Shot("plan.jpg", ("a floor plan",), "document", reads=("GROUND FLOOR", "<script>alert(1)</script>")),
)
PLACES = ("Willard", "Danvers", "Byberry", "Pennhurst", "Norwich", "Topeka", "Kings Park")
"""One for each test that changes something."""
NOWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("web") / "archive"
    create(root)
    box = Box(root)
    shas = {name: fill(box, name, *(replace(shot, name=f"{name} {shot.name}") for shot in PHOTOS)) for name in PLACES}
    with web_of(root) as web:
        yield box, web, shas


@pytest.fixture
def box(made):
    return made[0]


@pytest.fixture
def web(made):
    return made[1]


@pytest.fixture
def shas(made):
    return made[2]


def row(box, name):
    with closing(box.database()) as db:
        return dict(locations.find(db, name))


def path(box, name):
    return f"/locations/{row(box, name)['locid']}"


def suggested(web, where):
    return {one["kind"]: one["value"] for one in web.get(where)["summary"]["suggestions"]}


def confidences(box, shas):
    marks = ",".join("?" * len(shas))
    with closing(box.database()) as db:
        found = db.execute(f"SELECT sha, concept, confidence FROM ut_tags WHERE sha IN ({marks})", shas)
        return {(sha, concept): sure for sha, concept, sure in found}


def ended(web, started):
    """The sentence that a task ends with."""
    report = web.end_of(started)
    assert report["state"] == "done", report
    return report["result"]["message"]


def test_the_page_shows_what_the_photos_say(web, box, shas):
    where = path(box, "Willard")
    page = web.page(where)
    for text in (
        "<h1>Willard</h1>",
        "Looks like <em>hospital</em>",
        "<em>1920-1940</em>",
        "For it",
        "Against it",
        "No aerial view",
        "GROUND FLOOR",
        "&lt;script&gt;alert(1)",
        "Chosen by the photos",
        "Re-tag images",
        "set up a server first",
        "art deco: built 1920-1940",
    ):
        assert text in page, text
    assert "<script>alert" not in page and "style=" not in page and "data-waiting" not in page
    assert f"/photos/{shas['Willard'][0]}?location=" in page
    web.page(f"/locations/{NOWHERE}", 404)
    web.get(f"/locations/{NOWHERE}", 404)


def test_chips_filter_the_photos_and_take_themselves_out(web, box):
    where = path(box, "Willard")
    link = f"{where}?tag=object%2Fchurch%2Fpew#photos"
    page = web.page(where)
    [link] = [part.split('"')[0] for part in page.split('href="') if "pew" in part.split('"')[0]]
    page = web.page(link.partition("#")[0])
    assert 'Photos <span class="soft">4</span>' in page and "Reject “pew” for the whole location" in page
    assert f'href="{where}#photos" aria-label="Without pew"' in page
    assert 'Photos <span class="soft">1</span>' in web.page(f"{where}?view=document")
    assert "No photo here is like that" in web.page(f"{where}?view=aerial")
    web.page(f"{where}?view=sideways", 400)


def test_a_large_place_is_shown_before_it_is_summed_up(web, box, monkeypatch):
    from urbextag.web.pages import location

    monkeypatch.setattr(location, "AT_ONCE", 3)
    where = path(box, "Topeka")
    page = web.page(where)
    assert page.count("data-waiting") == 4 and "Looks like" not in page and "Topeka deco 0.jpg" in page
    parts = web.page(f"{where}/summary")
    assert "Looks like <em>hospital</em>" in parts and "data-waiting" not in parts and "<html" not in parts
    assert "data-waiting" not in web.page(where)  # it is kept now
    ended(web, web.send("POST", f"{where}/apply", {"kind": "era"}, 202))
    assert "data-waiting" in web.page(where)  # and outdated by what has changed
    assert "Suggest" in web.page(f"{where}/summary") and suggested(web, where) == {"type": "hospital"}


def test_the_form_derives_again_at_once(web, box, shas):
    where, before = path(box, "Danvers"), confidences(box, shas["Danvers"])
    facts = {"name": "Danvers State", "type": "hospital", "city": "Danvers", "state": "massachusetts", "built": "1878"}
    said = ended(web, web.send("PATCH", where, facts, 202))
    assert "7 photos were derived again" in said
    now = row(box, "Danvers State")
    assert (now["type"], now["stype"], now["address_state"], now["built_year"]) == ("Medical", "hospital", "MA", "1878")
    assert confidences(box, shas["Danvers"]) != before
    assert web.send("PATCH", where, facts) == {"message": "Nothing has changed."}
    page = web.page(where)
    assert "hospital · Danvers, MA · 1878" in page and '<option value="hospital" selected>' in page
    ended(web, web.send("PATCH", where, {"type": None, "city": "", "state": "", "built": ""}, 202))
    assert (row(box, "Danvers State")["type"], row(box, "Danvers State")["address_city"]) == (None, None)
    assert confidences(box, shas["Danvers"]) == before


@pytest.mark.parametrize(
    ("facts", "code", "told"),
    [
        ({"type": "hospitle"}, 400, "hospital"),
        ({"state": "Utopia"}, 400, "two letters"),
        ({"built": "long ago"}, 400, ""),
        ({"name": " "}, 400, "needs a name"),
        ({"name": "byberry"}, 400, "another location"),
        ({"name": "a\x00b"}, 422, ""),
        ({"name": "x" * 201}, 422, ""),
        ({"color": "red"}, 422, ""),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(web, box, facts, code, told):
    before = row(box, "Willard")
    assert told in json.dumps(web.send("PATCH", path(box, "Willard"), facts, code))
    assert row(box, "Willard") == before


def test_suggestions_are_applied_taken_back_dismissed_and_recalled(web, box, shas):
    where, before = path(box, "Byberry"), confidences(box, shas["Byberry"])
    assert suggested(web, where) == {"type": "hospital", "era": "1920-1940"}
    assert "hospital" in ended(web, web.send("POST", f"{where}/apply", {"kind": "type"}, 202))
    assert row(box, "Byberry")["stype"] == "hospital" and confidences(box, shas["Byberry"]) != before
    assert "Applied: <b>Medical, hospital</b>" in web.page(where)
    web.send("POST", f"{where}/apply", {"kind": "type"}, 400)
    ended(web, web.send("POST", f"{where}/undo", {}, 202))
    assert row(box, "Byberry")["stype"] is None and confidences(box, shas["Byberry"]) == before
    web.send("POST", f"{where}/undo", {}, 400)
    web.send("POST", f"{where}/dismiss", {"kind": "type", "value": "Hospital"})
    assert suggested(web, where).get("type") != "hospital"
    assert "Dismissed: <b>hospital</b>" in web.page(where)
    web.send("POST", f"{where}/recall", {"kind": "type", "value": "hospital"})
    assert suggested(web, where)["type"] == "hospital"
    web.send("POST", f"{where}/dismiss", {"kind": "type", "value": "zeppelin"}, 400)


def test_the_hero_is_chosen_locked_and_shown_by_its_point(web, box, shas):
    where, sha = path(box, "Pennhurst"), shas["Pennhurst"][0]
    web.send("PUT", f"{where}/hero", {"sha": sha, "focal_x": 0.25, "focal_y": 0.75})
    now = row(box, "Pennhurst")
    assert (now["hero_imgsha"], now["hero_focal_x"], now["hero_focal_y"]) == (sha, 0.25, 0.75)
    page = web.page(where)
    assert "Locked by you" in page and 'data-focal-x="0.25" data-focal-y="0.75"' in page
    web.send("PUT", f"{where}/hero", {"sha": sha})
    assert row(box, "Pennhurst")["hero_focal_x"] is None
    web.send("PUT", f"{where}/hero", {"sha": None})
    assert row(box, "Pennhurst")["hero_imgsha"] is None and "Chosen by the photos" in web.page(where)
    assert web.page(f"{where}?choose=hero").count("Make it the hero") == 7
    web.send("PUT", f"{where}/hero", {"sha": shas["Willard"][0]}, 400)
    web.send("PUT", f"{where}/hero", {"sha": "f" * 64}, 404)
    for body in (
        {"sha": sha, "focal_x": 0.5},
        {"sha": None, "focal_x": 0.5, "focal_y": 0.5},
        {"sha": sha, "focal_x": 2},
    ):
        web.send("PUT", f"{where}/hero", body, 422)
    assert row(box, "Pennhurst")["hero_imgsha"] is None


def test_a_tag_is_rejected_for_the_whole_place_and_taken_back(web, box, shas):
    where, before = path(box, "Norwich"), confidences(box, shas["Norwich"])
    [pew] = {concept for _, concept in before if concept.endswith("/pew")}
    plan = web.get(f"{where}/tags?tag=pew")
    assert plan["photos"] == 7 and "4 of 7 photos lose it" in plan["text"] and not plan["nothing"]
    said = ended(web, web.send("POST", f"{where}/tags", {"tag": "pew", "verdict": "reject"}, 202))
    assert said == "pew: on 4 photos of Norwich before, on 0 now."
    assert not [one for one in confidences(box, shas["Norwich"]) if one[1] == pew]
    assert web.get(where)["rejected"] == [{"concept": pew, "label": "pew"}]
    assert "photo by photo" in web.get(f"{where}/tags?tag={pew}&verdict=clear")["text"]
    ended(web, web.send("POST", f"{where}/tags", {"tag": pew, "verdict": "clear"}, 202))
    assert confidences(box, shas["Norwich"]) == before and web.get(where)["rejected"] == []
    web.get(f"{where}/tags?tag=qwertz", 400)
    web.send("POST", f"{where}/tags", {"tag": "qwertz", "verdict": "reject"}, 400)


def queued(box, queue=jobs.TAGGING):
    table = "ut_vlm_jobs" if queue == jobs.VLM else "ut_jobs"
    with closing(box.database()) as db:
        return {sha for (sha,) in db.execute(f"SELECT sha FROM {table} WHERE state = 'queued'")}


def test_photos_are_queued_after_a_plan(web, box, shas):
    where, mine = path(box, "Kings Park"), set(shas["Kings Park"])
    assert web.get(f"{where}/queue-untagged")["nothing"]
    first, *_ = sorted(mine)
    with closing(box.database()) as db, write(db):
        db.execute("UPDATE ut_photos SET tagged_at = NULL, stages_fingerprint = NULL WHERE sha = ?", (first,))
    plan = web.get(f"{where}/queue-untagged")
    assert plan["photos"] == 1 and "Tag 1 photo" in plan["text"] and plan["seconds"] > 0
    assert "1 photo queued" in web.send("POST", f"{where}/queue-untagged")["message"]
    assert queued(box) == {first}
    assert web.get(f"{where}/retag")["photos"] == 7
    assert "7 photos queued" in web.send("POST", f"{where}/retag")["message"]
    assert queued(box) == mine


def test_descriptions_are_queued_where_a_server_is_set_up(web, box, shas, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    where, mine = path(box, "Willard"), set(shas["Willard"])
    assert "[[vlm.endpoints]]" in web.get(f"{where}/enhance", 409)["error"]["remedy"]
    with FakeOllama() as fake:
        box.settings(f'[[vlm.endpoints]]\nurl = "{fake.url}"\n')
        try:
            assert "Enhance all images for this location" in web.page(where)
            plan = web.get(f"{where}/enhance")
            assert plan["photos"] == 7 and "7 photos described by 1 server" in plan["text"]
            assert web.get(f"{where}/enhance?only_missing=true")["photos"] == 7
            web.send("POST", f"{where}/enhance", {"only_missing": True})
        finally:
            fake.down()
    assert queued(box, jobs.VLM) == mine
    assert web.get(f"{where}/enhance", 409)["error"]["remedy"].startswith("Start it")
    box.settings("")


def test_summing_up_again_tells_what_there_is(web, box):
    said = ended(web, web.send("POST", f"{path(box, 'Willard')}/reaggregate", None, 202))
    assert said.startswith("Willard: 7 photos, ")


def test_the_answer_is_that_of_the_command(web, box):
    where = path(box, "Willard")
    told = web.get(where)
    assert {key: told[key] for key in ("location", "files", "summary")} == box.ok(
        "locations", "show", "Willard", "--json"
    ).json
