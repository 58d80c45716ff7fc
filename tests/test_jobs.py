"""The queue: claim, lease, fence, strikes, deaths, priorities, pause, cancel, retry."""

import time
from contextlib import closing

import pytest

from urbextag.config import Config, WorkConfig
from urbextag.files import FileStamp
from urbextag.records import Failure, PhotoFacts
from urbextag.store import job_lists, jobs, photos
from urbextag.store.db import connect, write
from urbextag.supervisor import hands


@pytest.fixture
def db(tmp_path):
    with closing(connect(tmp_path / "urbextag.db", create=True)) as db:
        yield db


def queue(db, *shas, priority=jobs.Priority.IMPORT, request=None):
    with write(db):
        for sha in shas:
            if photos.current_path(db, sha) is None:
                stamp = FileStamp(1, 1)
                photos.add(
                    db,
                    sha,
                    f"{sha}.jpg",
                    f"/x/{sha}.jpg",
                    stamp,
                    PhotoFacts("jpeg", 1, 1),
                    None,
                    current_gone=False,
                    move=False,
                )
        jobs.enqueue(db, shas, priority, request)


def take(db, owner="a", count=10, lease=60.0, request=None):
    with write(db):
        return jobs.claim(db, owner, count, lease, request)


def test_a_job_is_claimed_by_one_worker_only(db):
    queue(db, "p1", "p2")
    assert [claim.sha for claim in take(db, "a", 1)] == ["p1"]
    assert [claim.sha for claim in take(db, "b", 5)] == ["p2"]
    assert take(db, "c") == []


def test_priorities_then_age(db):
    queue(db, "backfill", priority=jobs.Priority.BACKFILL)
    queue(db, "import", priority=jobs.Priority.IMPORT)
    queue(db, "person", priority=jobs.Priority.PERSON)
    assert [claim.sha for claim in take(db)] == ["person", "import", "backfill"]


def test_a_person_s_request_lifts_a_waiting_job_and_an_import_does_not_lower_it(db):
    queue(db, "p1", "p2")
    queue(db, "p2", priority=jobs.Priority.PERSON)
    queue(db, "p2", priority=jobs.Priority.BACKFILL)
    assert [claim.sha for claim in take(db)] == ["p2", "p1"]


def test_a_request_is_worked_off_by_itself(db):
    queue(db, "p1", "p2")
    queue(db, "p2", request="r")
    assert [claim.sha for claim in take(db, request="r")] == ["p2"]
    assert jobs.open_count(db, "r") == 1


def test_a_lost_lease_is_claimed_again_and_the_old_owner_is_fenced_off(db):
    queue(db, "p1")
    (old,) = take(db, "a", lease=-1.0)
    (fresh,) = take(db, "b")
    assert fresh.sha == "p1"
    assert not jobs.finish(db, old, 1.0)
    assert not jobs.fail(db, old, Failure("p1", "ocr", "late"))
    assert jobs.finish(db, fresh, 1.0)
    assert not jobs.finish(db, fresh, 1.0)


def test_heartbeat_keeps_the_lease(db):
    queue(db, "p1")
    take(db, "a", lease=0.2)
    jobs.heartbeat(db, "a", 60.0)
    time.sleep(0.3)
    assert take(db, "b") == []


def test_two_failures_of_its_own_set_a_photo_aside_and_retry_brings_it_back(db):
    queue(db, "p1")
    for state in ("queued", "set_aside"):
        (claim,) = take(db)
        assert jobs.fail(db, claim, Failure("p1", "decode", "truncated"))
        assert jobs.of_photo(db, "p1")["state"] == state
    assert take(db) == []
    assert job_lists.troubled(db)[0]["reason"] == "truncated"
    assert jobs.retry(db) == 1
    (claim,) = take(db)
    assert jobs.finish(db, claim, 0.5)
    assert jobs.of_photo(db, "p1")["strikes"] == 0


def test_a_missing_file_costs_the_photo_nothing(db):
    queue(db, "p1")
    (claim,) = take(db)
    jobs.fail(db, claim, Failure("p1", "file", "not there", own_fault=False))
    job = jobs.of_photo(db, "p1")
    assert (job["state"], job["strikes"]) == ("missing", 0)


def test_a_photo_over_which_workers_die_is_tried_alone_and_then_set_aside(db):
    queue(db, "p1", "p2", "p3")
    assert len(take(db, "w1")) == 3
    assert jobs.bury_owner(db, "w1") == 3
    queue(db, "p4")
    assert [claim.sha for claim in take(db, "w2")] == ["p4"]
    for worker in ("w3", "w4"):
        assert [claim.sha for claim in take(db, worker)] == ["p1" if worker == "w3" else "p2"]
    jobs.bury_owner(db, "w3")
    jobs.bury_owner(db, "w4")
    assert [claim.sha for claim in take(db, "w5")] == ["p3"]
    (claim,) = take(db, "w6")
    assert claim.sha == "p1"
    jobs.bury_owner(db, "w6")
    job = jobs.of_photo(db, "p1")
    assert (job["state"], job["deaths"]) == ("set_aside", jobs.MAX_DEATHS)
    assert "died" in job["reason"]


def test_release_costs_nothing(db):
    queue(db, "p1")
    take(db, "a")
    jobs.release(db, "a")
    job = jobs.of_photo(db, "p1")
    assert (job["state"], job["deaths"], job["strikes"]) == ("queued", 0, 0)


def test_pause_holds_and_resume_lets_go(db):
    queue(db, "p1")
    jobs.pause(db)
    first = jobs.paused_since(db)
    jobs.pause(db)
    assert jobs.paused_since(db) == first
    assert take(db) == []
    jobs.resume(db)
    assert len(take(db)) == 1


def test_cancel_fences_off_what_is_in_hand(db):
    queue(db, "p1", "p2")
    (claim,) = take(db, count=1)
    assert jobs.cancel(db) == 2
    assert not jobs.finish(db, claim, 1.0)
    assert jobs.counts(db)["cancelled"] == 2
    queue(db, "p1")
    assert [claim.sha for claim in take(db)] == ["p1"]


def test_queueing_again_does_not_disturb_work_in_hand(db):
    queue(db, "p1")
    (claim,) = take(db)
    queue(db, "p1", priority=jobs.Priority.PERSON)
    assert jobs.of_photo(db, "p1")["state"] == "running"
    assert jobs.finish(db, claim, 1.0)


def test_a_broken_stage_s_victims_are_forgiven(db):
    queue(db, "p1")
    for _ in range(2):
        (claim,) = take(db)
        jobs.fail(db, claim, Failure("p1", "ocr", "broke"))
    jobs.forgive(db, ["p1"])
    job = jobs.of_photo(db, "p1")
    assert (job["state"], job["strikes"], job["reason"]) == ("queued", 0, None)


@pytest.mark.parametrize(("photos", "workers"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (500, 3)])
def test_a_few_photos_are_the_work_of_one_worker(photos, workers):
    assert hands(Config(work=WorkConfig(workers=3, batch=4)), photos) == workers
