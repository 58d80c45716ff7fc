"""`search` and `similar` on a real archive with a real, tiny SigLIP; and the embeddings they read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Box, draw
from tiny_models import install
from urbextag.archive import create
from urbextag.errors import ArchiveError
from urbextag.images import decode
from urbextag.models.dual_encoder import ImageEncoder, TextEncoder
from urbextag.models.installed import Installed
from urbextag.records import Embedding
from urbextag.store import embeddings
from urbextag.store.db import write

SETTINGS = 'profile = "scene"\n[models]\nfolder = "m"\nscene = "tiny-siglip"\nscene_precision = "fp32"\n'
WORDS = "wheelchair in a hallway"


@pytest.fixture
def archive(tmp_path) -> Box:
    made = Box(tmp_path / "archive")
    create(made.root)
    made.settings(SETTINGS)
    return made


@pytest.fixture
def model(tmp_path) -> Installed:
    """The tiny model, in the archive's folder."""
    return install(tmp_path / "archive" / "m", "siglip")


def query(model: Installed, words: str = WORDS) -> np.ndarray:
    encoder = TextEncoder(model, 1)
    encoder.load()
    return encoder.encode([f"a photo of {words}"])[0]


def beside(vector: np.ndarray, cosine: float, seed: int) -> np.ndarray:
    """A unit vector with this cosine to another."""
    rng = np.random.default_rng(seed)
    away = rng.standard_normal(len(vector))
    away -= away @ vector * vector
    return cosine * vector + (1 - cosine**2) ** 0.5 * away / np.linalg.norm(away)


def keep(box: Box, name: str, vector: np.ndarray, model: Installed, revision: str | None = None) -> str:
    """Keep a vector as a photo's embedding; returns its id."""
    with closing(box.database()) as db, write(db):
        sha = db.execute("SELECT imgsha FROM imgs WHERE imgnam = ?", (name,)).fetchone()[0]
        packed = np.asarray(vector).astype("<f2").tobytes()
        embeddings.save(db, sha, Embedding(model.spec.name, revision or model.identity, packed))
    return sha


def stranger(number: int, size: int) -> np.ndarray:
    vector = np.random.default_rng(1000 + number).standard_normal(size)
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory) -> Path:
    """60 photos in two places: ward.jpg answers WORDS, two near-duplicates of it too, the others are strangers."""
    box = Box(tmp_path_factory.mktemp("pattern") / "archive")
    create(box.root)
    box.settings(SETTINGS)
    model = install(box.root / "m", "siglip")
    for number in range(57):
        draw(box.root / "p" / f"{number:02d}.png", size=(24, 16), seed=number)
    box.ok("add", box.root / "p", "--location", "The Mill")
    for number, name in enumerate(("ward", "ward2", "ward3")):
        draw(box.root / "w" / f"{name}.jpg", "WARD", seed=number)
    box.ok("add", box.root / "w", "--location", "St <b>Ann</b>")
    wanted = query(model)
    best = beside(wanted, 0.7, 99)
    vectors = {f"{number:02d}.png": beside(wanted, 0.02 + 0.0001 * number, number) for number in range(57)}
    vectors |= {"ward.jpg": best, "ward2.jpg": beside(best, 0.99, 2), "ward3.jpg": beside(best, 0.98, 3)}
    for name, vector in vectors.items():
        keep(box, name, vector, model)
    with closing(box.database()) as db, write(db):
        db.execute("UPDATE imgs SET view_type = 'interior', auto_tags = '[\"bed\"]' WHERE imgnam = 'ward.jpg'")
    return box.root


@pytest.fixture
def filled(pattern, tmp_path) -> Box:
    """A copy of the pattern to play with; its model is in the folder `m`."""
    shutil.copytree(pattern, tmp_path / "archive")
    return Box(tmp_path / "archive")


# the store


