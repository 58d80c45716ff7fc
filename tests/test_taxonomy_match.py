from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_taxonomy import small
from urbextag.taxonomy import Taxonomy
from urbextag.taxonomy.words import fold, fold_phrase


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("match") / "data")


def found(taxonomy: Taxonomy, text: str) -> list[str]:
    return [one.concept.slug for one in taxonomy.match(text).found]


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("shelf", "shelves"), ("bench", "benches"), ("foot", "feet"), ("tooth", "teeth"), ("box", "boxes"),
        ("glass", "glasses"), ("stove", "stoves"), ("valve", "valves"), ("niche", "niches"), ("movie", "movies"),
        ("battery", "batteries"), ("shoe", "shoes"), ("potato", "potatoes"), ("bus", "buses"), ("menu", "menus"),
        ("house", "houses"), ("gauze", "gauzes"), ("tie", "ties"), ("leaf", "leaves"), ("sofa", "sofas"),
        ("church", "churches"), ("axe", "axes"), ("silo", "silos"), ("person", "people"), ("lens", "lenses"),
        ("Window", "WINDOWS"), ("café", "Cafes"), ("crematorium", "crematoria"), ("mattress", "mattresses"),
    ],
)  # fmt: skip
def test_plural_case_and_accents_fold(one: str, many: str) -> None:
    assert fold(one) == fold(many)


@pytest.mark.parametrize(
    ("one", "other"),
    [("glass", "gla"), ("debris", "debri"), ("brickwork", "brickworks"), ("gas", "ga"), ("1950s", "1950")],
)
def test_what_only_looks_like_a_plural_stays(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.from_regex(r"[a-z]{3,12}", fullmatch=True))
def test_a_regular_plural_always_folds_to_its_singular(word: str) -> None:
    if word.endswith(("s", "x", "z", "ch", "sh", "f", "fe", "y", "o", "i", "u", "men")):
        return  # their plurals have rules of their own
    assert fold(word + "s") == fold(word)


def test_the_longest_phrase_wins(taxonomy: Taxonomy) -> None:
    assert found(taxonomy, "bar stool") == ["bar-stool"]
    assert found(taxonomy, "a bar with a stool") == ["bar", "stool"]


@pytest.mark.parametrize(
    "text", ["bar_stools", "bar-stool", "Bar Stool", "several bar stools", "the bar stools.", "bar\u2010stool"]
)
def test_slugs_cases_and_plurals_match(taxonomy: Taxonomy, text: str) -> None:
    assert found(taxonomy, text) == ["bar-stool"]


def test_a_sentence_names_all_its_things_in_order(taxonomy: Taxonomy) -> None:
    text = "An empty bar with several stools, benches and shelves; peeling paint hangs from the brick walls."
    assert found(taxonomy, text) == ["bar", "stool", "bench", "shelf", "peeling-paint", "brick", "wall"]


def test_articles_do_not_part_a_phrase_and_commas_do(taxonomy: Taxonomy) -> None:
    assert found(taxonomy, "there is a hole in roof") == found(taxonomy, "a hole in the roof") == ["hole-in-roof"]
    assert found(taxonomy, "bar, stool") == ["bar", "stool"]


def test_spans_and_phrases(taxonomy: Taxonomy) -> None:
    first, second = taxonomy.match("two Benches near the bar stools").found
    assert (first.phrase, first.span) == ("benches", (1, 2))
    assert (second.phrase, second.span) == ("bar stools", (3, 5))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("no windows", []),
        ("a church without a roof", ["church"]),
        ("without a roof and windows", []),
        ("not a church but a chapel", ["chapel"]),
        ("This isn't a church.", []),
        ("There are no benches, shelves or beds in the bar", ["bar"]),
        ("There are no benches, only shelves", ["shelf"]),
        ("no windows and the walls are bare", ["wall"]),
        ("no windows in the wall", ["wall"]),
        ("no sign of a bed", []),
        ("The steeple is not visible. A tree stands near.", ["tree"]),
        ("the room lacks windows", []),
        ("neither windows nor walls", []),
        ("no longer a church", ["church"]),
        ("not only a church", ["church"]),
        ("nothing but walls", ["wall"]),
        ("The windows are missing", []),
        ("the steeple has been removed, a tree stands there", ["tree"]),
        ("missing windows", ["missing-windows"]),
        ("a wall with missing windows", ["wall", "missing-windows"]),
        ("no trespassing", ["no-trespassing"]),
        ("No roof. Windows.", ["window"]),
    ],
)
def test_negation_drops_what_its_clause_denies(taxonomy: Taxonomy, text: str, rest: list[str]) -> None:
    assert found(taxonomy, text) == rest


@pytest.mark.parametrize(
    "text",
    ["what looks like a morgue", "possibly a morgue", "appears to be a morgue", "it might be a morgue", "morgue-like"],
)
def test_doubt_weakens(taxonomy: Taxonomy, text: str) -> None:
    (one,) = taxonomy.match(text).found
    assert one.concept.slug == "morgue" and one.certainty < 0.9


def test_doubt_ends_with_what_it_doubts(taxonomy: Taxonomy) -> None:
    sure = {one.concept.slug: one.certainty for one in taxonomy.match("what looks like a morgue with a bed").found}
    assert sure["morgue"] < sure["bed"] == 1.0


def test_a_qualifying_noun_is_weaker_than_the_thing_itself(taxonomy: Taxonomy) -> None:
    screen, pane = taxonomy.match("window screen").found[0], taxonomy.match("broken glass near a window").found[-1]
    assert screen.certainty < pane.certainty == 1.0
    assert taxonomy.match("brick_building").found[0].certainty == 1.0, "a material always qualifies"
    assert taxonomy.match("a church bar").found[0].certainty == 1.0, "a room lies in the place named before it"


def test_leftovers_are_nouns_without_repeats_or_ignored_words(taxonomy: Taxonomy) -> None:
    matches = taxonomy.match("An eerie photo of a conveyor belt slowly rusting, a conveyor belt and a hopper")
    assert matches.leftover == ("conveyor belt", "hopper")
    assert taxonomy.match("no conveyor").leftover == ()
    assert taxonomy.match("right_side").leftover == ()


@given(st.text(max_size=80))
def test_any_text_can_be_matched(taxonomy: Taxonomy, text: str) -> None:
    matches = taxonomy.match(text)
    spans = [one.span for one in matches.found]
    assert spans == sorted(spans) and all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert all(0 < one.certainty <= 1 for one in matches.found)


@given(st.sampled_from(["bar stool", "shelves", "hospital ward", "peeling paint", "church"]))
def test_slugs_say_the_same_as_words(taxonomy: Taxonomy, label: str) -> None:
    assert found(taxonomy, label.replace(" ", "_")) == found(taxonomy, label.upper()) == found(taxonomy, label)
    assert fold_phrase(label) == fold_phrase(label.replace(" ", "-"))


def test_every_packaged_label_and_synonym_leads_to_its_concept(packaged: Taxonomy) -> None:
    for concept in packaged.concepts.values():
        for name in (concept.label, *concept.synonyms):
            assert packaged.find(name) is concept
            assert [one.concept.id for one in packaged.match(name).found] == [concept.id], name


@pytest.fixture(scope="module")
def packaged() -> Taxonomy:
    from urbextag.taxonomy import load_taxonomy

    return load_taxonomy()
