"""Fusion: what calibration taught, budgets per facet, exclusion, and what names are kinds of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from small_taxonomy import said, small, tags, write
from urbextag.errors import TaxonomyError
from urbextag.records import Context, Evidence, Record
from urbextag.taxonomy import Taxonomy, derive, load_taxonomy
from urbextag.taxonomy.calibration import Calibration
from urbextag.taxonomy.load import DATA


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("fusion") / "data")


@pytest.fixture(scope="module")
def packaged() -> Taxonomy:
    return load_taxonomy()


def taught(taxonomy: Taxonomy, **changes: object) -> Taxonomy:
    return replace(taxonomy, calibration=Calibration(**changes))  # type: ignore[arg-type]


GURNEY = said(("ram++", "gurney", 0.75), ("ram++", "peeling paint", 0.75))


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.3, 2.0])
def test_a_source_counts_as_calibration_taught_it_in_that_facet_only(taxonomy: Taxonomy, factor: float) -> None:
    plain = tags(derive(taxonomy, GURNEY))
    after = tags(derive(taught(taxonomy, reliability={("ram++", "object"): factor}), GURNEY))
    assert after["peeling paint"] == plain["peeling paint"]
    if factor < 1:
        assert "gurney" not in after
    else:
        assert after["gurney"].confidence > plain["gurney"].confidence
        assert after["gurney"].confidence <= taxonomy.sources.get("ram++").cap, "alone it stays below its cap"
    other = taught(taxonomy, reliability={("florence", "object"): 0.0})
    assert derive(other, GURNEY) == derive(taxonomy, GURNEY)


def test_a_source_that_is_not_believed_at_all_says_nothing_of_the_view(packaged: Taxonomy) -> None:
    record = said(("ram++", "pew", 0.95), ("ram++", "altar", 0.9), ("ram++", "hallway", 0.9))
    deaf = taught(packaged, reliability={("ram++", facet): 0.0 for facet in ("object", "element", "room")})
    assert derive(packaged, record).view_type == "interior"
    assert derive(deaf, record).view_type == "unknown" and derive(deaf, record).tags == ()


def test_a_facet_has_the_threshold_that_calibration_taught(taxonomy: Taxonomy) -> None:
    record = said(("ram++", "gurney", 0.68), ("ram++", "peeling paint", 0.68))
    assert {*tags(derive(taxonomy, record))} == {"gurney", "peeling paint"}
    assert {*tags(derive(taught(taxonomy, thresholds={"object": 0.6}), record))} == {"peeling paint"}
    faint = said(("ram++", "gurney", 0.6), ("ram++", "peeling paint", 0.6))
    assert {*tags(derive(taught(taxonomy, thresholds={"object": 0.3}), faint))} == {"gurney"}


@pytest.mark.parametrize(
    ("facet", "record", "label", "source"),
    [
        ("place", said(("florence", "a restaurant"), ("ram++", "menu", 0.75)), "menu", "context"),
        ("nature", said(("florence", "grass"), ("ram++", "bench", 0.72)), "bench", "excluded"),
        ("element", said(("florence", "a steeple"), ("ram++", "church", 0.75)), "church", "implied"),
    ],
)
def test_a_concept_below_its_threshold_has_no_say_on_others(
    taxonomy: Taxonomy, facet: str, record: Record, label: str, source: str
) -> None:
    def reasons(threshold: float) -> set[str]:
        low = dict.fromkeys(("object", "place"), 0.05)
        found = tags(derive(taught(taxonomy, thresholds=low | {facet: threshold}), record))
        return {why.source for why in found[label].why} if label in found else set()

    assert source in reasons(0.5)
    assert source not in reasons(0.8)


def test_a_folder_makes_no_tag_however_low_the_threshold(taxonomy: Taxonomy) -> None:
    low = taught(taxonomy, thresholds={"room": 0.05, "place": 0.05}, reliability={("folder", "room"): 2.0})
    record = said(("folder", "hospital ward"), ("folder", "hospital"), location_type="hospital", view_type="interior")
    assert derive(low, record).tags == ()


def test_a_facet_has_a_budget_beside_the_whole_one(packaged: Taxonomy) -> None:
    every = tuple(Evidence("florence", concept.label) for concept in packaged.concepts.values())
    found = derive(packaged, Record("all", Context(), every)).tags
    counts = {
        facet: sum(tag.id.split("/")[0] == facet for tag in found) for facet in packaged.sources.rules.facet_budget
    }
    assert len(found) == packaged.sources.rules.budget
    assert all(counts[facet] <= most for facet, most in packaged.sources.rules.facet_budget.items())


def test_a_budget_keeps_the_surer_and_more_specific(taxonomy: Taxonomy) -> None:
    rules = replace(taxonomy.sources.rules, facet_budget={"object": 2})
    narrow = replace(taxonomy, sources=replace(taxonomy.sources, rules=rules))
    record = said(
        ("ram++", "gurney", 0.95), ("ram++", "shelf", 0.7), ("ram++", "bar stool", 0.9), ("ram++", "brick", 0.7)
    )
    found = [label for label in tags(derive(narrow, record)) if label != "interior"]
    assert found == ["bar stool", "gurney", "brick"]


def test_what_is_at_home_in_certain_places_ranks_before_what_stands_everywhere(taxonomy: Taxonomy) -> None:
    found = [*tags(derive(taxonomy, said(("ram++", "menu", 0.75), ("ram++", "bus", 0.77))))]
    assert found == ["menu", "bus"]


def test_exclusion_goes_both_ways_and_only_against_the_less_sure(taxonomy: Taxonomy) -> None:
    grass, bench = ("ram++", "grass", 0.7), ("ram++", "bench", 0.7)
    sure_bench = derive(taxonomy, said(grass, bench, ("florence", "a bench")))
    sure_grass = derive(taxonomy, said(grass, bench, ("florence", "grass")))
    assert "grass" not in tags(sure_bench) and "bench" not in tags(sure_grass)
    assert {"grass", "bench"} <= tags(derive(taxonomy, said(grass, bench))).keys(), "nothing is decided between equals"


def test_seasons_exclude_each_other(packaged: Taxonomy) -> None:
    record = said(("florence", "an autumn forest"), ("ram++", "autumn", 0.95), ("ram++", "summer", 0.72))
    assert "summer" not in tags(derive(packaged, record))
    assert "summer" in tags(derive(packaged, said(("ram++", "summer", 0.72))))


def test_a_bar_stool_is_a_stool_and_a_kitchen_a_room(packaged: Taxonomy) -> None:
    record = said(("florence", "a bar stool, a stool and furniture in the room of a kitchen"))
    found = tags(derive(packaged, record))
    assert {"bar stool", "kitchen"} <= found.keys() and not {"stool", "furniture", "room"} & found.keys()
    assert found["bar stool"].id == "object/furniture/bar-stool"
    assert found["bar stool"].ancestors == ("furniture", "stool") and found["kitchen"].ancestors == ("room",)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("facet_budget: {object: -1}", "object must be a whole number between 0 and 1000"),
        ("facet_budget: {objects: 3}", "unknown field objects in facet_budget"),
        ("facet_budget: 3", "facet_budget must be a mapping"),
    ],
)
def test_a_bad_facet_budget_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    folder = write(tmp_path / "data")
    text = (DATA / "sources.yaml").read_text(encoding="utf-8").splitlines()
    changed = [f"  {line}" if one.startswith("  facet_budget") else one for one in text]
    (folder / "sources.yaml").write_text("\n".join(changed), encoding="utf-8")
    with pytest.raises(TaxonomyError, match=complaint):
        load_taxonomy(data=folder)
