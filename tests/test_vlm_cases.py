"""What VLM servers are known to do, each through a whole run: what is stored, retried, told, and what it costs."""

import json
import re

import pytest

from fake_ollama import MODEL, Answer, FakeOllama
from urbextag.vlm import slot
from urbextag.vlm.describe import MOST_KEPT
from urbextag.vlm.records import EndpointError
from vlm_place import make_fake, make_place, sent  # noqa: F401 - fixtures
from vlm_wrongs import BELIEVED, CAP, GOOD, LASTING, PASSING, REJECTED, SAID, tag


@pytest.mark.parametrize("case", BELIEVED)
def test_what_is_believed_is_stored_after_one_chat(place, fake, case):
    given, how, dropped = BELIEVED[case]
    place.serve(fake)
    (sha,) = shas = place.add(1)
    place.queue(shas)
    fake.answers.append(given)
    assert place.run() is None
    data = place.stored(sha)
    assert (data["answer"], data["how"], data["seed"]) == (SAID, how, 1)
    assert json.loads(data["raw"])["model"] == (given.model or MODEL)
    assert re.search(dropped, "; ".join(data["dropped"])) and bool(dropped) == bool(data["dropped"])
    assert sent(fake) == [(1, CAP)]
    assert place.kinds() == {"done": 1} and place.unblemished()
    assert place.heard[0].seconds >= given.delay


@pytest.mark.parametrize("case", REJECTED)
def test_what_is_not_believed_is_asked_again_twice_then_set_aside(place, fake, case):
    bad, why = REJECTED[case]
    good = Answer(content=GOOD)
    place.serve(fake, max_tokens=CAP)
    shas = place.add(3)
    place.queue(shas)
    fake.answers.extend([bad, good, bad, bad, good, bad, bad, bad])
    assert place.run() is None
    assert [place.jobs()[sha] for sha in shas] == ["done", "done", "set_aside"]
    assert [data and (data["answer"], data["seed"]) for data in map(place.stored, shas)] == [(SAID, 2), (SAID, 3), None]
    assert sent(fake) == [(1, CAP), (2, CAP), *([(1, CAP), (2, CAP), (3, 2 * CAP)] * 2)]
    assert place.kinds() == {"done": 2, "set_aside": 1} and place.unblemished()
    (told,) = place.messages("set_aside")
    assert told.startswith(f"3 answers of {MODEL} were not believed; the last: ")
    assert re.search(why, told) and told.isprintable()
    assert place.rows("SELECT reason FROM ut_vlm_jobs WHERE state = 'set_aside'") == [(told,)]
    assert [place.rejection(sha) for sha in shas[:2]] == [None, None]
    kept = place.rejection(shas[2])
    assert (kept["endpoint"], kept["model"], kept["reason"]) == (fake.url, MODEL, told)
    assert [(reply["seed"], reply["max_tokens"]) for reply in kept["replies"]] == [(1, CAP), (2, CAP), (3, 2 * CAP)]
    content = bad.more.get("message", {"content": bad.content})["content"]
    for reply in kept["replies"]:
        if len(content) > MOST_KEPT:
            assert len(reply["raw"]) == MOST_KEPT
        else:
            assert json.loads(reply["raw"])["message"]["content"] == content


ORDERED = {name: SAID[name] for name in SAID if name != "enhanced_tags"} | {
    "enhanced_tags": [tag("iron stove"), tag("piano", evidence="keys"), tag("loom", confidence="certain")]
}


@pytest.mark.parametrize("whole", [SAID, ORDERED], ids=["estimate last", "tags last"])
def test_an_answer_cut_anywhere_is_never_more_than_was_said(place, fake, whole):
    """At every fifth byte: only where all fields stand in what came is it kept, and then no tag that came in part."""
    text = json.dumps(whole)
    cuts = [*range(0, len(text), 5), *range(len(text) - 3, len(text) + 1)]
    place.serve(fake)
    shas = place.add(len(cuts))
    place.queue(shas)
    tags = whole is ORDERED
    first = text.index('"enhanced_tags": [') + len('"enhanced_tags": [') if tags else len(text) - 2
    ends = [text.index(json.dumps(item)) + len(json.dumps(item)) for item in whole["enhanced_tags"]]
    for cut in cuts:
        given = Answer(content=text[:cut], done_reason="stop" if cut == len(text) else "length")
        fake.answers.extend([given] * (1 if cut >= first else 3))
    assert place.run() is None
    assert not fake.answers and len(fake.chats) == sum(1 if cut >= first else 3 for cut in cuts)
    for cut, sha in zip(cuts, shas, strict=True):
        data, state = place.stored(sha), place.jobs()[sha] if cut in (0, cuts[-1]) else None
        if cut < first:
            assert data is None and state in (None, "set_aside"), cut
            continue
        said = [item for item, end in zip(whole["enhanced_tags"], ends, strict=True) if end <= cut or not tags]
        assert data["answer"] == whole | {"enhanced_tags": said}, cut
        assert data["how"] == ("content" if cut == len(text) else "repaired") and state in (None, "done")
    assert place.unblemished() and place.kinds().keys() == {"done", "set_aside"}