def test_embeddings_come_back_as_they_went_in(archive, model, tmp_path):
    names = [f"{number}.png" for number in range(5)]
    for number, name in enumerate(names):
        draw(tmp_path / "p" / name, size=(20, 20), seed=number)
    archive.ok("add", tmp_path / "p")
    given = {keep(archive, name, stranger(number, 32), model): number for number, name in enumerate(names)}
    first = keep(archive, "0.png", stranger(77, 32), model)  # replaced
    other = keep(archive, "4.png", stranger(4, 48), model, "another/int8")
    with closing(archive.database()) as db:
        shas, matrix = embeddings.load_all(db, model.spec.name, model.identity)
        assert set(shas) == set(given) - {other} and matrix.dtype == np.float32 and matrix.shape == (4, 32)
        for sha, row in zip(shas, matrix, strict=True):
            wanted = stranger(77 if sha == first else given[sha], 32)
            np.testing.assert_array_equal(row, wanted.astype(np.float16).astype(np.float32))
        assert embeddings.counts(db) == {(model.spec.name, model.identity): 4, (model.spec.name, "another/int8"): 1}
        assert embeddings.left_out(db, model.spec.name, model.identity) == 1
        assert set(embeddings.of(db, [first, other, "f" * 64])) == {first, other}
        assert embeddings.load_all(db, "no", "such")[0] == []
        with write(db):
            db.execute("DELETE FROM imgs WHERE imgsha = ?", (first,))  # as the application does
        assert first not in embeddings.load_all(db, model.spec.name, model.identity)[0]
        assert embeddings.counts(db)[model.spec.name, model.identity] == 3


@pytest.mark.parametrize("vector", [np.ones(8), np.zeros(8), np.array([np.nan, 1.0]), np.array([])])
def test_what_is_no_unit_vector_is_not_kept(archive, model, tmp_path, vector):
    draw(tmp_path / "a.png", size=(20, 20))
    archive.ok("add", tmp_path / "a.png")
    with pytest.raises(ValueError, match="photo"):
        keep(archive, "a.png", vector, model)


@pytest.mark.parametrize(
    "damage", [b"\x00" * 64, b"\xff" * 64, b"\x00" * 63, b""], ids=["zeros", "nan", "cut", "empty"]
)
def test_a_damaged_embedding_is_named(filled, model, damage):
    with closing(filled.database()) as db:
        sha = embeddings.load_all(db, model.spec.name, model.identity)[0][30]
        with write(db):
            db.execute("UPDATE ut_embeddings SET vector = ? WHERE sha = ?", (damage, sha))
        with pytest.raises(ArchiveError, match=sha[:12]):
            embeddings.load_all(db, model.spec.name, model.identity)
    assert "urbextag tag --photo" in filled.ok("search", WORDS, code=3).err


def test_a_raw_file_is_left_to_its_developed_picture(archive, model, tmp_path):
    draw(tmp_path / "p" / "a.jpg", size=(20, 20))
    draw(tmp_path / "p" / "b.png", size=(20, 20))
    archive.ok("add", tmp_path / "p")
    developed, raw = keep(archive, "a.jpg", stranger(1, 32), model), keep(archive, "b.png", stranger(1, 32), model)
    with closing(archive.database()) as db:
        with write(db):
            db.execute("UPDATE ut_photos SET pair_sha = ? WHERE sha = ?", (developed, raw))
        assert embeddings.load_all(db, model.spec.name, model.identity)[0] == [developed]
        assert embeddings.left_out(db, model.spec.name, model.identity) == 0
    assert ids(archive.ok("similar", raw[:12], "--json")) == []
    assert archive.ok("similar", "--everywhere", "--json").json["groups"] == []


def ids(ran) -> list[str]:
    return [photo["id"] for photo in ran.json["photos"]]


# search


def test_the_photo_that_answers_stands_out_and_its_like_are_folded(filled, model):
    answer = filled.ok("search", WORDS, "--json").json
    first, second = answer["photos"][:2]
    assert Path(first["path"]).name == "ward.jpg" and first["stands_out"] and first["rank"] == 1
    assert first["cosine"] == pytest.approx(0.7, abs=0.002) and first["sigma"] > answer["background"]["least_sigma"]
    assert (first["location"], first["view_type"], first["tags"]) == ("St <b>Ann</b>", "interior", ["bed"])
    assert len(first["alike"]) == 2 and Path(second["path"]).name == "56.png" and not second["stands_out"]
    assert (answer["searched"], answer["left_out"], len(answer["photos"])) == (60, 0, 20)
    assert (answer["model"], answer["revision"]) == (model.spec.name, model.identity)
    plain = filled.ok("search", *WORDS.split())
    assert "3 of 60 photos stand out:" in plain.out and "+2 alike" in plain.out and plain.err == ""
    one_by_one = filled.ok("search", WORDS, "--all", "--limit", "3", "--json").json["photos"]
    assert {Path(photo["path"]).name for photo in one_by_one} == {"ward.jpg", "ward2.jpg", "ward3.jpg"}
    assert len(ids(filled.ok("search", WORDS, "--limit", "58", "--json"))) == 58


