"""A run over the VLM queue: several servers, those that die and return, pause, patience, who goes first, who goes."""

import time
from collections import Counter
from itertools import pairwise

import pytest

from fake_ollama import Answer, FakeOllama, Model
from fake_openai import chat, entry, models, saying
from urbextag.vlm.records import EndpointError
from vlm_place import REST, Running, make_fake, make_place, sent  # noqa: F401 - fixtures
from vlm_server import MODEL
from vlm_wrongs import GOOD


@pytest.fixture(name="other")
def make_other():
    with FakeOllama() as server:
        yield server


class Stubborn:
    """In place of a fake's answers: the pictures of the first `count` photos always get this one."""

    def __init__(self, fake, answer, count=1):
        self.fake, self.answer, self.count = fake, answer, count
        self.pictures = []

    def __bool__(self):
        picture = self.fake.requests[-1].body["messages"][1]["images"][0]
        if picture not in self.pictures and len(self.pictures) < self.count:
            self.pictures.append(picture)
        return picture in self.pictures

    def popleft(self):
        return self.answer


def soon(condition, seconds=15.0):
    """Wait until it holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def begun(fake):
    """When the chats came in."""
    return [seen.at for seen in fake.requests if seen.path == "/api/chat"]


def finished(place):
    return [event.sha for event in place.heard if event.kind == "done"]


# Several servers


def test_one_of_two_servers_dies_and_returns(place, fake, other):
    place.serve(fake, other)
    shas = place.add(16)
    place.queue(shas)
    fake.delay = other.delay = delay = 0.4
    up_at = []

    def on_event(event):
        done = len(finished(place))
        if event.kind == "done" and done == 4:
            other.down()
        if event.kind == "done" and done == 8:
            other.up()
            up_at.append(time.monotonic())

    place.on_event = on_event
    assert place.run() is None
    assert set(place.jobs().values()) == {"done"} and place.unblemished()
    assert sorted(finished(place)) == sorted(shas)  # each once
    starts = begun(fake)
    idle = [after - before - delay for before, after in pairwise(starts)]
    assert max(idle) < delay / 2 and sorted(idle)[len(idle) // 2] < delay / 6
    assert [at for at in begun(other) if at > up_at[0]]
    ends = Counter(place.rows("SELECT endpoint FROM ut_vlm_jobs"))
    assert ends == {(fake.url,): len(starts), (other.url,): 16 - len(starts)}
    told = [(event.kind, event.endpoint) for event in place.heard if event.kind != "done"]
    assert set(told) == {("resting", other.url), ("back", other.url)} and told.count(("back", other.url)) == 1
    assert len(fake.chats) + len(other.chats) <= 17  # what the dead one was at was asked once more


def test_three_servers_work_side_by_side(place, fake, other):
    with FakeOllama() as third:
        fakes = (fake, other, third)
        place.serve(*fakes)
        place.queue(place.add(12))
        for server in fakes:
            server.delay = 0.4
        began = time.monotonic()
        assert place.run() is None
        assert time.monotonic() - began < 12 * 0.4 * 0.65
        assert [server.most_in_flight for server in fakes] == [1, 1, 1]
        assert [len(server.chats) for server in fakes] == [4, 4, 4]


def test_a_server_that_takes_three_at_a_time_gets_three(place):
    class Slow(dict):
        flying = most = chats = 0

        def get(self, path):
            if path.endswith("completions"):
                self.chats += 1
                self.flying += 1
                self.most = max(self.most, self.flying)
                time.sleep(0.4)
                self.flying -= 1
            return super().get(path)

    said = Slow({"/v1/models": models(entry(MODEL)), "/v1/chat/completions": chat(GOOD)})
    with saying(said) as server:
        text = f'[[vlm.endpoints]]\nurl = "{server.url}"\nkind = "openai"\nmodel = "{MODEL}"\nparallel = 3\n'
        (place.root / "urbextag.toml").write_text(text, encoding="utf-8")
        place.queue(place.add(9))
        assert place.run() is None
    assert (said.most, said.chats) == (3, 9)
    assert set(place.jobs().values()) == {"done"}


def test_two_runs_share_a_server_and_no_photo_is_asked_of_twice(place, fake):
    place.serve(fake)
    shas = place.add(10)
    place.queue(shas)
    fake.delay = 0.05
    with Running(place) as first, Running(place, owner="another") as second:
        assert (first.ended(), second.ended()) == (None, None)
    assert fake.most_in_flight == 1 and len(fake.chats) == 10
    assert sorted(finished(place)) == sorted(shas) and place.unblemished()


# Servers that go wrong


def test_a_photo_at_which_the_server_fails_each_time_is_left_queued(place, fake):
    place.serve(fake)
    shas = place.add(6)
    place.queue(shas)
    fake.answers = Stubborn(fake, Answer(status=500, error="CUDA error"))
    for _ in range(2):  # another run tries it again
        assert place.run() is None
        assert list(place.jobs().values()) == ["queued", *["done"] * 5] and place.unblemished()
    picture = fake.answers.pictures[0]
    seeds = [seed for body, (seed, _) in zip(fake.chats, sent(fake), strict=True) if picture in str(body["messages"])]
    assert seeds == [1, 2, 3] * 2
    assert place.kinds() == {"resting": 6, "back": place.kinds()["back"], "done": 5}


def test_a_server_that_fails_at_everything_is_asked_ever_more_seldom(place, fake):
    place.serve(fake)
    place.queue(place.add(12))
    fake.answers = Stubborn(fake, Answer(status=500), count=99)
    error = place.run(patience=2.5)
    assert "no VLM server has answered" in error.message
    gaps = [after - before for before, after in pairwise(begun(fake))]
    assert len(gaps) >= 4 and all(gap >= REST * 2**number for number, gap in enumerate(gaps))
    assert place.kinds() == {"resting": len(fake.chats)}
    assert set(place.jobs().values()) == {"queued"} and place.unblemished()


def test_all_servers_wrong_for_good_is_one_error_and_no_photo_pays(place, fake, other):
    place.serve(fake, other)
    place.queue(place.add(5))
    fake.models, other.models = [], [Model(capabilities=("completion",))]
    error = place.run()
    assert isinstance(error, EndpointError) and error.remedy
    assert Counter((event.kind, event.endpoint) for event in place.heard) == {
        ("out", fake.url): 1,
        ("out", other.url): 1,
    }
    assert set(place.jobs().values()) == {"queued"} and place.unblemished() and not fake.chats + other.chats


@pytest.mark.parametrize("background", [False, True])
def test_a_server_that_is_wrong_for_good_is_told_once_and_the_other_goes_on(
    place, fake, other, background, monkeypatch
):
    monkeypatch.setattr("urbextag.vlm.slot.LONG_REST_SECONDS", 0.2)
    place.serve(fake, other)
    place.queue(place.add(12))
    other.delay = 0.15
    fake.answers = Stubborn(fake, Answer(status=400, error="no"), count=99)  # it looks well until it is asked
    with Running(place, background=background) as running:
        soon(lambda: set(place.jobs().values()) == {"done"})
        if background:
            running.work.stop.set()
        assert running.ended() is None
    assert place.unblemished()
    assert place.kinds() == {"out": 1, "done": 12}
    assert len(fake.chats) == 1 or background


def test_patience_ends_with_one_error_when_no_server_answers(place, fake):
    place.serve(fake)
    place.queue(place.add(3))
    fake.down()
    began = time.monotonic()
    error = place.run(patience=0.6)
    assert 0.6 <= time.monotonic() - began < 5
    assert "no VLM server has answered for" in error.message and "urbextag doctor" in error.remedy
    assert list(place.jobs().values()) == ["queued"] * 3 and place.unblemished()
    assert 2 <= place.kinds()["resting"] <= 6 and place.kinds().keys() == {"resting"}


def test_patience_is_for_silence_and_not_for_a_long_answer(place, fake):
    place.serve(fake)
    place.queue(place.add(3))
    fake.delay = 0.6
    assert place.run(patience=0.25) is None
    assert list(place.jobs().values()) == ["done"] * 3


def test_in_the_background_a_server_that_comes_is_used(place, fake):
    place.serve(fake)
    place.queue(place.add(3))
    fake.down()
    with Running(place, background=True, patience=0.1):
        soon(lambda: place.kinds()["resting"] >= 3)
        fake.up()
        soon(lambda: len(finished(place)) == 3)
    assert place.unblemished()


def test_in_the_background_all_servers_may_go_wrong_and_be_mended(place, fake, monkeypatch):
    monkeypatch.setattr("urbextag.vlm.slot.LONG_REST_SECONDS", 0.3)
    place.serve(fake)
    place.queue(place.add(3))
    right, fake.models = fake.models, []
    with Running(place, background=True):
        soon(lambda: fake.paths().count("/api/tags") >= 3)
        assert set(place.jobs().values()) == {"queued"} and fake.chats == []
        fake.models = right
        soon(lambda: len(finished(place)) == 3)
    assert place.kinds() == {"out": 1, "back": 1, "done": 3} and place.unblemished()


def test_in_the_background_no_photo_is_forgotten_for_what_the_server_did(place, fake):
    place.serve(fake)
    shas = place.add(4)
    place.queue(shas)
    broken = fake.answers = Stubborn(fake, Answer(status=500, error="out of memory"), count=99)
    with Running(place, background=True):
        soon(lambda: len(fake.chats) >= 6)
        broken.count, broken.pictures = 0, []
        soon(lambda: len(finished(place)) == 4)
    assert place.unblemished() and place.kinds()["back"] == 1


def test_in_the_background_a_photo_that_breaks_the_server_is_left_alone(place, fake):
    place.serve(fake)
    shas = place.add(8)
    place.queue(shas)
    fake.answers = Stubborn(fake, Answer(status=500, error="out of memory"))
    with Running(place, background=True):
        soon(lambda: len(finished(place)) == 7)
        later = place.add(4, start=8)
        for sha in later:
            place.queue([sha])
            soon(lambda sha=sha: sha in finished(place))
        asked = len(fake.chats)
        time.sleep(0.5)
        assert len(fake.chats) == asked <= 11 + 6
    assert place.jobs()[shas[0]] == "queued" and place.unblemished()
