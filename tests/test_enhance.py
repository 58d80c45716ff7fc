"""`enhance`, the front door: which photos, how many and how long, what is asked first, what would be sent."""

import json
import os
import pty
import subprocess
import sys

import pytest

from enhance_kit import MILL, WARD, make_bench, make_fake  # noqa: F401 - fixtures
from fake_ollama import MODEL, FakeOllama, Model
from make_photos import make_jpeg

SCOPES = {
    ("--missing",): 8,
    ("--all",): 8,
    ("--location", "the mill"): 6,
    ("--photo", "w0.jpg"): 1,
    ("--changed",): 0,
}


@pytest.mark.parametrize("more", [("--missing",), ("--photo", "m0.jpg", "--now"), ("--show-request", "m0.jpg")])
def test_without_servers_in_the_settings_the_remedy_is_said(bench, more):
    ran = bench.here("enhance", *more, code=4)
    assert ran.out == ""
    assert "no VLM server" in ran.err and "[[vlm.endpoints]]" in ran.err and "docs/vlm.md" in ran.err


def test_exactly_one_scope_that_names_something(bench, fake):
    bench.serve(fake)
    for scopes, said in [
        ((), "no scope"),
        (("--missing", "--all"), "one scope"),
        (("--changed", "--photo", "m0.jpg"), "one scope"),
        (("--location", "The Mill", "--photo", "m0.jpg"), "one scope"),
    ]:
        ran = bench.here("enhance", *scopes, "--yes", code=2)
        assert said in ran.err and "--missing, --changed, --all, --location NAME, --photo PHOTO" in ran.err
    assert "locations list" in bench.here("enhance", "--location", "Nowhere", code=2).err
    assert "no photo" in bench.here("enhance", "--photo", "nothing.jpg", code=2).err
    assert "no photo" in bench.here("enhance", "--show-request", "nothing.jpg", code=2).err
    assert bench.states() == {} and fake.requests == []


def test_a_dry_run_of_each_scope_says_what_and_queues_nothing(bench, fake):
    bench.serve(fake)
    for scope, photos in SCOPES.items():
        plan = bench.here("enhance", *scope, "--dry-run", "--json").json
        name = scope[0].removeprefix("--")
        assert {key: plan[key] for key in ("scope", "photos", "seconds", "measured")} == {
            "scope": name,
            "photos": photos,
            "seconds": 8.0 * photos,
            "measured": False,
        }
        assert plan["text"] in bench.here("enhance", *scope, "--dry-run").out
        assert "typical" in plan["text"] if photos else plan["text"] == f"Nothing to describe ({name})."
    assert bench.states() == {} and fake.chats == []


def test_the_estimate_is_typical_then_each_servers_own(bench, fake):
    fake.delay = 0.5
    bench.serve(fake)
    assert "about 64 s (typical" in bench.here("enhance", "--all", "--dry-run").out
    report = bench.here("enhance", "--location", "The Ward", "--now", "--yes", "--json").json
    assert (report["done"], list(report["seconds_per_photo"])) == (2, [fake.url])
    (rate,) = bench.here("jobs", "status", "--json").json["vlm"]["endpoints"]
    assert (rate["endpoint"], rate["photos"], rate["parallel"]) == (fake.url, 2, 1)
    assert 0.5 <= rate["seconds"] < 3
    plan = bench.here("enhance", "--all", "--dry-run", "--json").json
    assert (plan["measured"], "1 server" in plan["text"], "measured here" in plan["text"]) == (True, True, True)
    assert plan["seconds"] == pytest.approx(8 * rate["seconds"], abs=0.06)
    with FakeOllama() as other:
        bench.serve(fake, other)
        plan = bench.here("enhance", "--all", "--dry-run", "--json").json
        assert (plan["measured"], "2 servers" in plan["text"]) == (False, True)
        assert plan["seconds"] == pytest.approx(8 / (1 / rate["seconds"] + 1 / 8.0), abs=0.06)
        other.down()
        ran = bench.here("enhance", "--all", "--dry-run", "--json")
        assert (ran.json["measured"], "1 server" in ran.json["text"]) == (True, True)
        assert other.url in ran.err and "ollama serve" in ran.err


