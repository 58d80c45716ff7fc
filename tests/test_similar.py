"""Cosines, what stands out, and groups that show the same: against brute force and by laws."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from urbextag import similar
from urbextag.similar import BURST, SAME, Group, Index, Picture, background, bursts, fold, groups

SECONDS = st.integers(0, 12)


def unit(rows) -> np.ndarray:
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drawn(seed: int, photos: int, dimensions: int = 24, clusters: int = 5, noise: float = 0.04) -> np.ndarray:
    """Embeddings around a few centres: near-duplicates, bursts and strangers all occur."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.standard_normal((clusters, dimensions)))
    return unit(centres[rng.integers(clusters, size=photos)] + noise * rng.standard_normal((photos, dimensions)))


@st.composite
def archives(draw):
    """Photos in random order with embeddings of which no two lie on a threshold."""
    photos = draw(st.integers(1, 30))
    matrix = drawn(draw(st.integers(0, 10_000)), photos)
    products = matrix.astype(np.float64) @ matrix.T.astype(np.float64)
    assume(all(np.abs(products - limit).min() > 1e-5 for limit in (SAME, BURST)))
    pictures = [
        Picture(
            f"{number:04x}",
            draw(st.sampled_from([None, 0.2, 0.5, 0.9])),
            draw(st.sampled_from([None, "Nikon Z 6", "Canon R5"])),
            draw(st.one_of(st.none(), SECONDS.map(lambda second: f"2024-05-01T10:00:{2 * second:02d}"))),
        )
        for number in range(photos)
    ]
    return pictures, matrix


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(1, 320))
def test_nearest_equals_brute_force(seed, photos, k):
    matrix = drawn(seed, photos)
    shas = [f"{number:04x}" for number in range(photos)]
    random.Random(seed).shuffle(shas)
    query = drawn(seed + 1, 1)[0]
    brute = sorted(((float(row @ query), sha) for row, sha in zip(matrix, shas, strict=True)), reverse=True)
    found = Index(shas, matrix).nearest(query, k)
    assert len(found) == min(k, photos)
    np.testing.assert_allclose([near for _, near in found], [near for near, _ in brute[:k]], atol=1e-6)
    assert all(before >= after for (_, before), (_, after) in pairwise(found))
    by_sha = {sha: near for near, sha in brute}
    assert all(abs(by_sha[sha] - near) < 1e-6 for sha, near in found)


def test_equal_cosines_come_in_the_order_of_their_ids():
    matrix = np.repeat(unit([[1, 2, 3]]), 9, axis=0)
    found = Index(list("ihgfedcba"), matrix).nearest(matrix[0], 4)
    assert [sha for sha, _ in found] == list("abcd")
    assert all(near == pytest.approx(1, abs=1e-6) and near <= 1 for _, near in found)


def test_excluded_rows_are_never_ranked():
    index = Index(list("abc"), unit(np.eye(3)))
    cosines = np.array([0.1, -np.inf, 0.3], np.float32)
    assert index.ranked(cosines, 3) == [2, 0] and index.ranked(cosines, 0) == []


def test_an_index_of_unequal_lengths_is_refused():
    with pytest.raises(ValueError, match="2 photos, 3 embeddings"):
        Index(["a", "b"], np.eye(3, dtype=np.float32))


def test_a_photo_stands_out_of_noise_and_chance_does_not():
    rng = np.random.default_rng(3)
    false_alarms = 0
    for _ in range(200):
        cosines = (0.05 + 0.01 * rng.standard_normal(2000)).astype(np.float32)
        usual = background(cosines)
        assert usual is not None and abs(usual.centre - 0.05) < 0.002 and abs(usual.spread - 0.01) < 0.002
        false_alarms += usual.sigma(float(cosines.max())) >= usual.least
    assert false_alarms <= 30  # CHANCE is 5 %; the spread is itself estimated
    cosines[7] = 0.15
    usual = background(cosines)
    assert usual is not None and usual.sigma(0.15) > 1.5 * usual.least


def test_many_photos_that_answer_do_not_hide_themselves():
    """The spread is taken below the median: with the standard deviation of all, 300 hits of 2,000 would not show."""
    rng = np.random.default_rng(4)
    cosines = (0.05 + 0.01 * rng.standard_normal(2000)).astype(np.float32)
    cosines[:300] += 0.1
    usual = background(cosines)
    assert usual is not None
    assert (np.array([usual.sigma(float(one)) for one in cosines[:300]]) >= usual.least).mean() > 0.9
    assert (0.15 - cosines.mean()) / cosines.std() < usual.least


def test_too_few_or_equal_cosines_tell_nothing():
    assert background(np.linspace(0, 1, similar.MIN_BACKGROUND - 1).astype(np.float32)) is None
    assert background(np.full(500, 0.1, np.float32)) is None


@settings(max_examples=50, deadline=None)
@given(archives())
def test_folding_is_a_partition_and_each_member_is_like_its_leader(archive):
    pictures, matrix = archive
    found = fold(pictures, matrix, range(len(pictures)))
    place = {picture.sha: number for number, picture in enumerate(pictures)}
    members = [sha for group in found for sha in (group.best, *(other.sha for other in group.others))]
    assert sorted(members) == sorted(place)
    numbers = bursts(pictures)
    for group in found:
        leader = place[group.best]
        for other in group.others:
            row = place[other.sha]
            near = float(matrix[leader].astype(np.float64) @ matrix[row].astype(np.float64))
            assert row > leader and other.cosine == pytest.approx(near, abs=1e-5)
            assert near >= (BURST if numbers[row] == numbers[leader] else SAME)
        rows = [place[other.sha] for other in group.others]
        assert group.burst == (bool(rows) and all(numbers[row] == numbers[leader] for row in rows))


