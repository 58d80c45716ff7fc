from __future__ import annotations

from dataclasses import replace

import pytest

from small_taxonomy import said, small, tags
from urbextag.records import Context, Evidence, Record, SceneResult, TagScore
from urbextag.taxonomy import (
    Taxonomy,
    band,
    derive,
    infer_view,
    load_taxonomy,
)


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("derive") / "data")


BAR = (("florence", "an empty bar with several stools"), ("ram++", "bar stool", 0.88), ("siglip", "bar stool", 0.89))


def test_independent_sources_add_up(taxonomy: Taxonomy) -> None:
    alone = tags(derive(taxonomy, said(BAR[1])))["bar stool"]
    both = tags(derive(taxonomy, said(BAR[1], BAR[2])))["bar stool"]
    assert alone.confidence < both.confidence and band(both.confidence) == "certain"
    assert {why.source for why in both.why} >= {"ram++", "siglip"}
    assert both.ancestors == ("stool", "furniture") and "barstool" in both.synonyms


def test_an_ancestor_is_no_second_tag(taxonomy: Taxonomy) -> None:
    found = tags(derive(taxonomy, said(*BAR, ("florence", "furniture"))))
    assert "bar stool" in found and not {"stool", "furniture"} & found.keys()


def test_a_faint_descendant_does_not_replace_a_certain_ancestor(taxonomy: Taxonomy) -> None:
    record = said(("florence", "stools"), ("ram++", "stool", 0.95), ("ram++", "bar stool", 0.6))
    found = tags(derive(taxonomy, record))
    assert "stool" in found and "bar stool" not in found


def test_a_generic_concept_is_a_tag_where_nothing_better_is_known(taxonomy: Taxonomy) -> None:
    assert set(tags(derive(taxonomy, said(("florence", "old furniture"))))) == {"furniture"}


@pytest.mark.parametrize("score", [0.5, 0.52, 0.55])
def test_a_tagger_at_one_half_says_next_to_nothing(taxonomy: Taxonomy, score: float) -> None:
    assert not derive(taxonomy, said(("ram++", "gurney", score))).tags


def test_a_verifier_speaks_by_small_absolute_scores(taxonomy: Taxonomy) -> None:
    assert tags(derive(taxonomy, said(("siglip", "gurney", 0.3))))["gurney"].confidence > 0.4
    assert not derive(taxonomy, said(("siglip", "gurney", 0.001))).tags


def test_folder_alone_makes_no_tag_even_in_the_right_place(taxonomy: Taxonomy) -> None:
    record = said(("folder", "hospital"), ("folder", "hospital ward"), location_type="hospital", view_type="interior")
    assert derive(taxonomy, record).tags == ()


def test_filename_alone_is_at_best_possible_and_helps_what_is_seen(taxonomy: Taxonomy) -> None:
    named = ("filename", "gurney_01")
    only = tags(derive(taxonomy, said(named, ("folder", "gurney"), location_type="hospital")))["gurney"]
    assert band(only.confidence) == "possible"
    seen = tags(derive(taxonomy, said(named, ("florence", "a gurney"))))["gurney"]
    assert seen.confidence > tags(derive(taxonomy, said(("florence", "a gurney"))))["gurney"].confidence


def test_words_on_signs_name_places_not_things(taxonomy: Taxonomy) -> None:
    found = tags(derive(taxonomy, said(("ocr", "HOSPITAL", 0.97), ("ocr", "BED", 0.97))))
    assert set(found) == {"hospital"}


def test_place_of_context_raises_and_lowers(taxonomy: Taxonomy) -> None:
    def gurney(**context: object) -> float:
        return tags(derive(taxonomy, said(("florence", "a gurney"), **context)))["gurney"].confidence

    assert gurney(location_type="hospital") > gurney() > gurney(location_type="church")
    assert gurney(location_type="hospital") > gurney(location_type="medical") > gurney()
    assert gurney(location_type="place unheard of") == gurney()


def test_a_contradicting_view_lowers(taxonomy: Taxonomy) -> None:
    def tree(**context: object) -> float:
        return tags(derive(taxonomy, said(("florence", "a tree"), ("ram++", "tree", 0.9), **context)))[
            "tree"
        ].confidence

    assert tree(view_type="exterior") >= tree() > tree(view_type="interior")


