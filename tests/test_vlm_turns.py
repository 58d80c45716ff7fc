"""A run over the VLM queue: pause, stop, who goes first, what waits, and photos that go while they are worked on."""

import time
from contextlib import closing

import pytest

from test_vlm_run import finished, soon
from urbextag.store import jobs
from urbextag.store.db import write
from urbextag.vlm import describe
from vlm_place import Running, make_fake, make_place  # noqa: F401 - fixtures


def change(place, what, *arguments, **more):
    with closing(place.database()) as db, write(db):
        return what(db, *arguments, **more)


def delete(place, sha):
    with closing(place.database()) as db, write(db):
        db.execute("DELETE FROM imgs WHERE imgsha = ?", (sha,))


# Pause and stop


def test_pause_lets_the_photo_in_hand_be_finished_and_resume_goes_on(place, fake):
    place.serve(fake)
    place.queue(place.add(6))
    fake.delay = 0.3
    with Running(place, patience=0.8) as running:
        soon(lambda: len(fake.chats) == 2)
        change(place, jobs.pause)
        soon(lambda: place.messages("note"))
        asked = len(fake.chats)
        time.sleep(1.2)  # longer than an answer takes, and than patience lasts
        assert len(fake.chats) == asked <= 3
        assert len(finished(place)) == asked and fake.abandoned == 0
        change(place, jobs.resume)
        assert running.ended() is None
    assert set(place.jobs().values()) == {"done"} and place.unblemished()
    assert len(fake.chats) == 6
    assert ["paused since" in message for message in place.messages("note")] == [True, False]


def test_pause_at_once_gives_the_answer_up_and_the_photo_pays_nothing(place, fake):
    place.serve(fake)
    place.queue(place.add(3))
    fake.delay = 5.0
    with Running(place) as running:
        soon(lambda: fake.chats)
        change(place, jobs.pause, at_once=True)
        soon(lambda: fake.abandoned == 1, seconds=2.0)
        fake.delay = 0.0
        time.sleep(0.5)
        assert len(fake.chats) == 1 and not finished(place)
        change(place, jobs.resume)
        assert running.ended() is None
    assert list(place.jobs().values()) == ["done"] * 3 and place.unblemished()
    assert len(fake.chats) == 4 and {chat["options"]["seed"] for chat in fake.chats} == {1}


@pytest.mark.parametrize("at_once", [False, True])
def test_stop_finishes_what_is_in_hand_or_gives_it_up(place, fake, at_once):
    place.serve(fake)
    place.queue(place.add(4))
    fake.delay = 0.8
    with Running(place) as running:
        soon(lambda: fake.chats)
        running.work.stop.set()
        if at_once:
            running.work.abandon.set()
        began = time.monotonic()
        assert running.ended() is None
        assert not at_once or time.monotonic() - began < 0.7
    assert list(place.jobs().values()) == ["queued" if at_once else "done", *["queued"] * 3]
    assert place.unblemished() and len(fake.chats) == 1 and fake.abandoned == at_once


# Who goes first, and what waits


@pytest.mark.parametrize("background", [False, True])
def test_what_a_person_asks_for_goes_before_imports(place, fake, background):
    place.serve(fake)
    imports, wanted = place.add(6), place.add(2, start=6)
    place.queue(imports, jobs.Priority.IMPORT)
    fake.delay = 0.25
    with Running(place, background=background) as running:
        soon(lambda: len(fake.chats) == 1)
        place.queue(wanted)
        soon(lambda: len(finished(place)) == 8)
        running.work.stop.set()
        assert running.ended() is None
    order = finished(place)
    assert set(order[:4]) >= set(wanted)  # one was under way, one was ready beside it
    assert [sha for sha in order if sha in imports] == imports and place.unblemished()