def test_a_place_and_a_view_narrow_the_search_but_not_what_is_usual(filled):
    everywhere = filled.ok("search", WORDS, "--json").json
    mill = filled.ok("search", WORDS, "--location", "the mill", "--json").json
    assert mill["background"] == everywhere["background"]
    assert {photo["location"] for photo in mill["photos"]} == {"The Mill"}
    assert "None of 57 photos stands out" in filled.ok("search", WORDS, "--location", "The Mill").out
    inside = filled.ok("search", WORDS, "--view", "interior", "--json").json["photos"]
    assert [Path(photo["path"]).name for photo in inside] == ["ward.jpg"]
    assert "No photo of that location and view" in filled.ok("search", WORDS, "--view", "aerial").out
    assert "no location is called" in filled.ok("search", WORDS, "--location", "Nowhere", code=2).err


def test_embeddings_of_another_model_are_left_out_and_said(filled, model):
    keep(filled, "00.png", query(model), model, "0123456789abcdef/int8")
    ran = filled.ok("search", WORDS, "--json")
    assert "1 photo left out: no embedding of tiny-siglip" in ran.err and "urbextag tag --scope changed" in ran.err
    assert (ran.json["searched"], ran.json["left_out"]) == (59, 1)
    assert all(Path(photo["path"]).name != "00.png" for photo in ran.json["photos"])


def test_what_is_missing_is_said_with_the_remedy(archive, tmp_path):
    empty = archive.ok("search", WORDS, code=6)
    assert "no photo here has an embedding" in empty.err and "urbextag tag" in empty.err
    archive.settings('profile = "starter"\n')
    assert 'profile = "scene"' in archive.ok("similar", "--everywhere", code=6).err
    assert "models pull" in archive.ok("search", WORDS, code=6).err
    assert "no words" in archive.ok("search", "  ", code=2).err
    assert archive("search").code == 2


def test_a_model_that_is_not_here_is_named(filled):
    shutil.rmtree(filled.root / "m")
    assert "tiny-siglip" in filled.ok("search", WORDS, code=6).err
    assert len(ids(filled.ok("similar", "ward.jpg", "--json"))) == 20  # needs no model


def test_too_few_photos_say_nothing_about_standing_out(archive, model, tmp_path):
    draw(tmp_path / "a.png", size=(20, 20))
    archive.ok("add", tmp_path / "a.png")
    keep(archive, "a.png", query(model), model)
    ran = archive.ok("search", WORDS)
    assert "1 photo: too few" in ran.out and "1.000" in ran.out
    (photo,) = archive.ok("search", WORDS, "--json").json["photos"]
    assert photo["stands_out"] is None and "sigma" not in photo


# similar


def test_the_like_of_a_photo(filled):
    answer = filled.ok("similar", "ward.jpg", "--json").json
    names = [Path(photo["path"]).name for photo in answer["photos"]]
    assert names[:2] == ["ward2.jpg", "ward3.jpg"] and "ward.jpg" not in names
    assert [photo["same"] for photo in answer["photos"][:3]] == [True, True, False]
    assert [photo["cosine"] for photo in answer["photos"][:2]] == [
        pytest.approx(0.99, abs=0.002),
        pytest.approx(0.98, abs=0.002),
    ]
    assert "2 photos show the same (cosine 0.97 or more)" in filled.ok("similar", "ward.jpg").out
    assert "1 photo shows the same" in filled.ok("similar", "ward.jpg", "--alike", "0.985").out
    mill = filled.ok("similar", "ward.jpg", "--location", "The Mill", "--json").json["photos"]
    assert {photo["location"] for photo in mill} == {"The Mill"}


def test_a_file_outside_the_archive_is_looked_at(filled, model, tmp_path):
    outside = draw(tmp_path / "else" / "new.jpg", "BOILER", seed=5)
    encoder = ImageEncoder(model, 1)
    encoder.load()
    seen = encoder.encode([decode(outside, 2 * model.spec.image.size)])[0]
    keep(filled, "07.png", seen, model)
    first = filled.ok("similar", outside, "--json").json["photos"][0]
    assert Path(first["path"]).name == "07.png" and first["cosine"] > 0.999
    copy = tmp_path / "else" / "copy.jpg"
    shutil.copy(filled.root / "w" / "ward.jpg", copy)
    shutil.rmtree(filled.root / "m")  # a copy of a photo of the archive needs no model
    assert filled.ok("similar", copy, "--json").json["photos"][0]["same"]
    assert "tiny-siglip" in filled.ok("similar", outside, code=6).err


