"""The roll-up of a location: distinct views, tags, condition and era, as pure functions over plain records."""

from dataclasses import replace

import pytest

from places import TAXONOMY, alone, embedded, photo, worn
from urbextag.records import EraHint
from urbextag.rollup import Known, SubLocation, summarise
from urbextag.rollup.condition import condition
from urbextag.rollup.era import place_era
from urbextag.rollup.tags import tag_counts
from urbextag.rollup.views import distinct_views

MOMENT = "2024-05-06T07:08:"


def names(views):
    return [[one.sha for one in view.photos] for view in views]


def shot(sha, second, camera="Nikon D1", **more):
    return photo(sha, camera=camera, taken=f"{MOMENT}{second:02}", **more)


def test_a_raw_and_its_developed_picture_are_one():
    developed = photo("a", "gurney")
    raw = replace(developed, sha="r", pair_sha="a", quality=0.9)
    assert names(distinct_views([developed, raw])) == [["a"]]
    assert names(distinct_views([raw])) == [["r"]]
    assert summarise([developed, raw], TAXONOMY).photos == 1


def test_near_duplicates_are_one_view_and_the_best_speaks():
    found = [photo("a", quality=0.4), photo("b", quality=0.8), photo("c", quality=0.9)]
    assert names(distinct_views(found, embedded(a=0.0, b=0.1, c=1.0))) == [["b", "a"], ["c"]]


def test_likeness_that_is_less_is_enough_within_a_burst():
    near = embedded(a=0.0, b=0.4)  # cosine 0.92
    assert len(distinct_views([shot("a", 1), shot("b", 3)], near)) == 1
    assert len(distinct_views([shot("a", 1), shot("b", 30)], near)) == 2
    assert len(distinct_views([shot("a", 1), shot("b", 3, camera="Leica M3")], near)) == 2


def test_where_pictures_can_be_compared_the_clock_alone_does_not_decide():
    assert len(distinct_views([shot("a", 1), shot("b", 1)], embedded(a=0.0, b=1.5))) == 2


def test_without_embeddings_the_clock_decides_from_the_first_photo_on():
    walk = [shot(f"p{second}", second) for second in range(0, 10, 2)]
    assert names(distinct_views(walk)) == [["p0", "p2"], ["p4", "p6"], ["p8"]]
    assert len(distinct_views([shot("a", 1), shot("b", 2, view="exterior")])) == 2
    assert len(distinct_views([shot("a", 1, camera=None), shot("b", 1, camera=None)])) == 2
    assert len(distinct_views([photo("a", camera="x", taken="no time"), photo("b", camera="x", taken="no time")])) == 2


def test_a_photo_without_an_embedding_joins_one_that_has_one():
    found = [shot("a", 1, quality=0.9), shot("b", 2), photo("c", quality=0.8)]
    assert names(distinct_views(found, embedded(b=0.0, c=0.1))) == [["a", "c", "b"]]


def test_parts_of_a_place_are_kept_apart():
    found = [photo("a", subid="north"), photo("b", subid="south")]
    assert len(distinct_views(found, embedded(a=0.0, b=0.0))) == 2


def test_a_photo_that_a_person_spoke_about_speaks_for_its_view():
    found = [photo("a", "gurney", quality=0.9), photo("b", quality=0.1, reviewed=True)]
    assert summarise(found, TAXONOMY, None, embedded(a=0.0, b=0.0)).tags == ()


def test_tags_are_counted_by_view_and_photo_with_the_best_examples():
    found = [photo("a", "gurney", quality=0.2), photo("b", "gurney=0.8", "graffiti"), photo("c", "gurney", quality=0.1)]
    counts = {count.label: count for count in tag_counts(distinct_views(found, embedded(a=0.0, b=2.0, c=0.0)))}
    gurney = counts["gurney"]
    assert (gurney.views, gurney.photos, gurney.facet) == (2, 3, "object")
    assert gurney.share == pytest.approx(1.7 / 2) and gurney.confidence == pytest.approx(0.85)
    assert [one.name for one in gurney.examples] == ["b.jpg", "a.jpg"]
    assert (counts["graffiti"].views, counts["graffiti"].share) == (1, pytest.approx(0.45))