@settings(max_examples=50, deadline=None)
@given(archives())
def test_no_leader_would_have_been_taken_by_an_earlier_one(archive):
    pictures, matrix = archive
    found = fold(pictures, matrix, range(len(pictures)))
    place = {picture.sha: number for number, picture in enumerate(pictures)}
    leaders = [place[group.best] for group in found]
    assert leaders == sorted(leaders)
    numbers = bursts(pictures)
    for first, leader in enumerate(leaders):
        for earlier in leaders[:first]:
            near = float(matrix[leader].astype(np.float64) @ matrix[earlier].astype(np.float64))
            assert near < (BURST if numbers[leader] == numbers[earlier] else SAME)


@settings(max_examples=50, deadline=None)
@given(archives(), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_the_photos(archive, shuffler):
    pictures, matrix = archive
    order = list(range(len(pictures)))
    shuffler.shuffle(order)

    def shape(found: list[Group]):
        return [(group.best, {other.sha for other in group.others}, group.burst) for group in found]

    assert shape(groups(pictures, matrix)) == shape(groups([pictures[row] for row in order], matrix[order]))


def test_the_blocks_do_not_show(monkeypatch):
    matrix = drawn(11, 700, clusters=60, noise=0.03)
    pictures = [
        Picture(f"{n:04x}", n * 7919 % 700 / 700, "Z 6", f"2024-05-01T10:{n // 60:02d}:{n % 60:02d}")
        for n in range(700)
    ]
    whole = groups(pictures, matrix)
    told: list[int] = []
    monkeypatch.setattr(similar, "BLOCK_ROWS", 64)
    monkeypatch.setattr(similar, "BLOCK_COLUMNS", 100)
    assert [group.best for group in groups(pictures, matrix, done=told.append)] == [group.best for group in whole]
    assert len(whole) > 20 and told[-1] == 700 and told == sorted(told)


def walk(steps: int, step_cosine: float) -> np.ndarray:
    """A walk: each photo has this cosine with the one before, and turns on."""
    angles = np.arccos(step_cosine) * np.arange(steps)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_walk_through_a_corridor_is_not_one_group():
    """20 steps of 8 degrees: each photo is like the one before, the first and the last share nothing."""
    matrix = walk(20, 0.99)
    pictures = [Picture(f"{number:02x}", number % 7 / 7) for number in range(20)]
    assert (np.sum(matrix[1:] * matrix[:-1], axis=1) >= SAME).all() and matrix[0] @ matrix[-1] < 0
    found = groups(pictures, matrix)
    assert len(found) >= 5 and max(len(group.others) for group in found) == 2
    for group in found:
        rows = [int(other.sha, 16) for other in group.others]
        assert (matrix[rows] @ matrix[int(group.best, 16)]).min() >= SAME


def test_a_burst_that_turns_away_is_parted_too():
    pictures = [Picture(f"{n:02x}", None, "Z 6", f"2024-05-01T10:00:{n:02d}") for n in range(12)]
    found = groups(pictures, walk(12, 0.968))
    assert len(set(bursts(pictures).tolist())) == 1
    assert len(found) == 6 and all(group.burst for group in found)


def test_the_best_photo_leads_and_unmeasured_ones_come_last():
    pictures = [Picture("a"), Picture("b", 0.4), Picture("c", 0.8), Picture("d", 0.8), Picture("e", 0.0)]
    (group,) = groups(pictures, np.repeat(unit([[1, 1]]), 5, axis=0))
    assert group.best == "c" and {other.sha for other in group.others} == set("abde") and not group.burst


def test_of_a_photo_and_its_smaller_copy_the_photo_leads():
    pictures = [Picture("a", 0.634, pixels=500), Picture("b", 0.631, pixels=2000), Picture("c", 0.5, pixels=9000)]
    (group,) = groups(pictures, np.repeat(unit([[1, 1]]), 3, axis=0))
    assert group.best == "b"


def test_a_burst_needs_the_same_camera_and_a_known_time():
    clock = "2024-05-01T10:00:{:02d}"
    pictures = [
        Picture("a", None, "Z 6", clock.format(0)),
        Picture("b", None, "Z 6", clock.format(3) + ".5"),
        Picture("c", None, "Z 6", clock.format(3)),
        Picture("d", None, "R5", clock.format(3)),
        Picture("e", None, None, clock.format(3)),
        Picture("f", None, "Z 6", None),
        Picture("g", None, "Z 6", "0000:00:00 00:00:00"),
        Picture("h", None, "Z 6", "2024-05-01T10:00:06+02:00"),
        Picture("i", None, "Z 6", clock.format(10)),
    ]
    numbers = bursts(pictures).tolist()
    assert numbers[0] == numbers[1] == numbers[2] == numbers[7]
    assert len(set(numbers)) == 6


def test_burst_frames_are_one_group_where_strangers_are_not():
    frames = unit([[10, 0], [10, 3.5], [10, -3.5]])
    assert BURST < float(frames[0] @ frames[1]) < SAME
    clock = ["2024-05-01T10:00:00", "2024-05-01T10:00:02", "2024-05-01T10:00:04"]
    together = [
        Picture(name, quality, "Z 6", at) for name, quality, at in zip("abc", (0.9, 0.1, 0.2), clock, strict=True)
    ]
    (group,) = groups(together, frames)
    assert (group.best, group.burst, len(group.others)) == ("a", True, 2)
    apart = [Picture(name, 0.5, "Z 6", f"2024-05-0{day}T10:00:00") for day, name in enumerate("abc", 1)]
    assert groups(apart, frames) == []