def test_imports_wait_in_the_background_while_photos_wait_to_be_tagged(place, fake):
    place.serve(fake)
    imports, wanted = place.add(2), place.add(1, start=2)
    place.queue(imports, jobs.Priority.IMPORT)
    change(place, jobs.enqueue, wanted, jobs.Priority.IMPORT)  # to be tagged
    with Running(place, background=True):
        time.sleep(0.6)
        assert fake.requests == []  # a server is not disturbed for nothing
        place.queue(wanted)
        soon(lambda: finished(place) == wanted)
        time.sleep(0.4)
        assert len(fake.chats) == 1
        ((claim,)) = (change(place, jobs.claim, "tagger", 1, 60.0),)
        change(place, jobs.finish, claim[0], 0.1)
        soon(lambda: finished(place) == wanted + imports)
    assert place.unblemished()


def test_imports_wait_in_the_background_for_an_idle_machine_and_a_person_does_not(place, fake):
    place.serve(fake, quiet_hours="00:00-23:59")
    imports, wanted = place.add(2), place.add(1, start=2)
    place.queue(imports, jobs.Priority.IMPORT)
    if time.strftime("%H:%M") == "23:59":
        pytest.skip("the one minute a day that is not quiet")
    with Running(place, background=True):
        place.queue(wanted)
        soon(lambda: finished(place) == wanted)
        time.sleep(0.4)
        assert len(fake.chats) == 1
    assert place.run() is None  # with somebody waiting for its end, all is done
    assert set(place.jobs().values()) == {"done"}


def test_another_requests_photos_are_left_alone(place, fake):
    place.serve(fake)
    first, second = place.add(2), place.add(2, start=2)
    change(place, jobs.enqueue, first, jobs.Priority.PERSON, "one", jobs.VLM)
    change(place, jobs.enqueue, second, jobs.Priority.PERSON, "two", jobs.VLM)
    assert place.run(request="two") is None
    assert list(place.jobs().values()) == ["queued", "queued", "done", "done"]


# Photos that go


def test_a_photo_whose_file_is_deleted_in_the_middle_is_missing_and_the_others_are_done(place, fake):
    place.serve(fake)
    shas = place.add(5)
    place.queue(shas)
    fake.delay = 0.2
    place.on_event = lambda event: (place.root / "4.jpg").unlink(missing_ok=True)
    assert place.run() is None
    assert list(place.jobs().values()) == [*["done"] * 4, "missing"] and place.unblemished()
    (told,) = place.messages("missing")
    assert "is not there" in told and len(fake.chats) == 4


@pytest.mark.parametrize("which", [0, 1, 3], ids=["asked", "ready", "queued"])
@pytest.mark.parametrize("go", ["deleted", "cancelled"])
def test_a_photo_that_goes_while_it_is_worked_on_leaves_nothing(place, fake, which, go):
    place.serve(fake)
    shas = place.add(5)
    place.queue(shas)
    fake.delay = 0.2
    with Running(place) as running:
        soon(lambda: len(fake.chats) == 1)
        if go == "deleted":
            delete(place, shas[which])
        else:
            with closing(place.database()) as db, write(db):
                db.execute(
                    "UPDATE ut_vlm_jobs SET state = 'cancelled', owner = NULL, lease_until = NULL WHERE sha = ?",
                    (shas[which],),
                )
        assert running.ended() is None
    place.check()
    left = [sha for sha in shas if sha != shas[which]]
    assert sorted(finished(place)) == sorted(left) and place.kinds() == {"done": 4}
    assert place.stored(shas[which]) is None and place.unblemished()
    assert [sha for sha, state in place.jobs().items() if state == "done"] == left


def test_a_photo_that_goes_while_its_picture_is_made_does_not_end_the_run(place, fake, monkeypatch):
    place.serve(fake)
    shas = place.add(3)
    place.queue(shas)
    encode = describe.encode

    def slowly(path, *more):
        if path.name == "1.jpg":
            delete(place, shas[1])
        return encode(path, *more)

    monkeypatch.setattr(describe, "encode", slowly)  # the real one, with something happening meanwhile
    assert place.run() is None
    assert place.jobs() == {shas[0]: "done", shas[2]: "done"} and place.kinds() == {"done": 2}


def test_a_run_with_nothing_to_do_asks_nobody_and_ends(place, fake):
    place.serve(fake)
    place.add(2)
    began = time.monotonic()
    assert place.run() is None
    assert time.monotonic() - began < 2.0 and fake.requests == [] and place.heard == []