def test_the_era_of_context_weighs_on_cues(taxonomy: Taxonomy) -> None:
    def deco(era: tuple[int, int] | None) -> float:
        found = tags(derive(taxonomy, said(("florence", "art deco"), ("ram++", "art deco", 0.7), era=era)))
        return found["art deco"].confidence

    assert deco((1925, 1935)) > deco(None) > deco((1870, 1890))


def test_what_excludes_lowers_the_less_likely(taxonomy: Taxonomy) -> None:
    bench = ("ram++", "bench", 0.8)
    alone = tags(derive(taxonomy, said(bench)))["bench"].confidence
    record = said(bench, ("florence", "tall grass"), ("ram++", "grass", 0.95))
    assert tags(derive(taxonomy, record)).get("bench", replace(TAG, confidence=0.0)).confidence < alone


TAG = TagScore("x", "x", 0.0, (), (), ())


def test_an_implied_concept_is_weak_and_its_reason_is_told(taxonomy: Taxonomy) -> None:
    steeple = (("florence", "a steep steeple"), ("ram++", "steeple", 0.9))
    assert "church" not in tags(derive(taxonomy, said(*steeple))), "an implication alone is too weak"
    church = ("ram++", "church", 0.7)
    with_it, without = (tags(derive(taxonomy, said(church, *more)))["church"] for more in (steeple, ()))
    assert with_it.confidence > without.confidence
    assert any(why.source == "implied" and why.label == "steeple" for why in with_it.why)


def test_the_view_is_inferred_and_its_name_is_a_tag(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*BAR))
    assert derived.view_type == "interior" and derived.view_confidence > 0.6
    assert "interior" in tags(derived) and "exterior" not in tags(derived)


def test_infer_view_gives_reasons_and_abstains(taxonomy: Taxonomy) -> None:
    view, sure, reasons = infer_view(taxonomy, said(*BAR).evidence)
    assert view == "interior" and 0.6 < sure < 1 and any("bar stool" in reason for reason in reasons)
    assert infer_view(taxonomy, ()) == ("unknown", 0.0, ())
    assert infer_view(taxonomy, said(("florence", "a bar"), ("florence", "a tree")).evidence)[0] == "unknown"


def test_an_aerial_view_shows_exteriors_and_is_named(taxonomy: Taxonomy) -> None:
    outdoors = (("florence", "roofs, trees and grass"), ("ram++", "tree", 0.99), ("ram++", "roof", 0.9))
    assert infer_view(taxonomy, said(*outdoors).evidence)[0] == "exterior"
    named = said(*outdoors, ("camera", "drone", 1.0), ("florence", "an aerial view")).evidence
    assert infer_view(taxonomy, named)[0] == "aerial"


def test_scene_outranks_inference_and_the_owner_outranks_both(taxonomy: Taxonomy) -> None:
    scene = SceneResult("detail", 0.9, "siglip")
    by_scene = derive(taxonomy, said(*BAR), scene)
    assert (by_scene.view_type, by_scene.view_confidence) == ("detail", 0.9)
    by_hand = derive(taxonomy, said(*BAR, view_type="interior"), scene)
    assert (by_hand.view_type, by_hand.view_confidence) == ("interior", 1.0)
    assert derive(taxonomy, said(*BAR), SceneResult("unknown", 0.0, "siglip")).view_type == "interior"


def test_text_on_signs_shows_no_view(taxonomy: Taxonomy) -> None:
    sign = (("ocr", "BAR", 0.99), ("ocr", "RESTAURANT", 0.99), ("ocr", "WARD", 0.99), ("ocr", "INDOOR", 0.99))
    read = derive(taxonomy, said(*sign), SceneResult("unknown", 0.0, "rules"))
    assert (read.view_type, read.view_confidence) == ("unknown", 0.0) and "restaurant" in tags(read)
    seen = tuple(("florence", label) for _, label, _ in sign)
    assert derive(taxonomy, said(*seen)).view_type == "interior"
    assert derive(taxonomy, said(*seen, *sign)).view_confidence == derive(taxonomy, said(*seen)).view_confidence
    assert infer_view(taxonomy, said(*sign).evidence)[0] == "unknown"


