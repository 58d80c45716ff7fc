"""The commands `urbextag models ...`, run as a user runs them, against a hub on the loopback."""

import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import Box, urbextag
from hub_server import COMMIT, Fault, Hub, serving
from tiny_onnx import text_model, tokenizer, vision_model
from urbextag.archive import create

MIB = 1 << 20
NAME = "siglip-so400m-patch14-384"
"""The entry of the catalogue that knows no checksums: its files can be stood in for."""
VISION, TEXT, TOKENIZER = "visual/model.onnx", "textual/model.onnx", "textual/tokenizer.json"


@pytest.fixture
def hub(monkeypatch):
    files = {VISION: vision_model(384, 16 * MIB), TEXT: text_model(), TOKENIZER: tokenizer()}
    with serving(Hub("immich-app/ViT-SO400M-14-SigLIP-384__webli", files)) as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
        yield made


@pytest.fixture
def archive(tmp_path):
    made = Box(tmp_path / "archive")
    create(made.root)
    made.settings('profile = "scene"  # mine\n\n[models]\nfolder = "m"  # here\n')
    return made


def pull(archive, *more, **options):
    return archive.ok("models", "pull", NAME, "--precision", "fp32", *more, **options)


def test_from_nothing_to_pulled_proved_used_and_removed(archive, hub):
    listed = archive.ok("models", "list", "--json").json
    by_name = {model["name"]: model for model in listed["models"]}
    assert listed["folder"] == str(archive.root / "m") and by_name[NAME]["here"] == []
    assert by_name["siglip-base-patch16-224"]["used"] == "int8" and by_name[NAME]["bytes"] == {"fp32": None}

    done = pull(archive, "--json")
    assert done.json[0] | {"files": 0} == {
        "name": NAME,
        "precision": "fp32",
        "revision": COMMIT,
        "bytes": sum(map(len, hub.files.values())),
        "files": 0,
    }
    assert f"pinned to commit {COMMIT}" in done.err
    plain = archive.ok("models", "list").out
    assert NAME in plain and "siglip-base-patch16-224 int8 is set and not here. Pull it: urbextag models pull" in plain

    assert "Every file is whole: 3 files" in archive.ok("models", "verify").out
    (archive.root / "m" / NAME / TEXT).write_bytes(b"spoilt")
    spoilt = archive.ok("models", "verify", NAME, code=6)
    assert f"{TEXT} has 6 bytes instead of" in spoilt.out and f"models pull {NAME} --precision fp32" in spoilt.err
    (archive.root / "m" / NAME / TEXT).unlink()
    found = archive.ok("models", "verify", "--json", code=6).json
    assert {file["path"]: file["state"] for file in found["files"]} == {
        VISION: "whole",
        TEXT: "missing",
        TOKENIZER: "whole",
    }
    hub.requests.clear()
    pull(archive)
    assert [path for path, _ in hub.contents()] == [TEXT]

    used = archive.ok("models", "use", NAME, "--precision", "fp32")
    assert f"{NAME} in fp32 is the model for scene" in used.out and "tag --scope changed" in used.out
    assert (archive.root / "urbextag.toml").read_text() == (
        f'profile = "scene"  # mine\n\n[models]\nfolder = "m"  # here\nscene = "{NAME}"\nscene_precision = "fp32"\n'
    )
    assert "already the model" in archive.ok("models", "use", NAME, "--precision", "fp32").out
    hub.requests.clear()
    assert f"{NAME} fp32 is here and whole" in archive.ok("models", "pull").out and hub.requests == []

    asked = archive("models", "remove", NAME)
    assert asked.code == 2 and "16.8 MB" in asked.err and "set as the model for scene" in asked.err
    gone = archive.ok("models", "remove", NAME, "--yes", "--json").json
    assert gone["bytes"] > 16 * MIB and not (archive.root / "m" / NAME).exists()
    assert "not on this machine" in archive.ok("models", "verify", NAME, code=6).err
    assert "Nothing of a model" in archive.ok("models", "remove", NAME, "--yes", code=6).err


