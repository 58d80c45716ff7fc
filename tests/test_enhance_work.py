"""The VLM queue being worked off: by the worker, paused, cancelled, killed, interrupted, by two at once."""

import json
import signal
import time

import pytest

from enhance_kit import MILL, WARD, ended, make_bench, make_fake, wait_for  # noqa: F401 - fixtures
from fake_ollama import Answer
from make_photos import make_jpeg
from vlm_answers import answer

ALL = {*MILL, *WARD}
ALL_DAY = "00:00-00:00"


def test_imports_wait_for_quiet_hours_to_end_and_what_is_asked_for_does_not(bench, fake, tmp_path):
    bench.serve(fake, run_on_import=True, quiet_hours=ALL_DAY)
    make_jpeg(tmp_path / "new.jpg", (320, 240), seed=55)
    bench.here("add", tmp_path / "new.jpg", "--location", "The Mill")
    worker = bench.start("worker")
    wait_for(lambda: bench.states() == {"new.jpg": "queued"})  # the worker has tagged it
    assert bench.rows("SELECT priority, request FROM ut_vlm_jobs") == [(10, None)]
    bench.here("enhance", "--photo", "w0.jpg")
    assert wait_for(lambda: bench.described() == {"w0.jpg"}) < 10
    time.sleep(2.5)  # longer than a run without work waits before it looks again
    assert bench.states() == {"new.jpg": "queued", "w0.jpg": "done"} and len(fake.chats) == 1
    worker.send_signal(signal.SIGTERM)
    assert ended(worker).code == 0 and bench.costs() == (0, 0, 0)


def test_pause_lets_the_photo_in_hand_be_finished(bench, fake):
    bench.serve(fake)
    fake.delay = 1.5
    run = bench.start("enhance", "--missing", "--now")
    wait_for(lambda: len(fake.chats) == 2)
    bench.here("jobs", "pause")
    wait_for(lambda: len(bench.described()) == 2 and fake.in_flight == 0)
    time.sleep(1.5)
    assert len(fake.chats) == 2 and fake.abandoned == 0 and run.poll() is None
    queue = bench.rows("SELECT * FROM ut_vlm_jobs")
    assert "jobs resume" in bench.here("enhance", "--missing", "--now", code=2).err
    assert bench.rows("SELECT * FROM ut_vlm_jobs") == queue
    fake.delay = 0.0
    bench.here("jobs", "resume")
    ran = ended(run)
    assert (ran.code, bench.described()) == (0, ALL), ran.err
    assert "work is paused since" in ran.err and "work goes on" in ran.err
    assert len(fake.chats) == 8 and bench.costs() == (0, 0, 0)


def test_pause_now_gives_up_the_answer_in_flight(bench, fake):
    bench.serve(fake)
    fake.delay = 30.0
    run = bench.start("enhance", "--missing", "--now")
    wait_for(lambda: fake.in_flight == 1)
    bench.here("jobs", "pause", "--now")
    assert wait_for(lambda: fake.abandoned == 1) < 1.5
    time.sleep(1.0)
    assert bench.described() == set() and fake.in_flight == 0 and len(fake.chats) == 1
    fake.delay = 0.0
    bench.here("jobs", "resume")
    ran = ended(run)
    assert (ran.code, bench.described()) == (0, ALL), ran.err
    assert len(fake.chats) == 9 and bench.costs() == (0, 0, 0)


def test_cancel_takes_off_the_queue_what_is_not_done(bench, fake):
    bench.serve(fake)
    bench.here("enhance", "--missing")
    bench.here("jobs", "cancel", "--location", "The Ward")
    assert {name for name, state in bench.states().items() if state == "cancelled"} == set(WARD)
    fake.delay = 0.7
    run = bench.start("enhance", "--location", "The Mill", "--now", "--yes")
    wait_for(lambda: len(fake.chats) == 2)
    bench.here("jobs", "cancel")
    ran = ended(run)
    assert ran.code == 0 and "Described 1 photo." in ran.out
    assert len(bench.described()) == 1 and len(fake.chats) == 2  # the second answer came too late
    assert set(bench.states().values()) == {"done", "cancelled"}
    assert bench.here("enhance", "--missing", "--dry-run", "--json").json["photos"] == 7


def test_a_killed_run_is_gone_on_with(bench, fake):
    bench.serve(fake, work="lease_seconds = 2.0")
    bench.keep_saves()
    fake.delay = 0.4
    run = bench.start("enhance", "--missing", "--now")
    wait_for(lambda: len(bench.described()) >= 2 and fake.in_flight == 1)
    run.kill()
    run.wait()
    done = bench.described()
    wait_for(lambda: fake.in_flight == 0)
    assert 2 <= len(done) < 8
    ran = bench.here("enhance", "--missing", "--now")
    assert f"Described {8 - len(done)} photos." in ran.out
    assert bench.described() == ALL
    assert bench.rows("SELECT count(*), count(DISTINCT sha) FROM saved") == [(8, 8)]
    assert len(fake.chats) == 9 and fake.most_in_flight == 1
    assert bench.rows("SELECT count(*) FROM ut_vlm_jobs WHERE state <> 'done' OR owner NOT NULL") == [0]


def test_what_a_killed_run_held_is_waited_for(bench, fake):
    bench.serve(fake, work="lease_seconds = 3.0")
    fake.delay = 20.0
    run = bench.start("enhance", "--location", "The Ward", "--now", "--yes")
    wait_for(lambda: fake.in_flight == 1)
    run.kill()
    run.wait()
    fake.delay = 0.0
    assert "Described 2 photos." in bench.here("enhance", "--location", "The Ward", "--now", "--yes").out
    assert bench.described() == set(WARD)


