"""Home, jobs, the queue and the folder picker: what an owner sees and does before and while photos are tagged."""

from __future__ import annotations

import os

import pytest

from conftest import Box, draw
from urbextag.store import jobs
from urbextag.store.db import write
from web_kit import Web, web_of


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A home folder with photos in it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "pictures" / "mill"
    for seed in range(3):
        draw(folder / f"{seed}.jpg", "MILL", seed=seed)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
    (tmp_path / "home" / ".secret").mkdir()
    return folder


def pick(web: Web, *names: str) -> str:
    """The id of a folder below the home folder, as a person picks it."""
    found = web.get("/folders")["folders"][0]["id"]
    for name in names:
        inside = web.get(f"/folders?at={found}")
        found = next(folder["id"] for folder in inside["folders"] if folder["name"] == name)
    return str(found)


def test_an_empty_archive_says_what_to_do_and_a_folder_is_added_from_the_page(box: Box, photos):
    with web_of(box.root) as web:
        assert "Add a folder of photos" in web.page("/")
        chosen = pick(web, "pictures", "mill")
        assert web.get(f"/folders?at={chosen}")["photos"] == 4
        form = {"location": "Old Mill", "type": "textile mill", "state": "NY"}
        end = web.end_of(web.send("POST", f"/folders/{chosen}/add", form, code=202))
        assert end["state"] == "done" and end["result"]["counts"]["new"] == 3
        assert "3 photos" in end["result"]["message"] and "1 could not be read" in end["result"]["message"]
        page = web.page("/")
        assert "broken.jpg" in page and "3</b><span>photos" in page.replace(" ", "").replace("\n", "")
        assert web.get("/status")["jobs"]["queued"] == 3
        again = web.end_of(web.send("POST", f"/folders/{chosen}/add", form, code=202))
        assert again["result"]["counts"] == {"unchanged": 3}


def test_only_folders_that_the_server_named_can_be_picked(box: Box, photos):
    with web_of(box.root) as web:
        assert web.get("/folders?at=" + "0" * 24, code=404)["error"]["remedy"]
        assert web.get("/folders?at=/etc", code=422)
        assert web.client.get("/api/v1/folders?at=../../etc").status_code == 422
        names = [folder["name"] for folder in web.get(f"/folders?at={pick(web)}")["folders"]]
        assert names == ["pictures"]  # nothing hidden


def test_a_folder_whose_name_is_no_utf8_is_shown_and_looked_into(box: Box, photos):
    (photos / os.fsdecode(b"caf\xe9")).mkdir()
    with web_of(box.root) as web:
        chosen = pick(web, "pictures", "mill", "caf?")
        assert web.get(f"/folders?at={chosen}")["path"].endswith("mill/caf?")
        assert web.end_of(web.send("POST", f"/folders/{chosen}/add", {}, code=202))["title"] == "Adding caf?"
        assert "Adding caf?" in web.page("/jobs")
        assert "Adding caf?" in [task["title"] for task in web.get("/tasks")]


def test_a_wrong_kind_of_place_is_told_before_anything_is_added(box: Box, photos):
    with web_of(box.root) as web:
        chosen = pick(web, "pictures", "mill")
        told = web.send("POST", f"/folders/{chosen}/add", {"location": "X", "type": "spaceship"}, code=400)
        assert "spaceship" in told["error"]["message"]
        assert web.get("/status")["photos"] == 0


def test_pause_resume_cancel_and_queue_again(box: Box, photos):
    box.ok("add", photos, "--location", "Mill", code=5)
    with web_of(box.root) as web:
        web.send("POST", "/queue/pause", {})
        assert web.get("/queue")["paused_since"] and "Paused" in web.page("/") and "Paused" in web.page("/jobs")
        web.send("POST", "/queue/resume")
        assert web.get("/queue")["paused_since"] is None
        assert web.send("POST", "/queue/cancel", {})["message"].startswith("3 ")
        plan = web.get("/queue/tag?scope=missing")
        assert plan["photos"] == 3 and "3 photos" in plan["text"] and not plan["nothing"]
        assert "No worker runs here" in web.send("POST", "/queue/tag", {"scope": "missing"})["message"]
        assert web.get("/queue")["counts"]["queued"] == 3
        assert "0.jpg" in web.page("/jobs?show=queued")


def test_what_was_set_aside_is_shown_retried_and_given_up(box: Box, photos):
    box.ok("add", photos, "--location", "Mill", code=5)
    with box.database() as db, write(db):
        db.execute("UPDATE ut_jobs SET state = 'set_aside', strikes = 2, reason = 'ocr: broke: <b>badly</b>'")
    with web_of(box.root) as web:
        page = web.page("/jobs?show=aside")
        assert "ocr: broke: &lt;b&gt;badly" in page and page.count("2 attempts") == 3
        one, two, three = (row["sha"] for row in web.get("/queue")["troubled"])
        assert web.send("POST", "/queue/retry", {"photos": [one]})["message"] == "1 queued again."
        assert web.send("POST", "/queue/discard", {"photos": [two]})["message"] == "1 given up."
        assert [row["sha"] for row in web.get("/queue")["troubled"]] == [three]
        assert web.get("/queue")["counts"] | {} == {
            "queued": 1, "running": 0, "done": 0, "set_aside": 1, "missing": 0, "cancelled": 1,
        }  # fmt: skip
        assert web.get("/queue/tag?scope=missing")["photos"] == 1  # what was given up is not tried by chance
        assert web.send("POST", "/queue/retry", {})["message"] == "1 queued again."
        assert web.send("POST", "/queue/retry", {"photos": [two]})["message"] == "1 queued again."
    with box.database() as db:
        assert jobs.counts(db)["queued"] == 3


def test_what_an_owner_does_without_any_vlm_server_says_the_remedy(box: Box, photos):
    box.ok("add", photos, code=5)
    with web_of(box.root) as web:
        assert web.get("/status/endpoints") == []
        told = web.get("/queue/describe?scope=missing", code=409)["error"]
        assert "server" in told["message"] and told["remedy"]