@pytest.mark.parametrize("case", PASSING)
def test_a_fault_that_passes_costs_the_photo_nothing(place, fake, case):
    bad, told = PASSING[case]
    place.serve(fake, answer_seconds=1)
    shas = place.add(2)
    place.queue(shas)
    fake.answers.extend([bad, Answer(content=GOOD), Answer(content=GOOD)])
    assert place.run() is None
    assert list(place.jobs().values()) == ["done", "done"] and place.unblemished()
    assert [place.stored(sha)["answer"] for sha in shas] == [SAID, SAID]
    assert sorted(sent(fake)) == [(1, CAP), (1, CAP), (2, CAP)]  # the seed at which a server failed is left out
    assert place.kinds() == {"resting": 1, "back": 1, "done": 2}
    (message,) = place.messages("resting")
    assert message.startswith(fake.url) and told in message and message.isprintable()
    assert place.rows("SELECT reason FROM ut_vlm_jobs WHERE reason NOT NULL") == []
    asked = [request.at for request in fake.requests if request.path == "/api/chat"]
    assert "Retry-After" not in bad.headers or asked[1] - asked[0] >= 1.0


@pytest.mark.parametrize("case", LASTING)
def test_a_fault_that_lasts_is_told_once_and_costs_no_photo_anything(place, fake, case):
    go_wrong, told, remedy, chats = LASTING[case]
    place.serve(fake)
    place.queue(place.add(3))
    go_wrong(fake)
    error = place.run()
    assert isinstance(error, EndpointError) and told in error.message and remedy in error.remedy
    assert place.kinds() == {"out": 1} and place.messages("out") == [f"{fake.url}: {error}"]
    assert len(fake.chats) == chats
    assert list(place.jobs().values()) == ["queued"] * 3 and place.unblemished()
    assert place.rows("SELECT 1 FROM ut_results WHERE stage = 'vlm' UNION ALL SELECT 1 FROM ut_vlm_rejections") == []


# In the middle of a run


def test_faults_of_servers_take_none_of_a_photos_tries(place, fake):
    place.serve(fake)
    shas = place.add(2)
    place.queue(shas[:1])
    fake.answers.extend([*[Answer(status=503)] * 2, *[Answer(content="Hm.")] * 2, Answer(content=GOOD)])
    assert place.run() is None
    assert place.stored(shas[0])["answer"] == SAID
    place.queue(shas[1:])
    fake.answers.extend([Answer(status=503), *[Answer(content="Hm.")] * 3])
    assert place.run() is None
    assert place.jobs()[shas[1]] == "set_aside" and len(place.rejection(shas[1])["replies"]) == 3


def test_another_build_of_the_model_is_told_and_noted_with_its_answers(place, fake, monkeypatch):
    monkeypatch.setattr(slot, "PROBE_SECONDS", 0.0)
    place.serve(fake)
    shas = place.add(3)
    place.queue(shas)
    before = fake.models[0].digest
    place.on_event = lambda event: event.kind == "done" and setattr(fake.models[0], "digest", "ab" * 32)
    assert place.run() is None
    assert [place.stored(sha)["digest"] for sha in shas] == [before, "ab" * 32, "ab" * 32]
    assert len([message for message in place.messages("note") if "another build" in message]) == 1
    assert place.kinds()["done"] == 3 and place.unblemished()


@pytest.mark.parametrize("change", [{"models": []}, {"picture_tokens": 9000}])
def test_a_server_that_goes_wrong_in_the_middle_keeps_what_was_done(place, fake, change):
    place.serve(fake)
    shas = place.add(4)
    place.queue(shas)
    place.on_event = lambda event: event.kind == "done" and [setattr(fake, *item) for item in change.items()]
    assert isinstance(place.run(), EndpointError)
    assert list(place.jobs().values()) == ["done", "queued", "queued", "queued"] and place.unblemished()
    assert place.kinds() == {"done": 1, "out": 1} and len(fake.chats) == 2


def test_an_answer_that_stands_is_left_alone_by_any_of_them(place):
    with FakeOllama() as fake:
        place.serve(fake)
        (sha,) = shas = place.add(1)
        for bad in (REJECTED["prose"][0], PASSING["cut"][0], LASTING["400"][0]):
            place.queue(shas)
            fake.answers.append(Answer(content=GOOD))
            assert place.run() is None
            before = place.stored(sha)
            place.queue(shas)
            bad(fake) if callable(bad) else fake.answers.extend([bad] * 3)
            place.run()
            assert place.stored(sha) == before and place.jobs()[sha] in ("set_aside", "queued")
            fake.answers.clear()