def test_offline_says_what_is_missing_and_works_with_what_is_here(archive, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lacking = pull(archive, code=6).err
    assert all(path in lacking for path in hub.files) and "HF_HUB_OFFLINE" in lacking and hub.requests == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    pull(archive)
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "here and whole" in pull(archive).out and hub.requests == []


def test_use_refuses_what_cannot_be_and_says_what_is_to_do(archive):
    unpublished = archive.ok("models", "use", NAME, code=2).err
    assert "not published in int8" in unpublished and "models export" in unpublished
    assert "did you mean" in archive.ok("models", "use", "siglip2-base", code=6).err
    said = archive.ok("models", "use", "florence-2-base").out
    assert "Pull it: urbextag models pull florence-2-base --precision int8" in said
    assert 'set profile = "standard"' in said
    archive.settings("models = 3")
    assert "models" in archive.ok("models", "use", "florence-2-base", code=4).err


def test_outside_an_archive_the_user_s_own_folder_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    listed = urbextag("models", "list", "--json", cwd=tmp_path).json
    assert listed["folder"].startswith(str(tmp_path))
    assert urbextag("models", "use", "florence-2-base", cwd=tmp_path).code == 3
    assert "No model is here" in urbextag("models", "verify", cwd=tmp_path).out


def test_names_are_completed_by_the_shell(archive, monkeypatch):
    monkeypatch.setenv("_URBEXTAG_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "urbextag models pull florence-2-l")
    monkeypatch.setenv("COMP_CWORD", "3")
    code = "import sys; sys.argv = ['urbextag']; from urbextag.cli.app import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=archive.root, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,florence-2-large", "plain,florence-2-large-ft"]


def started(archive):
    command = [sys.executable, "-m", "urbextag", "models", "pull", NAME, "--precision", "fp32"]
    return subprocess.Popen(command, cwd=archive.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_was_killed_goes_on(archive, hub, kill):
    hub.faults[VISION] = [Fault(after=12 * MIB, then="stall")]
    partial = archive.root / "m" / NAME / ".partial"
    process = started(archive)
    try:
        until = time.monotonic() + 20
        while not any(path.stat().st_size >= 10 * MIB for path in partial.glob("*")):
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.02)
        process.send_signal(kill)
        assert process.wait(10) == (-signal.SIGKILL if kill == signal.SIGKILL else 130)
    finally:
        process.kill()
        process.communicate()
    hub.requests.clear()
    assert "here and whole" in pull(archive).out
    assert [start for path, start in hub.contents() if path == VISION] == [10 * MIB]
    assert (archive.root / "m" / NAME / VISION).read_bytes() == hub.files[VISION]


def test_two_processes_fetch_each_file_once(archive, hub):
    both = [started(archive) for _ in range(2)]
    ends = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert sorted(path for path, _ in hub.contents()) == sorted(hub.files)


def test_a_hub_that_never_answers_is_given_up(archive, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "1")
    hub.mute = True
    assert "no answer" in pull(archive, code=6, timeout=20).err


def test_the_bar_is_drawn_on_a_terminal_alone(archive, hub):
    import pty

    parent, child = pty.openpty()
    command = [sys.executable, "-m", "urbextag", "models", "pull", NAME, "--precision", "fp32"]
    process = subprocess.Popen(command, cwd=archive.root, stdout=subprocess.PIPE, stderr=child, text=True)
    os.close(child)
    drawn = b""
    try:
        while chunk := os.read(parent, 65536):
            drawn += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    out, _ = process.communicate(timeout=30)
    os.close(parent)
    assert process.returncode == 0 and "here and whole" in out and "\x1b" not in out
    assert b"Pulling" in drawn and b"MB" in drawn
    assert "Pulling" not in pull(archive).err
