"""Plans and queues of tagging and describing, how long they take, a photo forgotten; photos brought in; a report."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from actions_kit import DERIVER, PUBLISHED, WARD, concept, make, never_looked_at, state
from conftest import draw
from places import TAXONOMY, Shot
from urbextag.actions import adding, describing, rulings, status, tagging
from urbextag.actions.report import stored_report
from urbextag.archive import create, opened
from urbextag.config import EndpointConfig
from urbextag.errors import UrbextagError, UsageError
from urbextag.records import Evidence, StageResult
from urbextag.rederive import derive_again
from urbextag.store import embeddings, jobs, locations, photos, results, vlm
from urbextag.store.db import write
from urbextag.store.locations import LocationFacts
from urbextag.vlm.look import Server

NEAR, FAR = "http://127.0.0.1:1111", "http://127.0.0.1:2222"
ANSWER = {
    "description": "A hallway.", "condition_notes": "", "enhanced_tags": ["hallway"], "readable_text": [],
    "architectural_style": None,
}  # fmt: skip


@pytest.fixture
def ward(tmp_path):
    shas = make(tmp_path, *WARD)
    with opened(tmp_path) as archive:
        yield archive, shas


@contextmanager
def in_hand(archive, owner, queue=jobs.TAGGING, count=1):
    with write(archive.db):
        claims = jobs.claim(archive.db, owner, count, 60, queue=queue)
    yield claims


def finish(archive, shas, seconds, queue=jobs.TAGGING, endpoint=NEAR):
    """Let photos have been worked off at this speed."""
    with write(archive.db):
        jobs.enqueue(archive.db, shas, jobs.Priority.PERSON, queue=queue)
        for claim in jobs.claim(archive.db, "w", len(shas), 60, queue=queue):
            if queue == jobs.VLM:
                vlm.finish(archive.db, claim, seconds, endpoint)
            else:
                jobs.finish(archive.db, claim, seconds)


def describe(archive, sha):
    data = {"answer": ANSWER, "text": [], "model": "m", "endpoint": NEAR, "fingerprint": "f", "configured": "m"}
    with write(archive.db):
        vlm.save(archive.db, sha, StageResult("vlm", (Evidence("vlm", "hallway", 0.9),), data))
        derive_again(archive.db, DERIVER, [sha])


def test_a_plan_names_the_photos_and_the_time(ward, tmp_path):
    archive, shas = ward
    new = never_looked_at(tmp_path)
    plan = tagging.plan(archive, TAXONOMY, DERIVER, "missing")
    assert (plan.shas, plan.derive_only, plan.measured) == ((new,), (), False)
    assert plan.seconds == plan.each == tagging.TYPICAL_SECONDS["starter"]
    finish(archive, shas, 3.0)
    plan = tagging.plan(archive, TAXONOMY, DERIVER, "location", locations.find(archive.db, "The Ward")["locid"])
    assert set(plan.shas) == set(shas) and plan.measured
    assert plan.seconds == pytest.approx(4 * plan.each) and plan.each <= 3.0


def test_what_is_queued_has_a_name_and_an_estimate(ward):
    archive, shas = ward
    report = status.queue_status(archive)
    assert (report["seconds_left"], report["vlm"]["seconds_left"]) == (0, 0)
    request = tagging.enqueue(archive, shas)
    assert jobs.counts(archive.db, request)["queued"] == 4
    assert status.queue_status(archive)["seconds_left"] is None
    with write(archive.db):
        jobs.finish(archive.db, *jobs.claim(archive.db, "w", 1, 60), 6.0)
    assert status.queue_status(archive)["seconds_left"] == status.archive_status(archive)["seconds_left"] == 18
    with in_hand(archive, "one"), in_hand(archive, "other"):
        assert status.queue_status(archive)["seconds_left"] == 3.0
    assert jobs.of_photo(archive.db, shas[0])["priority"] == jobs.Priority.PERSON
    assert tagging.enqueue(archive, shas[:1], jobs.Priority.BACKFILL, request="mine") == "mine"


def test_describing_is_estimated_by_all_endpoints_of_the_settings(tmp_path):
    shas = make(tmp_path, *WARD)
    block = '[[vlm.endpoints]]\nurl = "{}"\nkind = "openai"\nmodel = "m"\nparallel = {}\n'
    (tmp_path / "urbextag.toml").write_text(block.format(NEAR, 2) + block.format(FAR, 1), encoding="utf-8")
    with opened(tmp_path) as archive:
        servers = [Server(endpoint) for endpoint in archive.config.vlm.endpoints]
        plan = describing.plan(archive, servers, "missing")
        assert (set(plan.shas), plan.servers, plan.measured) == (set(shas), 2, False)
        assert plan.seconds == pytest.approx(4 / (3 / describing.TYPICAL_SECONDS))
        finish(archive, shas[:1], 4.0, jobs.VLM, NEAR)
        finish(archive, shas[1:2], 10.0, jobs.VLM, FAR)
        plan = describing.plan(archive, servers, "all")
        assert plan.measured and plan.seconds == pytest.approx(4 / (2 / 4 + 1 / 10))
        request = describing.enqueue(archive, "all", shas[2:])
        assert jobs.counts(archive.db, request, jobs.VLM)["queued"] == 2
        left = round(2 / (2 / 4 + 1 / 10), 1)
        assert status.queue_status(archive)["vlm"]["seconds_left"] == left
        assert status.archive_status(archive)["seconds_left_to_describe"] == left
        down = [Server(EndpointConfig(url=NEAR), fault="it is down", remedy="Start it", lasting=True)]
        with pytest.raises(UrbextagError, match="it is down"):
            describing.plan(archive, down, "all")


def test_what_was_described_meanwhile_is_not_queued_as_missing(ward):
    archive, shas = ward
    describe(archive, shas[0])
    request = describing.enqueue(archive, "missing", shas)
    assert jobs.counts(archive.db, request, jobs.VLM)["queued"] == 3
    with pytest.raises(UsageError, match="new.jpg has not been tagged yet"):
        describing.refuse_untagged(archive, "f" * 64, "new.jpg")


def test_a_photo_forgotten_counts_as_never_tagged(ward):
    archive, (a, b, *_) = ward
    finish(archive, [a, b], 1.0)
    describe(archive, a)
    others = state(archive, b)
    tagging.clear(archive, DERIVER, a)
    after = state(archive, a)
    assert (after["tags"], after["said"], after["facts"]["view_type"]) == ([], {}, None)
    assert dict.fromkeys(PUBLISHED) == after["published"]
    assert results.stages(archive.db, a) == {} and embeddings.of(archive.db, [a]) == {}
    shown = archive.db.execute("SELECT tagged, described, lines, tags FROM ut_grid WHERE sha = ?", (a,)).fetchone()
    assert tuple(shown) == (0, 0, 0, "")
    assert tagging.plan(archive, TAXONOMY, DERIVER, "missing").shas == (a,)
    assert a not in describing.candidates(archive, "all")
    assert state(archive, b) == others and jobs.counts(archive.db)["done"] == 1
    with pytest.raises(UsageError, match="no photo of the archive"):
        tagging.clear(archive, DERIVER, "f" * 64)


def test_what_a_person_said_outlives_forgetting(ward):
    archive, (a, *_) = ward
    rulings.decide(archive, DERIVER, a, [concept("bathtub")], "add")
    rulings.decide(archive, DERIVER, a, [concept("boiler")], "reject")
    tagging.clear(archive, DERIVER, a)
    after = state(archive, a)
    assert [(tag.label, tag.origin) for tag in after["tags"]] == [("bathtub", "added")]
    assert after["published"]["auto_tags"] == '["bathtub"]' and len(after["said"]) == 2


def test_a_result_under_way_is_dropped_once_its_photo_was_forgotten(ward):
    archive, (a, *_) = ward
    for queue in (jobs.TAGGING, jobs.VLM):
        with write(archive.db):
            jobs.enqueue(archive.db, [a], jobs.Priority.PERSON, queue=queue)
        with in_hand(archive, "w", queue) as (claim,):
            tagging.clear(archive, DERIVER, a)
            assert not jobs.is_held(archive.db, claim)


def test_a_folder_becomes_photos_of_a_place_and_part(tmp_path):
    create(tmp_path / "archive")
    draw(tmp_path / "p" / "a.jpg", "ONE")
    draw(tmp_path / "p" / "b.jpg", "TWO", seed=1)
    with opened(tmp_path / "archive") as archive:
        found = adding.look_for_photos(archive, [tmp_path / "p"])
        heard = []
        facts = LocationFacts("Medical", "hospital")
        added = adding.add(archive, found, "The Ward", facts, sub="Boiler House", done=heard.append)
        assert (added.report.counts["new"], added.changed, heard[-1]) == (2, True, 2)
        sub = archive.db.execute("SELECT count(*), subnam FROM imgs JOIN slocs USING (subid)").fetchone()
        assert tuple(sub) == (2, "Boiler House")
        again = adding.add(archive, found, "The Ward", facts)
        assert (again.report.counts["unchanged"], again.changed, again.locid) == (2, False, added.locid)
        assert status.archive_status(archive)["jobs"]["queued"] == 2
        for wrong in ({"facts": facts}, {"sub": "x"}, {"move": True}):
            with pytest.raises(UsageError, match="not named"):
                adding.add(archive, found, None, **wrong)
        with pytest.raises(UsageError, match="needs a name"):
            adding.add(archive, found, "The Ward", sub=" ")
        with pytest.raises(UsageError, match="does not exist"):
            adding.look_for_photos(archive, [tmp_path / "nowhere"])


def test_a_report_is_plain_json(ward):
    archive, (a, *_) = ward
    describe(archive, a)
    report = json.loads(json.dumps(stored_report(archive, TAXONOMY, photos.find(archive.db, a))))
    assert report["id"] == a and report["location"] == "The Ward" and report["readable_text"] == ["BOILER ROOM"]
    assert report["description"]["answer"]["description"] == "A hallway."
    boiler = next(tag for tag in report["tags"] if tag["label"] == "boiler")
    assert boiler["origin"] == "model" and boiler["why"] and boiler["band"] in ("certain", "likely", "possible")


def test_a_photo_that_no_stage_has_seen_has_a_report(tmp_path):
    make(tmp_path, Shot("a.jpg"))
    sha = never_looked_at(tmp_path)
    with opened(tmp_path) as archive:
        report = stored_report(archive, TAXONOMY, photos.find(archive.db, sha))
    assert (report["tags"], report["view_type"], report["description"]) == ([], None, None)
