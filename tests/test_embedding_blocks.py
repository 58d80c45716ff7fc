"""Embeddings read block by block: the nearest are those of one index, and whatever another stands for is left out."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_kit import make
from conftest import Box
from places import Shot
from urbextag.similar import Index, nearest_in
from urbextag.store import embeddings
from urbextag.store.db import write


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 9999), st.integers(1, 60), st.integers(0, 70))
def test_nearest_in_blocks_is_nearest_of_the_index(data, seed, photos, k):
    rng = np.random.default_rng(seed)
    # corners of a cube, so that many are equally near and the id alone decides
    matrix = unit(rng.choice([-1.0, 1.0], (photos, 4)))
    shas = [f"{number:04x}" for number in rng.permutation(photos)]
    query = unit(rng.choice([-1.0, 1.0], (1, 4)))[0]
    cuts = sorted(data.draw(st.sets(st.integers(1, photos - 1), max_size=6) if photos > 1 else st.just(set())))
    blocks = [(shas[a:b], matrix[a:b]) for a, b in zip([0, *cuts], [*cuts, photos], strict=True)]
    found = nearest_in(blocks, query, k)
    index = Index(shas, matrix)
    assert [sha for sha, _ in found] == [sha for sha, _ in index.nearest(query, k)]
    np.testing.assert_allclose([near for _, near in found], [near for _, near in index.nearest(query, k)], atol=1e-6)
    allowed = set(data.draw(st.sets(st.sampled_from(shas))))
    cosines = index.cosines(query)
    cosines[[sha not in allowed for sha in shas]] = -np.inf
    some = [sha for sha, _ in nearest_in(iter(blocks), query, k, allowed)]
    assert some == [index.shas[row] for row in index.ranked(cosines, k)]


def test_every_float16_is_widened_exactly():
    every = np.arange(1 << 16, dtype=np.uint16).view("<f2")
    finite = every[np.isfinite(every)].reshape(1, -1)
    np.testing.assert_array_equal(embeddings._widened(finite), finite.astype(np.float32))
    assert (np.abs(embeddings._widened(every[~np.isfinite(every)].reshape(1, -1))) >= 2**16).all()


@pytest.fixture
def plane(tmp_path):
    """An archive with seven photos whose embeddings lie in a plane, and one without."""
    shots = [Shot(f"{number}.jpg", angle=number / 5) for number in range(7)]
    return Box(tmp_path), make(tmp_path, *shots, Shot("none.jpg"))


def read(db, *arguments):
    return list(embeddings.blocks(db, *arguments))


def test_blocks_join_to_the_whole_and_leave_out_what_was_replaced_or_developed(plane, monkeypatch):
    box, shas = plane
    monkeypatch.setattr(embeddings, "_ROWS", 3)
    with closing(box.database()) as db:
        whole, matrix = embeddings.load_all(db, "m", "r")
        parts = read(db, "m", "r")
        assert [len(part) for part, _ in parts] == [3, 3, 1]
        assert [sha for part, _ in parts for sha in part] == whole == shas[:7]
        np.testing.assert_array_equal(np.concatenate([block for _, block in parts]), matrix)
        with write(db):
            db.execute("UPDATE imgs SET hidden_reason = 'replaced' WHERE imgsha = ?", (shas[0],))
            db.execute("UPDATE ut_photos SET pair_sha = ? WHERE sha = ?", (shas[2], shas[1]))
            db.execute("UPDATE ut_photos SET pair_sha = ? WHERE sha = ?", (shas[7], shas[3]))  # has no embedding
            db.execute("UPDATE imgs SET locid = NULL WHERE imgsha = ?", (shas[6],))
        assert [sha for part, _ in read(db, "m", "r") for sha in part] == shas[2:7]
        locid = db.execute("SELECT locid FROM imgs WHERE imgsha = ?", (shas[4],)).fetchone()[0]
        assert [sha for part, _ in read(db, "m", "r", locid) for sha in part] == shas[2:6]
        assert embeddings.load_all(db, "m", "r", locid)[0] == shas[2:6]
        assert read(db, "m", "another") == []
