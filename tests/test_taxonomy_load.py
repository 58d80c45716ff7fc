from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from small_taxonomy import SMALL, WORDS, small, write
from urbextag.cli.taxonomy import taxonomy as command
from urbextag.errors import TaxonomyError
from urbextag.taxonomy import FACETS, Taxonomy, load_taxonomy
from urbextag.taxonomy.load import DATA


def faults(data: Path, *user: Path) -> str:
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(user, data=data)
    assert caught.value.exit_code == 7
    return caught.value.message


def test_ids_ancestors_labels_and_references(tmp_path: Path) -> None:
    taxonomy = small(tmp_path / "data")
    stool = taxonomy.concepts["object/furniture/stool/bar-stool"]
    assert (stool.label, stool.ancestors) == ("bar stool", ("stool", "furniture"))
    assert stool.lineage == ("object/furniture/stool", "object/furniture")
    assert stool.places == ("place/commercial/restaurant",)
    assert taxonomy.concepts["element/steeple"].implies == ("place/faith/church",)
    assert taxonomy.concepts["view/interior"].views == ("interior",)
    assert taxonomy.views["document"] == "view/document"


def test_find_by_id_slug_label_and_synonym_folded(tmp_path: Path) -> None:
    taxonomy = small(tmp_path / "data")
    for text in ("object/furniture/stool/bar-stool", "bar-stool", "Bar Stools", "BARSTOOL", " counter stools "):
        found = taxonomy.find(text)
        assert found is not None and found.slug == "bar-stool", text
    assert taxonomy.find("spaceship") is None
    assert taxonomy.find("") is None


def test_place_finds_classes_and_categories_only(tmp_path: Path) -> None:
    taxonomy = small(tmp_path / "data")
    hospital, medical = taxonomy.place("Hospital"), taxonomy.place("medical")
    assert hospital is not None and hospital.id == "place/medical/hospital"
    assert medical is not None and medical.category
    assert taxonomy.place("bar stool") is None