def test_a_photo_that_is_not_there_or_has_no_embedding(filled, tmp_path):
    assert "no photo of the archive" in filled.ok("similar", "nothing.jpg", code=2).err
    draw(tmp_path / "later.png", size=(20, 20))
    filled.ok("add", tmp_path / "later.png")
    ran = filled.ok("similar", "later.png", code=6)
    assert "has no embedding yet" in ran.err and "urbextag tag --photo" in ran.err
    text = tmp_path / "notes.jpg"
    text.write_text("no photo")
    assert "no photo format" in filled.ok("similar", text, code=5).err
    for wrong in ((), ("ward.jpg", "--everywhere"), ("--location", "The Mill", "--everywhere")):
        assert filled("similar", *wrong).code == 2


def test_groups_are_led_by_the_best_photo(filled):
    with closing(filled.database()) as db, write(db):
        db.execute("UPDATE imgs SET quality_score = 0.8 WHERE imgnam = 'ward3.jpg'")
        db.execute("UPDATE imgs SET quality_score = 0.3 WHERE imgnam = 'ward.jpg'")
    answer = filled.ok("similar", "--everywhere", "--alike", "0.96", "--json").json
    (group,) = answer["groups"]
    assert Path(group["best"]["path"]).name == "ward3.jpg" and not group["burst"]
    assert {Path(other["path"]).name for other in group["others"]} == {"ward.jpg", "ward2.jpg"}
    assert (answer["groups_in_all"], answer["photos_beside_the_best"], answer["searched"]) == (1, 2, 60)
    assert filled.ok("similar", "--location", "The Mill", "--json").json["groups"] == []
    with closing(filled.database()) as db, write(db):
        db.execute(
            """UPDATE imgs SET meta_camera_make = 'Nikon', meta_camera_model = 'Z 6',
            meta_date_taken = '2024-05-01T10:00:0' || (imgnam = 'ward2.jpg') WHERE imgnam LIKE 'ward%'"""
        )
    plain = filled.ok("similar", "--location", "St <b>Ann</b>").out
    assert (
        "1 group of photos that show the same in St <b>Ann</b>: 2 photos of 3" in plain and "burst, 3 photos" in plain
    )


# the page


def thumbnails(page: str) -> list[bytes]:
    import base64

    return [base64.b64decode(found) for found in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)]


def test_the_page_is_complete_in_itself(filled, tmp_path):
    import io

    with closing(filled.database()) as db, write(db):
        db.execute("UPDATE imgs SET auto_tags = ? WHERE imgnam = '56.png'", (json.dumps(['<img src=x onerror="a">']),))
    (filled.root / "p" / "55.png").unlink()
    page = tmp_path / "found.html"
    ran = filled.ok("search", '"><script>', WORDS, "--limit", "5", "--html", page)
    assert f"Wrote {page}" in ran.err
    text = page.read_text(encoding="utf-8")
    filled.ok("search", WORDS, "--limit", "5", "--html", page, "--yes")
    text += page.read_text(encoding="utf-8")
    assert "<script" not in text and 'onerror="' not in text and "St <b>" not in text
    assert "&lt;img src=x" in text and "St &lt;b&gt;Ann" in text and "+2 alike" in text
    assert not re.findall(r'(?:src|href)="(?!data:|file:)', text) and "http-equiv" in text
    pictures = thumbnails(page.read_text(encoding="utf-8"))
    assert len(pictures) == 4 and "55.png" in text  # the fifth has no file
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as opened:
            assert max(opened.size) <= 360 and not opened.getexif()


def test_a_page_never_replaces_what_is_there_unasked(filled, tmp_path):
    page = tmp_path / "found.html"
    page.write_text("mine")
    assert "exists" in filled.ok("search", WORDS, "--html", page, code=2).err and page.read_text() == "mine"
    photo = filled.root / "w" / "ward.jpg"
    before = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert "ending .html" in filled.ok("similar", "ward.jpg", "--html", photo, "--yes", code=2).err
    assert hashlib.sha256(photo.read_bytes()).hexdigest() == before
    assert "no folder" in filled.ok("similar", "--everywhere", "--html", tmp_path / "no" / "a.html", code=2).err
    link = tmp_path / "link.html"
    link.symlink_to(photo)
    filled.ok("similar", "--everywhere", "--html", link, "--yes")
    assert hashlib.sha256(photo.read_bytes()).hexdigest() == before and len(thumbnails(link.read_text())) == 3