def test_an_interruption_finishes_what_the_server_is_at(bench, fake):
    bench.serve(fake)
    fake.delay = 0.8
    run = bench.start("enhance", "--missing", "--now")
    wait_for(lambda: len(fake.chats) == 2)
    run.send_signal(signal.SIGINT)
    ran = ended(run)
    assert ran.code == 130 and "once more to give it up" in ran.err
    assert "6 photos still queued" in ran.err and "urbextag enhance --missing --now" in ran.err
    assert len(bench.described()) == 2 and fake.abandoned == 0 and len(fake.chats) == 2
    assert list(bench.states().values()).count("queued") == 6 and bench.costs() == (0, 0, 0)


def test_a_second_interruption_gives_it_up(bench, fake):
    bench.serve(fake)
    fake.delay = 30.0
    run = bench.start("enhance", "--missing", "--now")
    wait_for(lambda: fake.in_flight == 1)
    run.send_signal(signal.SIGINT)
    time.sleep(0.7)
    assert run.poll() is None and fake.abandoned == 0
    run.send_signal(signal.SIGINT)
    assert wait_for(lambda: fake.abandoned == 1) < 1.5
    assert ended(run, 10).code == 130
    assert set(bench.states().values()) == {"queued"} and bench.costs() == (0, 0, 0)
    fake.delay = 0.0
    bench.here("enhance", "--missing", "--now")
    assert bench.described() == ALL


def test_what_is_taken_over_by_a_later_request_is_said(bench, fake):
    bench.serve(fake)
    fake.delay = 0.5
    run = bench.start("enhance", "--missing", "--now")
    wait_for(lambda: len(fake.chats) == 2)
    bench.here("enhance", "--missing")  # leaves the rest to the worker
    ran = ended(run)
    left = set(bench.states().values())
    assert ran.code == 0 and "taken over by another run" in ran.out
    assert left == {"done", "queued"} and bench.costs() == (0, 0, 0)
    assert f"Described {len(bench.described())} photos" not in ran.out  # those that the other asked for are its own


def test_what_is_decided_and_learnt_meanwhile_counts(bench, fake):
    bench.serve(fake)
    fake.answers.extend(Answer(content=json.dumps(answer()), delay=delay) for delay in (3.0, 0.0))
    run = bench.start("enhance", "--location", "The Ward", "--yes", "--now")
    wait_for(lambda: fake.in_flight == 1)
    first = next(name for name in WARD if bench.states()[name] == "running")
    bench.here("review", "reject", first, "gurney")
    bench.here("add", bench.root / "photos" / "ward", "--location", "The Ward", "--type", "hospital")
    assert fake.in_flight == 1  # all this went on while the server was at it
    assert ended(run).code == 0
    tags = {tag["label"] for tag in bench.here("show", first, "--json").json["tags"]}
    assert "skylight" in tags and "gurney" not in tags
    plan = bench.here("enhance", "--changed", "--yes", "--json").json
    asked = ["hospital" not in chat["messages"][1]["content"] for chat in fake.chats]
    assert asked[0] and plan["photos"] == sum(asked)


@pytest.mark.parametrize("scopes", [("--missing", "--missing"), ("The Mill", "The Ward")])
def test_two_at_one_server_take_turns_and_describe_each_photo_once(bench, fake, scopes):
    bench.serve(fake)
    bench.keep_saves()
    fake.delay = 0.3
    runs = []
    for scope in scopes:
        words = (scope,) if scope == "--missing" else ("--location", scope, "--yes")
        runs.append(bench.start("enhance", *words, "--now", "--json"))
    reports = [ended(run) for run in runs]
    assert [report.code for report in reports] == [0, 0], [report.err for report in reports]
    assert bench.described() == ALL and len(fake.chats) == 8
    assert bench.rows("SELECT count(*), count(DISTINCT sha) FROM saved") == [(8, 8)]
    assert fake.most_in_flight == 1 and bench.costs() == (0, 0, 0)


def test_the_worker_describes_imports_too_and_shares_the_server_with_a_person(bench, fake, tmp_path):
    bench.serve(fake, run_on_import=True)
    bench.keep_saves()
    fake.delay = 0.3
    bench.here("add", make_jpeg(tmp_path / "new.jpg", (320, 240), seed=55))
    bench.here("enhance", "--location", "The Mill", "--yes")
    worker = bench.start("worker")
    wait_for(lambda: bench.described())
    bench.here("enhance", "--location", "The Ward", "--now", "--yes")
    wait_for(lambda: bench.described() == {*ALL, "new.jpg"})
    worker.send_signal(signal.SIGINT)
    assert ended(worker).code == 0
    assert fake.most_in_flight == 1 and len(fake.chats) == 9
    assert bench.rows("SELECT count(*), count(DISTINCT sha) FROM saved") == [(9, 9)]


def test_a_worker_whose_servers_cannot_be_used_holds_no_photo(bench, fake):
    bench.serve(fake)
    bench.here("enhance", "--location", "The Ward", "--yes")
    healthy, fake.models = fake.models, []
    worker = bench.start("worker")
    wait_for(lambda: fake.paths().count("/api/tags") >= 3)  # by `enhance`, by the worker at its start, with a photo
    wait_for(lambda: bench.costs()[2] == 0)
    fake.models = healthy
    ran = bench.here("enhance", "--location", "The Ward", "--now", "--yes")
    assert "Described 2 photos." in ran.out and bench.described() == set(WARD)
    worker.send_signal(signal.SIGTERM)
    ran = ended(worker)
    assert ran.code == 0 and ran.err.count("ollama pull") == 1