def test_condition_is_the_mean_of_the_views_that_tell():
    told = condition(alone(photo("a", condition=worn(0.8)), photo("b", condition=worn(0.4)), photo("c")))
    assert (told.score, told.label, told.views) == (pytest.approx(0.6), "decayed", 2)
    assert condition(alone(photo("c"))) is None


def test_elements_have_a_level_a_share_and_what_shows_them():
    views = alone(
        photo("a", condition=worn(0.9, roof=0.9, paint=0.5)),
        photo("b", condition=worn(0.3, paint=0.3)),
        photo("c", condition=worn(0.1)),
    )
    roof, paint = condition(views).elements
    assert (roof.element, roof.level, roof.label, roof.views) == ("roof", 3, "ruined", 1)
    assert roof.share == pytest.approx(1 / 3) and roof.examples[0].name == "a.jpg"
    assert (paint.score, paint.label, paint.levels) == (pytest.approx(0.4), "worn", (0, 1, 1, 0))
    assert paint.because == ("bad paint",)


def hint(first, last, concept="era/art-deco", kind="built", sure=0.8):
    return EraHint((first, last), concept, kind, sure, (f"florence: {concept}",))


def test_the_era_is_what_the_cues_have_in_common_with_their_chain():
    deco, phone = hint(1920, 1940), hint(1925, 1985, "object/rotary-phone", "used", 0.6)
    era = place_era(alone(photo("a", era=(deco,)), photo("b", era=(deco, phone))))
    assert era.built == (1920, 1940) and era.conflicts == ()
    cues = {cue.concept: cue for cue in era.chain}
    assert (cues["era/art-deco"].views, [one.name for one in cues["era/art-deco"].examples]) == (2, ["a.jpg", "b.jpg"])
    assert cues["era/art-deco"].because == ("florence: era/art-deco",)
    assert cues["object/rotary-phone"].kind == "used"


def test_cues_that_cannot_both_hold_are_shown_as_a_conflict():
    views = alone(
        *(photo(sha, era=(hint(1920, 1940),)) for sha in "abc"), photo("d", era=(hint(1837, 1901, "victorian"),))
    )
    era = place_era(views)
    assert era.built == (1920, 1940)
    assert [(one.concept, other.concept) for one, other in era.conflicts] == [("era/art-deco", "victorian")]
    assert place_era(alone(photo("a"))) is None


@pytest.mark.parametrize("old", [{"view": "document"}, {"labels": ("archival photograph",)}])
def test_documents_and_historic_photographs_tell_of_no_condition_and_no_era(old):
    labels, view = old.get("labels", ()), old.get("view", "interior")
    views = alone(photo("a", *labels, view=view, condition=worn(0.9), era=(hint(1920, 1940),)))
    assert (condition(views), place_era(views)) == (None, None)


def test_a_photo_that_only_a_person_tagged_counts():
    summary = summarise([photo("a", "gurney=1", view="unknown", quality=None)], TAXONOMY)
    assert [tag.label for tag in summary.tags] == ["gurney"]
    assert (summary.hero.name, summary.hero.reasons) == ("a.jpg", ("a view of unknown kind", "quality not measured"))


def test_nothing_says_nothing():
    summary = summarise([], TAXONOMY)
    assert (summary.photos, summary.tags, summary.hero, summary.suggestions, summary.era) == (0, (), None, (), None)


def test_parts_are_summed_up_by_themselves():
    known = Known(subs=(SubLocation("n", "North Wing", 3), SubLocation("s", "South Wing", 0)))
    found = [photo("a", "gurney", subid="n", condition=worn(0.5)), photo("b", "pew")]
    north, south = summarise(found, TAXONOMY, known).sublocations
    assert (north.name, north.photos, north.distinct_views, north.tags) == ("North Wing", 3, 1, ("gurney",))
    assert north.condition.label == "decayed" and (south.distinct_views, south.condition) == (0, None)
