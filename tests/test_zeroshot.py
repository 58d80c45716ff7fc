"""Reading embeddings: the bank of encoded prompts, the comparison with a background, views, concepts and look."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from letters import LetterEncoder
from small_taxonomy import small
from urbextag.config import ZeroShotConfig
from urbextag.errors import ModelError
from urbextag.models.catalogue import ModelSpec
from urbextag.models.installed import Installed
from urbextag.records import Embedding
from urbextag.taxonomy import Taxonomy, load_taxonomy
from urbextag.zeroshot import ZeroShot, bank, join_quality, load_prompts, open_zero_shot
from urbextag.zeroshot.background import Ground, lay_out, z_scores
from urbextag.zeroshot.bank import encode_prompts
from urbextag.zeroshot.quality import looks
from urbextag.zeroshot.read import CHUNK, Vectors

TINY = Path(__file__).parent / "data" / "tiny" / "siglip"
SIZE = 96


def model(name: str = "letters", revision: str = "a" * 40, scale: float | None = 100.0) -> Installed:
    spec = ModelSpec.model_validate(
        {
            "name": name,
            "title": name,
            "family": "siglip",
            "licence": "MIT",
            "image": {"size": 16, "resize": "squash", "mean": (0, 0, 0), "std": (1, 1, 1)},
            "logit_scale": scale,
            "files": {},
            "common": {},
        }
    )
    return Installed(spec, revision, "fp32", {})


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, SIZE)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


@pytest.fixture(scope="module")
def reader(taxonomy: Taxonomy, cache: Path) -> ZeroShot:
    return open_zero_shot(ZeroShotConfig(), taxonomy, model(), LetterEncoder, cache)


def towards(reader: ZeroShot, label: str, strength: float, seed: int = 1) -> np.ndarray:
    """An embedding of noise with something of what sets one concept apart from others of its facet: (1, dimensions)."""
    row = reader.labels.index(label)
    ground = next(ground for ground in reader.grounds if row in range(ground.rows.start, ground.rows.stop))
    apart = reader.vectors.concepts[row] - reader.vectors.background[ground.kinds[-1]].mean(axis=0)
    return unit(noise(1, seed) + strength * unit(apart))


# The bank


def test_only_what_no_one_encoded_is_encoded(tmp_path: Path) -> None:
    encoder, told = LetterEncoder(), []
    first = encode_prompts(["a", "b", "a"], "m 1", lambda: encoder, tmp_path, lambda *done: told.append(done))
    assert encoder.asked == ["a", "b"] and told == [(0, 2), (2, 2)]
    second = encode_prompts(["b", "c"], "m 1", lambda: encoder, tmp_path, lambda *done: told.append(done))
    assert encoder.asked == ["a", "b", "c"] and told[2:] == [(0, 1), (1, 1)]
    assert np.array_equal(first["b"], second["b"])
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def never() -> LetterEncoder:
    raise AssertionError("the text model must not be made")


def test_a_warm_cache_needs_no_text_model(tmp_path: Path) -> None:
    known = encode_prompts(["a", "b"], "m 1", LetterEncoder, tmp_path)
    again = encode_prompts(["b", "a"], "m 1", never, tmp_path, lambda done, total: pytest.fail("nothing to tell"))
    assert all(np.array_equal(again[text], known[text]) for text in "ab")


def test_models_do_not_share_embeddings(tmp_path: Path) -> None:
    one = encode_prompts(["a"], "m 1", LetterEncoder, tmp_path)
    other = encode_prompts(["a"], "m 2", lambda: LetterEncoder(seed=8), tmp_path)
    assert not np.allclose(one["a"], other["a"])
    assert np.array_equal(encode_prompts(["a"], "m 1", never, tmp_path)["a"], one["a"])


def save(path: Path, **arrays: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "noise": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(300)),
    "flipped": flip,
    "another npz": lambda path: save(path, vectors=np.zeros((2, 2), np.float32)),
    "pickled": lambda path: save(path, about=np.array([{}], dtype=object), vectors=np.zeros(2)),
    "no length": lambda path: save(
        path,
        about=np.frombuffer(b'{"identity": "m 1", "prompts": ["a"]}', np.uint8),
        vectors=np.full((1, SIZE), np.nan, np.float32),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_cache_is_told_and_made_again(
    tmp_path: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    before = encode_prompts(["a", "b"], "m 1", LetterEncoder, tmp_path)
    (path,) = tmp_path.iterdir()
    damage(path)
    with caplog.at_level(logging.WARNING):
        after = encode_prompts(["a", "b"], "m 1", LetterEncoder, tmp_path)
    assert path.name in caplog.text and "encoded again" in caplog.text
    assert all(np.array_equal(after[text], before[text]) for text in "ab")
    encode_prompts(["a", "b"], "m 1", never, tmp_path)


def test_an_interrupted_run_keeps_what_it_did(tmp_path: Path) -> None:
    prompts = [f"prompt {number}" for number in range(bank.SAVED_EVERY + 3 * bank.BATCH)]

    def stop(done: int, total: int) -> None:
        if done > bank.SAVED_EVERY:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_prompts(prompts, "m 1", LetterEncoder, tmp_path, stop)
    encoder = LetterEncoder()
    encode_prompts(prompts, "m 1", lambda: encoder, tmp_path)
    assert encoder.asked == prompts[bank.SAVED_EVERY :]


def test_a_full_disk_costs_time_and_no_result(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    assert encode_prompts(["a"], "m 1", LetterEncoder, blocked)["a"].shape == (SIZE,)
    assert "cannot be written" in caplog.text


class Broken(LetterEncoder):
    def __init__(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__()
        self.change = change

    def encode(self, prompts):  # type: ignore[no-untyped-def]
        return self.change(super().encode(prompts))


@pytest.mark.parametrize(
    "change",
    [lambda v: v * np.nan, lambda v: v * 2, lambda v: v[:-1], lambda v: v[:, 0], lambda v: v * 0],
    ids=["nan", "long", "few", "flat", "zero"],
)
def test_an_encoder_that_gives_no_embeddings_is_refused(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(ModelError, match="The text encoder gave"):
        encode_prompts(["a", "b"], "m 1", lambda: Broken(change), tmp_path)
    assert not list(tmp_path.iterdir())


def test_unused_prompts_are_dropped_when_they_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "MOST_KEPT", 3)
    encode_prompts(["a", "b", "c"], "m 1", LetterEncoder, tmp_path)
    encode_prompts(["c", "d"], "m 1", LetterEncoder, tmp_path)
    encoder = LetterEncoder()
    encode_prompts(["a", "c", "d"], "m 1", lambda: encoder, tmp_path)
    assert encoder.asked == ["a"]


# The comparison with a background

COMMON, OWN, CONCEPTS = 9, 6, 4
LEFT_OUT = np.array([[1, 6, 10, 14], [-1, -1, 9, 3], [-1, -1, -1, -1]])
GROUPS = np.array([2, 0, 1, 0])
KINDS = (slice(0, 5), slice(5, COMMON), slice(COMMON, COMMON + OWN))
GROUNDS = (Ground("object", slice(0, CONCEPTS), KINDS, LEFT_OUT, GROUPS),)
cosines = st.floats(-1, 1, width=32)
backgrounds = arrays(np.float32, (COMMON + OWN, 3), elements=cosines)
of_concepts = arrays(np.float32, (CONCEPTS, 3), elements=cosines)


def plain_z(concept: np.ndarray, background: np.ndarray, left_out: list[int], floor: float) -> np.ndarray:
    """The definition, without any of the shortcuts."""
    deviations = np.concatenate([np.abs(background[kind] - lower_median(background[kind])) for kind in KINDS])
    spread = np.maximum(1.4826 * lower_median(deviations), floor)
    whole = lower_median(np.delete(background, left_out, axis=0))
    own = lower_median(np.delete(background, [*left_out, *range(COMMON)], axis=0))
    return (concept - np.maximum(whole, own)) / spread


def lower_median(values: np.ndarray) -> np.ndarray:
    return np.array([statistics.median_low(column) for column in values.T.tolist()])


@given(of_concepts, backgrounds)
def test_z_is_what_its_definition_says(concepts: np.ndarray, background: np.ndarray) -> None:
    found = z_scores(concepts, background, GROUNDS, 0.01)
    for row in range(CONCEPTS):
        left_out = [place for place in LEFT_OUT[GROUPS[row]].tolist() if place >= 0]
        np.testing.assert_allclose(found[row], plain_z(concepts[row], background, left_out, 0.01), rtol=1e-3, atol=1e-3)


@given(of_concepts, backgrounds, st.integers(0, CONCEPTS - 1), st.floats(0, 1, width=32))
def test_z_rises_with_the_cosine(concepts: np.ndarray, background: np.ndarray, row: int, more: float) -> None:
    raised = concepts.copy()
    raised[row] += np.float32(more)
    before, after = (z_scores(one, background, GROUNDS, 0.01) for one in (concepts, raised))
    assert np.all(after[row] >= before[row])
    others = np.arange(CONCEPTS) != row
    assert np.array_equal(after[others], before[others])


@given(of_concepts, backgrounds, st.floats(-0.5, 0.5, width=32))
def test_what_a_photo_shares_with_every_text_does_not_count(
    concepts: np.ndarray, background: np.ndarray, shift: float
) -> None:
    moved = z_scores(concepts + np.float32(shift), background + np.float32(shift), GROUNDS, 0.05)
    np.testing.assert_allclose(moved, z_scores(concepts, background, GROUNDS, 0.05), atol=1e-3)


@given(of_concepts, backgrounds, st.randoms(use_true_random=False))
def test_the_order_of_a_background_does_not_count(concepts: np.ndarray, background: np.ndarray, dice) -> None:  # type: ignore[no-untyped-def]
    ground = replace(GROUNDS[0], groups=np.full(CONCEPTS, 2))
    order = [place for kind in KINDS for place in dice.sample(range(kind.start, kind.stop), kind.stop - kind.start)]
    one, other = (z_scores(concepts, background[rows], (ground,), 0.01) for rows in (np.arange(len(order)), order))
    assert np.array_equal(one, other)


def test_a_background_prompt_like_the_concept_is_not_of_its_background() -> None:
    texts = noise(60)
    concepts = np.stack([texts[7], noise(1, 5)[0]])
    order, background, (ground,) = lay_out(["object", "object"], concepts, {"ordinary": texts}, 4.0, 0.01)
    assert sorted(order) == [0, 1] and len(background) == 60
    left_out = [{place for place in ground.left_out[group] if place >= 0} for group in ground.groups]
    assert left_out == [{7}, set()]


def test_concepts_of_all_facets_are_compared_once() -> None:
    grounds = {"ordinary": noise(20), "abandoned": noise(20, 1), "place": noise(20, 2)}
    facets = ["place", "object", "place", "object", "sign"]
    order, background, laid = lay_out(facets, noise(5, 3), grounds, 3.0, 0.01)  # type: ignore[arg-type]
    assert sorted(order) == list(range(5)) and background.shape == (60, SIZE)
    assert [ground.facet for ground in laid] == ["place", "object", "sign"]
    assert [len(ground.kinds) for ground in laid] == [3, 2, 2]
    assert [facets[index] for index in order] == ["place", "place", "object", "object", "sign"]


# Reading


def test_a_photo_near_the_text_of_a_view_is_that_view(reader: ZeroShot) -> None:
    read = reader.read(reader.vectors.views)
    assert [one.scene.view_type for one in read] == ["interior", "exterior", "aerial", "detail", "document"]
    assert all(one.scene.confidence > 0.9 and one.scene.model == "letters" for one in read)
    assert read[0].scene.reasons[0].startswith("interior 0.9") or read[0].scene.reasons[0].startswith("interior 1.0")
    assert reader.views(reader.vectors.views) == [one.scene for one in read]


def test_between_two_views_it_abstains(reader: ZeroShot) -> None:
    between = unit(reader.vectors.views[:1] + reader.vectors.views[1:2])
    scene = reader.views(between)[0]
    assert (scene.view_type, scene.confidence) == ("unknown", 0.0)
    assert "too close" in scene.reasons[0] and "interior" in scene.reasons[0] and "exterior" in scene.reasons[0]
    assert replace(reader, view_margin=0.0).views(between)[0].view_type in ("interior", "exterior")


@given(arrays(np.float64, (4, SIZE), elements=st.floats(-1, 1)), st.floats(0, 1))
@settings(max_examples=50)
def test_readings_hold_probabilities(reader: ZeroShot, raw: np.ndarray, margin: float) -> None:
    photos = unit(raw + noise(4, 9) * 1e-3)
    for reading in replace(reader, view_margin=margin).read(photos):
        assert 0 <= reading.scene.confidence <= 1 and 0 <= reading.quality <= 1
        assert (reading.scene.view_type == "unknown") == (reading.scene.confidence == 0)
        assert reading.scene.view_type == "unknown" or reading.scene.confidence >= max(margin, 0.2) - 1e-3
        assert all(0 <= part <= 1 for part in reading.quality_parts.values())
        assert reading.quality == pytest.approx(np.mean(list(reading.quality_parts.values())))
        scores = [piece.score for piece in reading.evidence]
        assert scores == sorted(scores, reverse=True) and len(scores) <= reader.calibration.most
        assert all(reader.calibration.floor - 1e-3 <= score <= 1 for score in scores)
        assert len({piece.label for piece in reading.evidence}) == len(scores)


@pytest.mark.parametrize("label", ["bar stool", "wheelchair", "peeling paint", "courthouse", "ivy", "classroom"])
def test_a_concept_in_the_photo_is_named_first(reader: ZeroShot, taxonomy: Taxonomy, label: str) -> None:
    (reading,) = reader.read(towards(reader, label, 1.5))
    assert reading.evidence[0].label == label and reading.evidence[0].source == "zero-shot"
    assert taxonomy.match(reading.evidence[0].label).found[0].concept.label == label


def test_more_of_a_concept_gives_no_lower_score(reader: ZeroShot) -> None:
    def score(strength: float) -> float:
        found = {
            one.label: one.score or 0.0 for one in reader.read(towards(reader, "wheelchair", strength))[0].evidence
        }
        return found.get("wheelchair", 0.0)

    scores = [score(strength) for strength in (0.0, 0.4, 0.8, 1.2, 2.0)]
    assert scores == sorted(scores) and scores[0] < 0.3 < scores[-1]


def test_noise_says_next_to_nothing(reader: ZeroShot) -> None:
    assert np.mean([len(reading.evidence) for reading in reader.read(noise(300, 4))]) < 5


def test_few_places_and_no_more_than_the_most_in_all(reader: ZeroShot, taxonomy: Taxonomy) -> None:
    generous = reader.calibration.model_copy(
        update={"floor": 0.001, "centre": -5.0, "most": 12, "most_of": {"place": 2, "room": 0}}
    )
    for reading in replace(reader, calibration=generous).read(noise(20, 6)):
        facets = [taxonomy.match(piece.label).found[0].concept.facet for piece in reading.evidence]
        assert len(facets) == 12 and facets.count("place") <= 2 and "room" not in facets


def test_photos_are_read_alike_whoever_stands_beside_them(reader: ZeroShot) -> None:
    photos = np.concatenate([noise(CHUNK, 2), towards(reader, "wheelchair", 1.5)])
    alone, among = reader.read(photos[-1:])[0], reader.read(photos)[-1]
    assert len(reader.read(photos)) == CHUNK + 1
    assert [piece.label for piece in alone.evidence] == [piece.label for piece in among.evidence]
    assert [piece.score for piece in alone.evidence] == pytest.approx(
        [piece.score for piece in among.evidence], abs=2e-4
    )
    assert reader.read(np.empty((0, SIZE), np.float32)) == []


def test_the_order_of_prompts_changes_nothing(
    taxonomy: Taxonomy, cache: Path, tmp_path: Path, reader: ZeroShot
) -> None:
    prompts = load_prompts()
    turned = tmp_path / "turned.yaml"
    lines = [f"    {view}: {list(reversed(texts))!r}" for view, texts in prompts.views.items()]
    turned.write_text("\n".join(["replace:", "  views:", *lines]), encoding="utf-8")
    other = open_zero_shot(ZeroShotConfig(prompts=turned), taxonomy, model(), never, cache)
    np.testing.assert_allclose(other.vectors.views, reader.vectors.views, atol=1e-6)


def test_an_archive_of_float16_reads_the_same(reader: ZeroShot) -> None:
    photos = np.concatenate([towards(reader, "wheelchair", 1.5), reader.vectors.views])
    stored = photos.astype("<f2").astype(np.float32)
    for one, other in zip(reader.read(photos), reader.read(stored), strict=True):
        assert one.scene.view_type == other.scene.view_type
        assert one.quality == pytest.approx(other.quality, abs=0.01)
        assert [piece.label for piece in one.evidence[:1]] == [piece.label for piece in other.evidence[:1]]


@pytest.mark.parametrize(
    ("photos", "complaint"),
    [
        (noise(2)[:, :-1], "have 96 numbers"),
        (noise(2)[0], "have 96 numbers"),
        (noise(2) * 2, "its length is not 1"),
        (noise(2) * np.nan, "its length is not 1"),
    ],
)
def test_what_is_no_embedding_is_refused(reader: ZeroShot, photos: np.ndarray, complaint: str) -> None:
    for read in (reader.read, reader.views):
        with pytest.raises(ModelError, match=complaint):
            read(photos)


def test_embeddings_of_another_model_do_not_fit(reader: ZeroShot) -> None:
    assert reader.fits(Embedding("letters", f"{'a' * 40}/fp32", b""))
    assert not reader.fits(Embedding("letters", f"{'a' * 40}/int8", b""))
    assert not reader.fits(Embedding("other", f"{'a' * 40}/fp32", b""))


def test_a_model_without_a_scale_is_no_dual_encoder(taxonomy: Taxonomy, cache: Path) -> None:
    with pytest.raises(ModelError, match="no dual encoder"):
        open_zero_shot(ZeroShotConfig(), taxonomy, model(scale=None), never, cache)


def test_the_fingerprint_changes_with_all_that_counts(taxonomy: Taxonomy, tmp_path: Path, reader: ZeroShot) -> None:
    few = small(tmp_path / "data")
    mine = tmp_path / "mine.yaml"
    mine.write_text("calibration: {centre: 3.9}", encoding="utf-8")

    def print_of(config: ZeroShotConfig, words: Taxonomy, one: Installed) -> str:
        return open_zero_shot(config, words, one, LetterEncoder, tmp_path / "cache").fingerprint

    changed = [
        print_of(ZeroShotConfig(), few, model()),
        print_of(ZeroShotConfig(view_margin=0.3), few, model()),
        print_of(ZeroShotConfig(quality_share=0.5), few, model()),
        print_of(ZeroShotConfig(prompts=mine), few, model()),
        print_of(ZeroShotConfig(), few, model(revision="b" * 40)),
        print_of(ZeroShotConfig(), few, model(name="other")),
        print_of(ZeroShotConfig(), few, model(scale=99.0)),
        reader.fingerprint,
    ]
    assert len(set(changed)) == len(changed) and all(len(one) == 16 for one in changed)
    assert print_of(ZeroShotConfig(), few, model()) == changed[0]


def test_a_concept_that_no_word_names_alone_is_told(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("facet: object\nconcepts:\n  odd: {label: 'chair, odd'}\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        read = open_zero_shot(ZeroShotConfig(), load_taxonomy([mine]), model(), LetterEncoder, cache)
    assert "object/odd" in caplog.text and "chair, odd" not in read.labels


# The look


def test_the_look_follows_the_good_prompts(reader: ZeroShot) -> None:
    good = unit(noise(1, 3) + reader.vectors.positive.sum(axis=0) - reader.vectors.negative.sum(axis=0))
    bad = unit(noise(1, 3) - reader.vectors.positive.sum(axis=0) + reader.vectors.negative.sum(axis=0))
    one, other = reader.read(np.concatenate([good, bad]))
    assert one.quality > 0.9 > 0.1 > other.quality
    assert set(one.quality_parts) == set(load_prompts().quality)


@given(arrays(np.float32, (3, 4), elements=cosines), arrays(np.float32, (3, 4), elements=cosines), st.floats(0, 200))
def test_a_look_is_the_softmax_over_its_pair(positive: np.ndarray, negative: np.ndarray, scale: float) -> None:
    shares = looks(positive, negative, scale)
    assert np.all((shares >= 0) & (shares <= 1))
    np.testing.assert_allclose(shares + looks(negative, positive, scale), 1.0, atol=1e-6)
    growth = np.exp(scale * np.stack([positive, negative]).astype(np.float64))
    np.testing.assert_allclose(shares, growth[0] / growth.sum(axis=0), atol=1e-4)


shares = st.floats(0, 1)


@given(shares, shares, shares, shares)
def test_quality_is_a_mean_of_its_two_parts(technical: float, look: float, share: float, more: float) -> None:
    joined = join_quality(technical, look, share)
    assert min(technical, look) - 1e-9 <= joined <= max(technical, look) + 1e-9
    assert join_quality(max(technical, more), look, share) >= joined - 1e-12
    assert join_quality(technical, max(look, more), share) >= joined - 1e-12
    assert join_quality(technical, look, 0.0) == pytest.approx(technical)
    assert join_quality(technical, look, 1.0) == pytest.approx(look)
    assert join_quality(None, look, share) == look


@pytest.mark.parametrize("values", [(1.1, 0.5, 0.5), (0.5, -0.1, 0.5), (0.5, 0.5, 2.0), (float("nan"), 0.5, 0.5)])
def test_what_is_no_share_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="not within 0 and 1"):
        join_quality(*values)


# With a real dual encoder in the published layout


def test_a_real_model_is_read_end_to_end(tmp_path: Path) -> None:
    from urbextag.models.dual_encoder import ImageEncoder, TextEncoder

    spec = ModelSpec.model_validate_json((TINY / "spec.json").read_text(encoding="utf-8"))
    parts = {part: TINY / file.path for part, file in {**spec.files["fp32"], **spec.common}.items()}
    found = Installed(spec, "f" * 40, "fp32", parts)
    few = small(tmp_path / "data")
    told: list[tuple[int, int]] = []

    def read(told: Callable[[int, int], None]) -> ZeroShot:
        return open_zero_shot(ZeroShotConfig(), few, found, lambda: TextEncoder(found, 1), tmp_path / "cache", told)

    reader = read(lambda *done: told.append(done))
    assert told[-1][0] == told[-1][1] > 500
    images = ImageEncoder(found, 1)
    images.load()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), np.uint8)
    vectors = images.encode(list(pictures))
    readings = reader.read(vectors)
    assert len(readings) == 3 and reader.views(vectors) == [reading.scene for reading in readings]
    again = read(lambda *done: pytest.fail("the prompts are known"))
    assert again.fingerprint == reader.fingerprint and again.read(vectors) == readings
    assert isinstance(reader.vectors, Vectors)
    assert reader.fits(Embedding(spec.name, found.identity, b""))