def test_rulings_come_before_condition_era_and_view(taxonomy: Taxonomy) -> None:
    record = said(*DECAY, ("ram++", "collapsed roof", 0.95), ("ram++", "art deco", 0.95), ("ram++", "grass", 0.99))
    before = derive(taxonomy, record)
    assert before.condition is not None and before.condition.score > 0.8 and before.view_type == "exterior"
    ids = {tag.label: tag.id for tag in before.tags}
    ruled = derive(taxonomy, record, None, {ids["collapsed roof"]: False, ids["art deco"]: False})
    assert ruled.condition is not None and ruled.condition.score < 0.5 and ruled.era == ()
    unsure = derive(taxonomy, record, None, {"view/exterior": False})
    assert (unsure.view_type, unsure.view_confidence) == ("unknown", 0.0)
    inside = derive(taxonomy, record, SceneResult("exterior", 0.9, "rules"), {"view/interior": True})
    assert inside.view_type == "interior" and "exterior" not in tags(inside)
    page = derive(taxonomy, record, None, {"view/document": True, ids["peeling paint"]: True})
    assert page.condition is None and "peeling paint" in tags(page) and "collapsed roof" not in tags(page)


def test_what_a_person_says_keeps_its_place_in_the_budget() -> None:
    packaged = load_taxonomy()
    every = tuple(Evidence("florence", concept.label) for concept in packaged.concepts.values())
    ruled = dict.fromkeys(sorted(packaged.concepts)[:30], True)
    derived = derive(packaged, Record("all", Context(), every), None, ruled)
    assert {tag.id for tag in derived.tags} == ruled.keys()
    assert len(derive(packaged, Record("all", Context(), every), None, dict([*ruled.items()][:3])).tags) == 25


DECAY = (("florence", "peeling paint and a collapsed roof"), ("ram++", "peeling paint", 0.9))


def test_unmatched_words_are_those_of_models_and_people(taxonomy: Taxonomy) -> None:
    record = said(("florence", "a conveyor belt and a hopper"), ("ram++", "hoppers", 0.9), ("ocr", "ZYGOTE LTD", 0.9),
                  ("filename", "DSC_frobnicator"), ("folder", "gizmo"), ("keyword", "lathe"))  # fmt: skip
    assert derive(taxonomy, record).unmatched == ("conveyor belt", "hopper", "lathe")


def test_the_budget_holds() -> None:
    packaged = load_taxonomy()
    every = tuple(Evidence("florence", concept.label) for concept in packaged.concepts.values())
    derived = derive(packaged, Record("all", Context(), every))
    assert len(derived.tags) == packaged.sources.rules.budget == 25


def test_a_view_named_and_shown_is_not_counted_twice(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(("florence", "an aerial view")))
    assert tags(derived)["aerial"].confidence <= 0.85, "one caption alone stays below its cap"


def test_context_cannot_carry_faint_evidence(taxonomy: Taxonomy) -> None:
    faint = said(("ram++", "gurney", 0.56), location_type="hospital", view_type="interior")
    assert not [tag for tag in derive(taxonomy, faint).tags if tag.label == "gurney"]


def test_the_text_of_a_document_is_not_what_the_photo_shows(taxonomy):
    shop = Evidence("ocr", "HOSPITAL", 0.97)
    sign = derive(taxonomy, Record("sign", Context(view_type="exterior"), (shop,)))
    page = derive(taxonomy, Record("page", Context(view_type="document"), (shop,)))
    both = derive(taxonomy, Record("both", Context(view_type="document"), (shop, Evidence("keyword", "hospital"))))
    assert [("hospital" in tags(one)) for one in (sign, page, both)] == [True, False, True]


def test_words_on_signs_mean_what_signs_mean() -> None:
    packaged = load_taxonomy()
    page = said(("ocr", "MILL CLOSES AFTER NINETY YEARS", 0.99), ("ocr", "DANGER", 0.99), view_type="exterior")
    derived = derive(packaged, page)
    assert [hint.concept for hint in derived.era] == []
    assert "warning sign" in tags(derived)
