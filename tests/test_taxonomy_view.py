"""The view type and its disagreement with what the photo shows."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from small_taxonomy import said, tags
from urbextag.cli.taxonomy import taxonomy as command
from urbextag.records import SceneResult
from urbextag.taxonomy import Taxonomy, derive, is_archive_material, load_taxonomy

PEWS = (
    ("florence", "rows of wooden pews before an altar"),
    ("ram++", "pew", 0.93),
    ("ram++", "altar", 0.9),
    ("ram++", "hallway", 0.9),
)
OUTSIDE = (("florence", "a house with a lawn, trees and a porch under a cloudy sky"), ("ram++", "tree", 0.99))


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def seen(view: str, confidence: float) -> SceneResult:
    return SceneResult(view, confidence, "siglip")  # type: ignore[arg-type]


def test_a_photo_full_of_pews_is_not_aerial(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*PEWS), seen("aerial", 0.9))
    assert derived.view_type == "aerial" and derived.view_confidence < 0.6, "flagged, and less sure"
    assert derived.view_conflict is not None and derived.view_conflict.view_type == "interior"
    assert any(reason.startswith("pew (florence, ram++)") for reason in derived.view_conflict.reasons)


def test_tags_that_are_much_surer_than_the_picture_set_the_view(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*PEWS), seen("aerial", 0.5))
    assert derived.view_type == "interior" and 0.6 < derived.view_confidence < 1
    assert "interior" in tags(derived) and "aerial" not in tags(derived)
    assert derived.view_conflict is not None and derived.view_conflict.reasons[0] == "rather than aerial"


@pytest.mark.parametrize("view", ["interior", "detail", "document"])
def test_a_view_in_which_such_things_may_stand_is_no_conflict(taxonomy: Taxonomy, view: str) -> None:
    derived = derive(taxonomy, said(*PEWS), seen(view, 0.6))
    assert (derived.view_type, derived.view_confidence, derived.view_conflict) == (view, 0.6, None)


def test_an_aerial_view_of_the_outdoors_is_no_conflict(taxonomy: Taxonomy) -> None:
    assert derive(taxonomy, said(*OUTSIDE), seen("aerial", 0.6)).view_conflict is None
    told = derive(taxonomy, said(*OUTSIDE), seen("interior", 0.6))
    assert told.view_conflict is not None and told.view_conflict.view_type == "exterior"


def test_faint_words_are_no_conflict(taxonomy: Taxonomy) -> None:
    faint = said(("ram++", "pew", 0.6), ("ram++", "hallway", 0.58))
    derived = derive(taxonomy, faint, seen("aerial", 0.6))
    assert (derived.view_type, derived.view_confidence, derived.view_conflict) == ("aerial", 0.6, None)


def test_a_view_set_by_hand_stands_and_the_conflict_is_told(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*PEWS, view_type="aerial"), seen("interior", 0.9))
    assert (derived.view_type, derived.view_confidence) == ("aerial", 1.0)
    assert derived.view_conflict is not None and derived.view_conflict.view_type == "interior"


def test_a_person_s_ruling_settles_the_view(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*PEWS), seen("aerial", 0.5), {"view/aerial": True})
    assert (derived.view_type, derived.view_confidence, derived.view_conflict) == ("aerial", 1.0, None)


def test_a_source_that_names_another_view_than_is_shown_is_told(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*PEWS, ("siglip", "aerial view", 0.9)))
    assert derived.view_type != "aerial" or derived.view_confidence < 0.8
    assert derived.view_conflict is not None and derived.view_conflict.view_type == "interior"


def test_derive_tells_the_conflict_as_json() -> None:
    evidence = [{"source": source, "label": label, "score": (*more, None)[0]} for source, label, *more in PEWS]
    line = json.dumps({"id": "a", "context": {"view_type": "aerial"}, "evidence": evidence})
    view = json.loads(CliRunner().invoke(command, ["derive", "-"], input=line).stdout)["view_type"]
    assert (view["value"], view["confidence"], view["conflict"]["value"]) == ("aerial", 1.0, "interior")
    assert 0.6 < view["conflict"]["confidence"] < 1 and view["conflict"]["reasons"]


def test_ways_of_photographing_are_tags_of_any_view(taxonomy: Taxonomy) -> None:
    derived = derive(taxonomy, said(*PEWS, ("florence", "an archival photograph"), ("keyword", "panorama")))
    assert derived.view_type == "interior" and {"archival photograph", "panorama"} <= tags(derived).keys()


def test_documents_and_historic_photos_are_archive_material() -> None:
    assert is_archive_material("document", [])
    assert is_archive_material("exterior", ["nature/sky", "view/archival-photo"])
    assert not is_archive_material("exterior", ["view/black-and-white", "era/vintage"])
