"""The roll-up of a location: pure functions over plain records."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from urbextag.records import EraHint
from urbextag.rollup import PhotoSummary, PhotoTag, condition, era, hero, suggest_type, summarise, tag_counts
from urbextag.taxonomy import load_taxonomy


@pytest.fixture(scope="module")
def taxonomy():
    return load_taxonomy()


def photo(sha, *labels, taxonomy=None, view="interior", quality=0.5, **more):
    tags = []
    for label in labels:
        concept = taxonomy.find(label)
        tags.append(PhotoTag(concept.id, concept.label, 0.9))
    return PhotoSummary(sha, f"{sha}.jpg", view, 0.9, quality, tuple(tags), **more)


def test_tags_are_counted_with_examples(taxonomy):
    photos = [photo("a", "gurney", "graffiti", taxonomy=taxonomy), photo("b", "gurney", taxonomy=taxonomy)]
    counts = {count.label: count for count in tag_counts(photos)}
    assert (counts["gurney"].photos, counts["gurney"].share, counts["gurney"].examples) == (2, 1.0, ("a.jpg", "b.jpg"))
    assert counts["graffiti"].photos == 1


def test_a_raw_and_its_developed_picture_are_one(taxonomy):
    developed = photo("a", "gurney", taxonomy=taxonomy)
    raw = replace(developed, sha="r", pair_sha="a")
    assert summarise([developed, raw], taxonomy).photos == 1
    assert summarise([raw], taxonomy).photos == 1


def test_condition_is_the_mean_of_those_that_tell():
    photos = [photo("a", condition=0.8), photo("b", condition=0.4), photo("c")]
    assert condition(photos).score == pytest.approx(0.6)
    assert condition([photo("c")]) is None


def test_era_cues_are_counted_by_photo():
    hint = EraHint((1920, 1940), "era/art-deco", "built", 0.8)
    cues = era([photo("a", era=(hint,)), photo("b", era=(hint, EraHint((1987, 1987), "1987", "used", 0.3)))])
    assert [(cue.concept, cue.photos) for cue in cues] == [("era/art-deco", 2), ("1987", 1)]


def test_the_kind_of_place_follows_from_what_the_photos_show(taxonomy):
    photos = [photo("a", "hospital", taxonomy=taxonomy), photo("b", "gurney", taxonomy=taxonomy)]
    found = suggest_type(photos, taxonomy)
    assert (found.type, found.stype) == ("Medical", "hospital")
    assert found.photos[0] == "a.jpg"
    assert 0 < found.share <= 1


def test_two_photos_of_one_name_are_two_voices(taxonomy):
    photos = [replace(photo(sha, "hospital", taxonomy=taxonomy), name="IMG_1.JPG") for sha in ("a", "b")]
    assert suggest_type(photos, taxonomy).photos == ("IMG_1.JPG", "IMG_1.JPG")


def test_one_weak_hint_suggests_nothing(taxonomy):
    assert suggest_type([photo("a", "gurney", taxonomy=taxonomy)], taxonomy) is None
    assert suggest_type([], taxonomy) is None


def test_hero_prefers_an_exterior_and_never_takes_a_document():
    inside, outside = photo("in", quality=0.6), photo("out", view="exterior", quality=0.5)
    scan = photo("scan", view="document", quality=1.0)
    assert hero([inside, outside, scan]).sha == "out"
    assert hero([scan]) is None
    assert "exterior view" in hero([outside]).reasons


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_order_never_matters(taxonomy, order):
    labels = ("gurney", "graffiti", "hospital", "peeling paint", "boiler", "pew")
    photos = [photo(str(i), labels[i], labels[(i + 1) % 6], taxonomy=taxonomy, quality=i / 10) for i in range(6)]
    assert summarise([photos[i] for i in order], taxonomy) == summarise(photos, taxonomy)
