"""What one witness is not believed for: a concept with `corroborate` needs two groups of sources that saw it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_taxonomy import write
from urbextag.errors import TaxonomyError
from urbextag.records import Context, Evidence, Record
from urbextag.taxonomy import Taxonomy, derive, load_taxonomy

PERSON = "nature/person"
CAPTION = Evidence("florence", "a man standing in an empty hallway")
SEEN = (Evidence("ram++", "person", 0.95), Evidence("zero-shot", "person", 0.9), Evidence("vlm", "a woman", 0.9))
UNSEEN = (
    Evidence("filename", "person"),
    Evidence("folder", "people"),
    Evidence("ocr", "MAN", 0.99),
    Evidence("camera", "person", 1.0),
)


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def tagged(taxonomy: Taxonomy, *evidence: Evidence, rulings: dict[str, bool] | None = None) -> dict[str, float]:
    derived = derive(taxonomy, Record("x", Context(), evidence), rulings=rulings or {})
    return {tag.id: tag.confidence for tag in derived.tags}


@pytest.mark.parametrize("word", ["person", "people", "a man", "two women", "children", "a group of people", "crowd"])
def test_a_caption_alone_puts_nobody_in_the_room(taxonomy: Taxonomy, word: str) -> None:
    assert taxonomy.match(word).found[0].concept.id == PERSON
    assert PERSON not in tagged(taxonomy, Evidence("florence", word), CAPTION, Evidence("florence", "people"))


@pytest.mark.parametrize("second", SEEN, ids=lambda piece: piece.source)
def test_a_second_witness_makes_the_tag(taxonomy: Taxonomy, second: Evidence) -> None:
    assert PERSON not in tagged(taxonomy, second)
    assert tagged(taxonomy, CAPTION, second)[PERSON] > 0.6


@pytest.mark.parametrize("second", UNSEEN, ids=lambda piece: piece.source)
def test_names_and_letters_are_no_witness(taxonomy: Taxonomy, second: Evidence) -> None:
    assert PERSON not in tagged(taxonomy, CAPTION, second)


def test_a_faint_second_voice_is_no_witness(taxonomy: Taxonomy) -> None:
    """RAM++ answers `person` with 0.58 to 0.64 on photos of empty rooms."""
    assert PERSON not in tagged(taxonomy, CAPTION, Evidence("ram++", "person", 0.64))


def test_two_sources_of_one_group_are_one_witness(taxonomy: Taxonomy) -> None:
    both = (Evidence("ram++", "person", 0.95), Evidence("legacy", "person", 0.95))
    assert PERSON not in tagged(taxonomy, *both)


def test_a_person_s_own_word_counts_at_once(taxonomy: Taxonomy) -> None:
    assert tagged(taxonomy, rulings={PERSON: True})[PERSON] == 1.0
    assert tagged(taxonomy, CAPTION, rulings={PERSON: True})[PERSON] == 1.0
    assert PERSON not in tagged(taxonomy, CAPTION, *SEEN, rulings={PERSON: False})


def test_other_concepts_need_no_second_witness(taxonomy: Taxonomy) -> None:
    assert "nature/animal/cat" in tagged(taxonomy, Evidence("florence", "a cat"))


@given(st.lists(st.sampled_from((CAPTION, *SEEN, *UNSEEN))))
def test_the_tag_stands_where_two_groups_saw_it(taxonomy: Taxonomy, evidence: list[Evidence]) -> None:
    witnesses = {piece.source for piece in evidence} & {"florence", "ram++", "zero-shot", "vlm"}
    assert (PERSON in tagged(taxonomy, *evidence)) == (len(witnesses) >= 2)


def test_a_user_s_own_concept_may_ask_for_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("facet: object\nconcepts:\n  bench: {corroborate: true}\n", encoding="utf-8")
    taxonomy = load_taxonomy([mine], data=write(tmp_path / "data"))
    assert "object/furniture/bench" not in tagged(taxonomy, Evidence("florence", "a bench"))
    mine.write_text("facet: object\nconcepts:\n  bench: {corroborate: 2}\n", encoding="utf-8")
    with pytest.raises(TaxonomyError, match=r"mine.yaml:3: corroborate must be true or false"):
        load_taxonomy([mine], data=tmp_path / "data")