@pytest.mark.parametrize("scope", [("--all",), ("--location", "The Mill"), ("--changed",)])
def test_what_replaces_descriptions_is_asked_first(bench, fake, scope):
    if scope == ("--changed",):
        bench.serve(fake)
        bench.here("enhance", "--missing", "--now")
        (bench.root / "own.yaml").write_text("version: 1\nsystem: Look.\nprompt: Describe {place}.\n", encoding="utf-8")
        bench.serve(fake, prompt="own.yaml")
    else:
        bench.serve(fake)
    before, chats = bench.states(), len(fake.chats)
    ran = bench.here("enhance", *scope, "--now", code=2)
    assert "--yes" in ran.err and "what you decided yourself stays" in ran.err
    assert (bench.states(), len(fake.chats)) == (before, chats)
    plan = bench.here("enhance", *scope, "--yes", "--json").json
    queued = bench.names("job.state = 'queued'")
    assert (plan["photos"], queued) == (len(queued), set(MILL) if scope[0] == "--location" else set(MILL + WARD))
    assert bench.rows("SELECT DISTINCT request, priority FROM ut_vlm_jobs") == [(plan["request"], 0)]


def test_a_person_at_a_terminal_is_asked_and_may_say_no(bench, fake):
    bench.serve(fake)
    for answer, queued in (("n", 0), ("y", 8)):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "urbextag", "enhance", "--all"]
        os.write(ours, f"{answer}\n".encode())
        ran = subprocess.run(command, cwd=bench.root, stdin=theirs, capture_output=True, text=True, check=True)
        os.close(ours)
        os.close(theirs)
        assert "Describe these?" in ran.stderr and ("Nothing was changed" in ran.stderr) == (answer == "n")
        assert len(bench.states()) == queued


def test_what_replaces_nothing_is_not_asked(bench, fake):
    bench.serve(fake)
    assert "urbextag worker" in bench.here("enhance", "--photo", "w0.jpg").out
    assert bench.states() == {"w0.jpg": "queued"}
    assert bench.here("enhance", "--missing", "--json").json["photos"] == 8
    assert set(bench.states()) == {*MILL, *WARD} and fake.chats == []


def test_a_photo_that_was_not_tagged_is_named_with_what_comes_first(bench, fake, tmp_path):
    bench.serve(fake)
    bench.here("add", make_jpeg(tmp_path / "new.jpg", (320, 240), seed=7), "--location", "The Mill")
    ran = bench.here("enhance", "--photo", "new.jpg", "--now", code=2)
    assert "has not been tagged yet" in ran.err and "urbextag tag --photo" in ran.err
    for scope, photos in SCOPES.items():
        if scope[0] != "--photo":
            assert bench.here("enhance", *scope, "--dry-run", "--json").json["photos"] == photos
    assert bench.states() == {}


@pytest.mark.parametrize("abilities", [("completion", "vision"), ("completion", "vision", "thinking")])
def test_the_request_that_is_shown_is_the_one_that_is_sent(bench, fake, abilities):
    fake.models = [Model(capabilities=abilities)]
    bench.serve(fake, longest_px=512, seed=11, temperature=0.35, max_tokens=900)
    (shown,) = bench.here("enhance", "--show-request", "m0.jpg", "--json").json
    page = bench.here("enhance", "--show-request", "m0.jpg").out
    assert fake.chats == [] and bench.states() == {}
    bench.here("enhance", "--photo", "m0.jpg", "--now")
    (sent,) = fake.chats
    assert shown["url"] == f"{fake.url}/api/chat"
    assert json.dumps(shown["body"]) == json.dumps(sent)  # the order of the names included
    assert sent["model"] == MODEL and ("think" in sent) == ("thinking" in abilities)
    assert (sent["options"]["seed"], sent["options"]["num_predict"]) == (11, 900)
    prompt, picture = sent["messages"][1]["content"], sent["messages"][1]["images"][0]
    assert "The Mill, an abandoned factory in Utica, New York" in prompt and "collapsed roof" in prompt
    assert prompt in page and picture not in page and "320x240" in page
    (again,) = bench.here("enhance", "--show-request", "m0.jpg", "--json").json
    assert again == shown  # what a VLM said does not change what it is asked
