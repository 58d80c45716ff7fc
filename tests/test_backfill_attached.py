"""Taking over tags inside the application's own database, in all its releases, and after what it does meanwhile."""

import json
import sqlite3
from contextlib import closing

import pytest

import application_db as application
from conftest import urbextag
from urbextag.store.migrations import PUBLISHED

SYNONYMS = {"machine": "machinery", "corridor": "hallway"}
"""Words that the application writes, with the labels of the concepts that they name."""


def rows(path, release, columns="auto_tags, auto_tags_source, auto_tags_legacy"):
    with closing(sqlite3.connect(path)) as db:
        return {row[0]: row[1:] for row in db.execute(f"SELECT {release.key}, {columns} FROM imgs")}


def run(path, *arguments, code=0):
    ran = urbextag("--archive", path.parent, *arguments)
    assert ran.code == code, f"{arguments}: {ran.out}\n{ran.err}"
    return ran


@pytest.fixture(params=[application.TAGGED, application.NEW, application.SHORT], ids=["imgsha", "imghash", "short"])
def attached(request, tmp_path):
    """(file, release, keys, hash of the application's tables before): 60 photos, ten of each kind of source."""
    path = tmp_path / "app" / "archive.db"
    path.parent.mkdir()
    keys = application.make(path, 60, request.param, tagged=True)
    before = application.content_hash(path, request.param)
    urbextag("attach", path, "--yes")
    return path, request.param, keys, before


def test_the_applications_tags_are_taken_over_and_given_back(attached):
    path, release, keys, before = attached
    untouched = application.content_hash(path, release, without=PUBLISHED)
    was = rows(path, release)
    report = run(path, "backfill", "--yes", "--json").json
    assert {source: n["photos"] for source, n in report["after"]["sources"].items()} == dict.fromkeys(
        ("ram++", "florence", "manual", "hybrid", "mock"), 10
    )
    human = report["after"]["human_decisions"]
    assert human["labels"] == human["kept"] == 60 and report["before"]["to_queue"] == 50
    now = rows(path, release)
    for key in keys:
        tags, source, _ = was[key]
        if source is None:
            assert now[key] == was[key]
        elif source == "mock":
            assert now[key] == (None, None, None)
        else:
            assert now[key][2] == tags
            assert now[key][1] == ("manual" if source in ("manual", "hybrid") else "urbextag")
        if source in ("manual", "hybrid"):
            words = {SYNONYMS.get(word, word) for word in json.loads(tags)}
            assert set(json.loads(now[key][0])) == words
    assert application.content_hash(path, release, without=PUBLISHED) == untouched
    run(path, "show", keys[0][:12])
    run(path, "jobs", "status")
    run(path, "locations", "show", "Place 1")
    run(path, "backfill", "--undo", "--yes")
    assert application.content_hash(path, release) == before


def test_a_rebuild_and_a_detach_after_it_lose_nothing(attached):
    path, release, _, before = attached
    run(path, "backfill", "--yes")
    now = rows(path, release)
    application.rebuild(path, release, foreign_keys=False)
    run(path, "attach", "--yes")
    assert rows(path, release) == now
    assert run(path, "backfill", "--dry-run", "--json").json["photos"] == 0
    run(path, "detach", "--yes")
    assert application.content_hash(path, release) == before


def test_what_the_application_tags_and_imports_later_is_taken_over_as_well(attached):
    path, release, keys, _ = attached
    run(path, "backfill", "--yes")
    with closing(application.opened(path)) as db, db:
        (new,) = application.insert(db, release, range(900, 901))
        sql = f"UPDATE imgs SET auto_tags = ?, auto_tags_source = ? WHERE {release.key} = ?"
        db.execute(sql, ('["boiler"]', "manual", new))
        db.execute(sql, ('["gurney", "my own word"]', "manual", keys[0]))
    report = run(path, "backfill", "--yes", "--json").json
    assert report["before"]["photos"] == 2 and report["before"]["to_queue"] == 1
    assert json.loads(rows(path, release)[new][0]) == ["boiler"]
    assert {"gurney", "my own word"} <= set(json.loads(rows(path, release)[keys[0]][0]))
    run(path, "backfill", "--undo", "--yes")
    assert rows(path, release)[new][:2] == ('["boiler"]', "manual")