@pytest.mark.parametrize(
    ("stem", "text", "line", "complaint"),
    [
        ("object", "facet: object\nconcepts:\n  bed: {}\n  chair: {}\n  bed: {}\n", 5, "bed stands twice"),
        (
            "object2",
            "facet: object\nconcepts:\n  cot: {}\n  bench: {}\n",
            4,
            "bench is already defined at object.yaml:",
        ),
        (
            "object2",
            "facet: object\nconcepts:\n  settle: {synonyms: [benches]}\n",
            3,
            "belongs to object/furniture/bench",
        ),
        ("object2", "facet: object\nconcepts:\n  slab:\n    label: Shelves\n", 4, "belongs to object/furniture/shelf"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    parent: sofa\n", 4, "unknown parent sofa"),
        ("object2", "facet: object\nconcepts:\n  a1: {parent: b1}\n  b1: {parent: a1}\n", 3, "a1 is its own ancestor"),
        ("object2", "facet: object\nconcepts:\n  cot:\n\n    places: [moon base]\n", 5, "unknown place moon base"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    implies: [room/attic]\n", 4, "unknown concept room/attic"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    excludes: [bed]\n", 4, "unknown concept bed"),
        (
            "era",
            "facet: era\nconcepts:\n  late:\n    years: [1990, 1980]\n",
            4,
            "begin in 1990, after they end in 1980",
        ),
        ("era", "facet: era\nconcepts:\n  late:\n    years: [1490, 1980]\n", 4, "whole number between 1500 and 2100"),
        ("era", "facet: era\nconcepts:\n  late:\n    years: 1990\n", 4, "years must be a list"),
        (
            "condition",
            "facet: condition\nconcepts:\n  mould:\n    decay: 1.4\n",
            4,
            "decay must be a number between 0 and 1",
        ),
        ("condition", "facet: condition\nconcepts:\n  mould:\n    decay: bad\n", 4, "decay must be a number"),
        ("condition", "facet: condition\nconcepts:\n  mould:\n    element: cellar\n", 4, "unknown element cellar"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    colour: red\n", 4, "unknown field colour"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    synonyms: bunk\n", 4, "synonyms must be a list"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    synonyms: [bunk, no]\n", 4, "put it in quotes"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    generic: maybe\n", 4, "generic must be true or false"),
        ("object2", "facet: object\nconcepts:\n  cot:\n    views: [inside]\n", 4, "unknown view inside"),
        ("object2", "facet: object\nconcepts:\n  Big_Cot: {}\n", 3, "bad slug Big_Cot"),
        ("object2", "facet: objects\nconcepts:\n  cot: {}\n", 1, "unknown facet objects"),
        ("object2", "facet: object\nconcepts:\n  cot: [\n", 4, "is not YAML"),
        ("object2", "facet: object\nconcept:\n  cot: {}\n", 2, "unknown field concept"),
        ("object2", "", 1, "is empty"),
    ],
)
def test_every_fault_names_file_and_line(tmp_path: Path, stem: str, text: str, line: int, complaint: str) -> None:
    message = faults(write(tmp_path / "data", {stem: text}))
    assert re.search(rf"^{stem}\.yaml:{line}: .*{re.escape(complaint)}", message, re.MULTILINE), message


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    data = write(
        tmp_path / "data",
        {
            "object2": "facet: object\nconcepts:\n  cot: {decay: 3}\n  Pot: {}\n",
            "era": "facet: era\nconcepts:\n  late: {years: [1990, 1980]}\n",
        },
    )
    message = faults(data)
    assert message.startswith("3 faults")
    for where in ("era.yaml:3", "object2.yaml:3", "object2.yaml:4"):
        assert f"\n{where}: " in message


def test_an_ignored_word_that_names_a_concept_is_a_fault(tmp_path: Path) -> None:
    message = faults(write(tmp_path / "data", words="ignore:\n  - photo\n  - Windows\n"))
    assert "words.yaml:3: 'window' is ignored and names element/window" in message


def test_sources_are_validated_too(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    path = data / "sources.yaml"
    path.write_text(path.read_text().replace("threshold: 0.4", "threshold: 4"))
    assert re.search(r"sources\.yaml:\d+: threshold must be a number", faults(data))
    path.write_text(path.read_text().replace("threshold: 4", "treshold: 0.4"))
    assert re.search(r"sources\.yaml:\d+: unknown field treshold", faults(data))


def test_a_user_file_adds_overrides_fields_and_removes(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "facet: object\nconcepts:\n"
        "  bed: {synonyms: [cot]}\n"
        "  pew: {remove: true}\n"
        "  projector: {synonyms: [film projector, eerie]}\n"
    )
    before, after = load_taxonomy(data=data), load_taxonomy([mine], data=data)
    bed = after.find("cot")
    assert bed is not None and bed.id == "object/furniture/bed", "fields that the user does not name stay"
    assert after.find("pew") is None and before.find("pew") is not None
    assert after.find("film projectors") is after.concepts["object/projector"]
    assert [found.concept.slug for found in after.match("eerie").found] == ["projector"], (
        "a user may claim ignored words"
    )
    assert before.version != after.version
    assert re.fullmatch("[0-9a-f]{16}", after.version)


def test_faults_of_a_user_file_name_that_file(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    mine = tmp_path / "mine.yaml"
    mine.write_text("facet: object\nconcepts:\n  spade:\n    synonyms: [shelf]\n  furniture: {remove: true}\n")
    message = faults(data, mine)
    assert "unknown parent furniture" in message and "object.yaml" in message
    mine.write_text("facet: object\nconcepts:\n  spade:\n    synonyms: [shelf]\n")
    assert f"{mine}:4: 'shelf' of object/spade belongs to object/furniture/shelf already" in faults(data, mine)
    assert f"{tmp_path}/none.yaml:1: cannot be read" in faults(data, tmp_path / "none.yaml")


def test_a_user_file_maps_and_ignores_words_and_holds_several_facets(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "map: {sleeper: object/bed, cot: object/furniture/bed, eerie: room/bar}\n"
        "ignore: [shimmer, bench]\n"
        "concepts:\n  room/linen-store:\n  object/linen-store-key: {parent: furniture}\n"
    )
    after = load_taxonomy([mine], data=data)
    for word in ("sleepers", "cot"):
        found = after.find(word)
        assert found is not None and found.id == "object/furniture/bed"
    assert after.concepts["object/furniture/bed"].synonyms == ("sleeper", "cot")
    assert [found.concept.slug for found in after.match("eerie").found] == ["bar"], "packaged ignored words are free"
    assert after.match("a shimmer").leftover == () != small(tmp_path / "other").match("a shimmer").leftover
    assert [found.concept.slug for found in after.match("bench").found] == ["bench"], "a concept's word is not dropped"
    assert {"room/linen-store", "object/furniture/linen-store-key"} <= after.concepts.keys()
    alone = tmp_path / "alone.yaml"
    alone.write_text("ignore: [glimmer]\n")
    assert load_taxonomy([mine, alone], data=data).match("glimmer and shimmer").leftover == ()


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("map:\n  sleeper: object/hammock\n", 2, "unknown concept object/hammock in map"),
        ("map:\n  sleeper: bed\n", 2, "unknown concept bed in map"),
        ("map:\n  shelves: object/bed\n", 2, "'shelves' of object/furniture/bed belongs to object/furniture/shelf"),
        ("map: [sleeper]\n", 1, "map must be a mapping"),
        ("map:\n  sleeper: [object/bed]\n", 2, "the concept that sleeper names must be a text"),
        ("ignore:\n  shimmer: 1\n", 2, "ignore must be a list"),
        ("ignore: [no]\n", 1, "put it in quotes"),
        ("concepts:\n  sleeper: {}\n", 2, "facet is missing"),
        ("concepts:\n  things/sleeper: {}\n", 2, "unknown facet things"),
        ("concepts:\n  object/Big: {}\n", 2, "bad slug Big"),
        ("facet: object\n", 1, "concepts is missing"),
    ],
)
def test_every_fault_of_a_user_file_names_its_line(tmp_path: Path, text: str, line: int, complaint: str) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    message = faults(write(tmp_path / "data"), mine)
    assert re.search(rf"^{re.escape(str(mine))}:{line}: .*{re.escape(complaint)}", message, re.MULTILINE), message


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    first = load_taxonomy(data=data).version
    assert load_taxonomy(data=data).version == first
    (data / "words.yaml").write_text(WORDS + "# a note\n")
    assert load_taxonomy(data=data).version != first


def test_a_taxonomy_cannot_be_changed(tmp_path: Path) -> None:
    taxonomy = small(tmp_path / "data")
    with pytest.raises(TypeError):
        taxonomy.concepts["x"] = taxonomy.concepts["element/window"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        taxonomy.concepts["element/window"].label = "pane"  # type: ignore[misc]


def test_the_packaged_taxonomy_is_valid_large_and_fast() -> None:
    start = time.process_time()
    taxonomy = load_taxonomy()
    assert time.process_time() - start < 1.0
    assert len(taxonomy.concepts) >= 800
    assert {concept.facet for concept in taxonomy.concepts.values()} == set(FACETS)
    assert set(taxonomy.views) == {"interior", "exterior", "aerial", "detail", "document"}


@pytest.fixture(scope="module")
def packaged() -> Taxonomy:
    return load_taxonomy()


APPLICATION = {
    "faith": "church chapel monastery temple synagogue mosque cathedral convent abbey shrine",
    "medical": "hospital sanatorium asylum psychiatric clinic infirmary nursing_home sanitarium",
    "industrial": "factory mill foundry warehouse power_plant refinery mine quarry smelter",
    "education": "school college university academy seminary library gymnasium",
    "residential": "hotel mansion resort apartment dormitory orphanage motel inn lodge",
    "government": "courthouse prison jail post_office armory city_hall penitentiary",
    "commercial": "theater bank department_store office_building shopping_center restaurant",
    "transportation": "train_station airport bus_station depot terminal hangar",
    "military": "base fort bunker barracks arsenal missile_silo",
    "recreation": "amusement_park stadium pool country_club golf_course skating_rink bowling_alley",
    "agricultural": "farm barn silo granary dairy greenhouse",
}


@pytest.mark.parametrize("category", APPLICATION)
def test_every_class_of_the_existing_application_is_a_place(packaged: Taxonomy, category: str) -> None:
    taxonomy = packaged
    top = taxonomy.place(category)
    assert top is not None and top.category and not top.lineage
    for name in APPLICATION[category].split():
        place = taxonomy.place(name.replace("_", " "))
        assert place is not None, name
        assert top.id in place.lineage, f"{name} belongs to {place.lineage}"


def test_the_check_command_says_what_is_wrong(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("facet: object\nconcepts:\n  zeppelin-mooring: {parent: nothing-of-the-kind, decay: 7}\n")
    result = CliRunner().invoke(command, ["check", str(mine)])
    assert isinstance(result.exception, TaxonomyError)
    assert f"{mine}:3: decay must be a number" in str(result.exception)
    fine = CliRunner().invoke(command, ["check"])
    assert fine.exit_code == 0 and "in order" in fine.output


def test_the_stats_command_counts(tmp_path: Path) -> None:
    answer = json.loads(CliRunner().invoke(command, ["stats", "--json"]).output)
    assert set(answer["facets"]) == set(FACETS)
    assert answer["total"]["concepts"] == len(load_taxonomy().concepts)
    shown = CliRunner().invoke(command, ["stats"])
    assert shown.exit_code == 0 and "material" in shown.output


def test_the_packaged_files_hold_one_facet_each() -> None:
    facets = {path.stem for path in DATA.glob("*.yaml")} - {"sources", "words"}
    assert facets >= set(SMALL)
