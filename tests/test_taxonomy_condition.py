"""The condition of a place, in all and per element."""

from __future__ import annotations

from dataclasses import replace

import pytest

from small_taxonomy import said, small
from urbextag.records import Evidence, SceneResult
from urbextag.taxonomy import Taxonomy, condition_label, condition_level, derive, load_taxonomy

DECAY = (("florence", "peeling paint and a collapsed roof"), ("ram++", "peeling paint", 0.9))


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("condition") / "data")


def test_condition_follows_the_worst_decay(taxonomy: Taxonomy) -> None:
    mild = derive(taxonomy, said(("florence", "peeling paint"))).condition
    grave = derive(taxonomy, said(*DECAY)).condition
    sound = derive(taxonomy, said(("florence", "well preserved"))).condition
    assert mild is not None and grave is not None and sound is not None
    assert sound.score < mild.score < grave.score
    assert (sound.label, mild.label) == ("sound", "worn") and grave.label in {"decayed", "ruined"}
    assert derive(taxonomy, said(("florence", "a bar"))).condition is None


def test_condition_labels_and_levels_rise() -> None:
    scores = (0.0, 0.3, 0.6, 1.0)
    assert [condition_label(score) for score in scores] == ["sound", "worn", "decayed", "ruined"]
    assert [condition_level(score) for score in scores] == [0, 1, 2, 3]


def test_each_element_has_its_level_and_its_signs(taxonomy: Taxonomy) -> None:
    record = said(
        *DECAY, ("florence", "broken windows"), ("florence", "missing windows"), ("florence", "well preserved")
    )
    condition = derive(taxonomy, record).condition
    assert condition is not None
    assert [one.element for one in condition.elements] == ["roof", "paint", "glazing", "general"]
    by_name = {one.element: one for one in condition.elements}
    assert by_name["glazing"].because == ("missing windows", "broken window"), "the worst first"
    assert [by_name[name].level for name in ("roof", "paint", "glazing", "general")] == [2, 2, 1, 0]
    assert all(one.label == condition_label(one.score) for one in condition.elements)
    assert condition.score >= condition.elements[0].score


@pytest.mark.parametrize(
    "element", ["roof", "glazing", "paint", "floor", "structure", "water", "vegetation", "vandalism", "fire"]
)
def test_every_element_has_words_in_the_packaged_taxonomy(element: str) -> None:
    taxonomy = load_taxonomy()
    decaying = [one for one in taxonomy.concepts.values() if one.element == element and one.decay]
    condition = derive(taxonomy, said(("florence", decaying[0].label), ("ram++", decaying[0].label, 0.95))).condition
    assert condition is not None and element in {one.element for one in condition.elements}


@pytest.mark.parametrize("how", ["evidence", "scene", "context"])
def test_a_document_has_neither_condition_nor_era(taxonomy: Taxonomy, how: str) -> None:
    pieces = (("florence", "a newspaper with a picture"), ("ram++", "newspaper", 0.97)) if how == "evidence" else ()
    scene = SceneResult("document", 0.9, "siglip") if how == "scene" else None
    dated = (("ocr", "JUNE 12, 1954", 0.95), ("florence", "art deco"))
    derived = derive(taxonomy, said(*DECAY, *pieces, *dated, view_type="document" if how == "context" else None), scene)
    assert derived.view_type == "document" and derived.condition is None and derived.era == ()
    assert not any(tag.id.startswith("condition/") for tag in derived.tags)


@pytest.mark.parametrize("by_person", [False, True])
def test_a_historic_photo_has_neither_condition_nor_era(by_person: bool) -> None:
    taxonomy = load_taxonomy()
    record = said(
        *DECAY,
        ("ram++", "house", 0.9),
        ("ram++", "tree", 0.99),
        ("ocr", "JUNE 12, 1954", 0.95),
        ("florence", "art deco"),
    )
    today = derive(taxonomy, record)
    assert today.condition is not None and today.era
    if by_person:
        then = derive(taxonomy, record, None, {"view/archival-photo": True})
    else:
        named = Evidence("florence", "an archival photograph")
        then = derive(taxonomy, replace(record, evidence=(*record.evidence, named)))
    assert then.view_type == today.view_type == "exterior"
    assert then.condition is None and then.era == ()
