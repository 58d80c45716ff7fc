"""A person's word on one photo, on many, on a place; and batches that are taken back to the letter."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_kit import DERIVER, WARD, concept, make, never_looked_at, state, states
from places import TAXONOMY
from urbextag.actions import rulings
from urbextag.archive import opened
from urbextag.errors import UsageError
from urbextag.store import decisions, locations
from urbextag.store.db import write

BOILER, PAINT = concept("boiler"), concept("peeling paint")
INTERIOR, EXTERIOR = concept("interior"), concept("exterior")
CONCEPTS = (BOILER, INTERIOR, EXTERIOR)


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """One archive for all: each test says what holds from whatever state it finds."""
    root = tmp_path_factory.mktemp("ward")
    shas = make(root, *WARD)
    with opened(root) as archive:
        yield archive, shas


@pytest.fixture
def fresh(tmp_path):
    shas = make(tmp_path, *WARD)
    with opened(tmp_path) as archive:
        yield archive, shas


def labels(archive, sha):
    return {tag.label for tag in state(archive, sha)["tags"]}


def test_names_become_concepts_and_unknown_ones_get_a_remedy():
    assert rulings.find_concept(TAXONOMY, "boilers") == BOILER
    with pytest.raises(UsageError, match="no concept 'boilr'.*Did you mean"):
        rulings.find_concept(TAXONOMY, "boilr")
    said = [decisions.Decision("object/lost", "lost ward", "add")]
    assert rulings.find_concepts(TAXONOMY, ["Lost Ward", "boiler"], said) == [("object/lost", "lost ward"), BOILER]


def test_one_photo_is_decided_whole_or_not_at_all(fresh):
    archive, (a, *_) = fresh
    before = state(archive, a)
    with pytest.raises(UsageError, match="has no tag 'bathtub'.*review add a.jpg"):
        rulings.decide(archive, DERIVER, a, [BOILER, concept("bathtub")], "accept", called="a.jpg")
    assert state(archive, a) == before
    rulings.decide(archive, DERIVER, a, [BOILER], "reject")
    assert "boiler" not in labels(archive, a)
    rulings.decide(archive, DERIVER, a, [BOILER], "clear")
    assert state(archive, a) == before


def test_a_place_loses_a_tag_but_for_photos_of_which_more_was_said(fresh):
    archive, shas = fresh
    locid = locations.find(archive.db, "The Ward")["locid"]
    rulings.decide(archive, DERIVER, shas[0], [BOILER], "accept")
    effect = rulings.location_effect(archive, locid, [BOILER])
    assert set(effect.shas) == set(shas) and effect.tagged == {BOILER[0]: 1}
    heard = []
    ruling = rulings.decide_location(archive, DERIVER, locid, [BOILER], "reject", heard.append)
    assert (ruling.photos, ruling.before, ruling.after) == (4, {BOILER[0]: 1}, {BOILER[0]: 0})
    assert heard[-1] == 4 and "boiler" in labels(archive, shas[0])
    with pytest.raises(UsageError, match="rejected for the whole of The Ward"):
        rulings.decide(archive, DERIVER, shas[2], [BOILER], "clear")
    assert rulings.decide_location(archive, DERIVER, locid, [BOILER], "clear").after == {BOILER[0]: 1}


def test_a_batch_says_what_it_did_and_goes_back_once(fresh):
    archive, shas = fresh
    before = states(archive, shas)
    heard = []
    batch = rulings.decide_many(archive, DERIVER, BOILER, [*shas, shas[0]], "reject", heard.append)
    assert heard[-1] == 4 and not any("boiler" in labels(archive, sha) for sha in shas)
    (told,) = rulings.batches(archive)
    assert (told.id, told.label, told.verdict, told.photos, told.undone_at) == (batch, "boiler", "reject", 4, None)
    assert rulings.undo_batch(archive, DERIVER, batch) == 4
    assert states(archive, shas) == before
    assert rulings.batches(archive)[0].undone_at
    with pytest.raises(UsageError, match="taken back at"):
        rulings.undo_batch(archive, DERIVER, batch)
    with pytest.raises(UsageError, match="no batch 99"):
        rulings.undo_batch(archive, DERIVER, 99)


def test_nothing_is_begun_for_photos_that_are_not_there(fresh):
    archive, shas = fresh
    for wrong in ([], [shas[0], "f" * 64]):
        with pytest.raises(UsageError):
            rulings.decide_many(archive, DERIVER, BOILER, wrong, "reject")
    assert rulings.batches(archive) == [] and state(archive, shas[0])["said"] == {}


def test_a_photo_that_no_stage_has_seen_can_be_in_a_batch(tmp_path):
    make(tmp_path, *WARD)
    sha = never_looked_at(tmp_path)
    with opened(tmp_path) as archive:
        batch = rulings.decide_many(archive, DERIVER, BOILER, [sha], "accept")
        assert state(archive, sha)["published"]["auto_tags"] == '["boiler"]'
        rulings.undo_batch(archive, DERIVER, batch)
        assert (state(archive, sha)["tags"], state(archive, sha)["said"]) == ([], {})


def test_an_undo_that_was_broken_off_can_be_finished(fresh, monkeypatch):
    archive, shas = fresh
    before = states(archive, shas)
    monkeypatch.setattr(rulings, "FIRST_SLICE", 1)
    batch = rulings.decide_many(archive, DERIVER, BOILER, shas, "reject")

    def break_off(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rulings.undo_batch(archive, DERIVER, batch, break_off)
    assert states(archive, shas) != before
    rulings.undo_batch(archive, DERIVER, batch)
    assert states(archive, shas) == before


def test_the_later_of_two_views_still_holds_after_an_undo(fresh):
    archive, (a, *_) = fresh
    for view in (INTERIOR, EXTERIOR):
        rulings.decide(archive, DERIVER, a, [view], "add")
    before = state(archive, a)
    assert before["published"]["view_type"] == "exterior"
    batch = rulings.decide_many(archive, DERIVER, INTERIOR, [a], "reject")
    rulings.undo_batch(archive, DERIVER, batch)
    assert state(archive, a) == before


def test_a_batch_taken_back_does_not_come_again_with_another(fresh):
    archive, shas = fresh
    before = states(archive, shas)
    first, second = (rulings.decide_many(archive, DERIVER, BOILER, shas, verdict) for verdict in ("reject", "accept"))
    assert rulings.undo_batch(archive, DERIVER, first) == 0
    assert rulings.undo_batch(archive, DERIVER, second) == 4
    assert states(archive, shas) == before


SHAS = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)
BATCH = st.tuples(st.sampled_from(CONCEPTS), SHAS, st.sampled_from(("accept", "reject", "clear")))
WORD = st.tuples(st.sampled_from(CONCEPTS), st.integers(0, 3), st.sampled_from(("add", "reject", "clear")))


def say(archive, shas, word):
    told, photo, verdict = word
    rulings.decide(archive, DERIVER, shas[photo], [told], verdict)


def say_of_many(archive, shas, batch):
    told, photos, verdict = batch
    return rulings.decide_many(archive, DERIVER, told, [shas[photo] for photo in photos], verdict)


@settings(max_examples=12, deadline=None)
@given(words=st.lists(WORD, max_size=3), many=st.lists(BATCH, min_size=1, max_size=3))
def test_batches_taken_back_one_after_the_other_leave_no_trace(ward, words, many):
    archive, shas = ward
    for word in words:
        say(archive, shas, word)
    before = states(archive, shas)
    numbers = [say_of_many(archive, shas, batch) for batch in many]
    for number in reversed(numbers):
        rulings.undo_batch(archive, DERIVER, number)
    assert states(archive, shas) == before


@settings(max_examples=12, deadline=None)
@given(batch=BATCH, word=WORD)
def test_what_a_person_said_since_stands_and_the_rest_goes_back(ward, batch, word):
    archive, shas = ward
    before = states(archive, shas)
    number = say_of_many(archive, shas, batch)
    say(archive, shas, word)
    spoken = shas[word[1]]
    since = state(archive, spoken)
    rulings.undo_batch(archive, DERIVER, number)
    after = states(archive, shas)
    assert {sha: after[sha] for sha in shas if sha != spoken} == {sha: before[sha] for sha in shas if sha != spoken}
    if word[0] == batch[0]:
        assert after[spoken] == since


@dataclass
class Said:
    """The model: what was said on one concept of each photo, oldest first, and which batches are taken back."""

    stacks: list[list[tuple[int | None, str]]] = field(default_factory=lambda: [[] for _ in range(4)])
    undone: set[int] = field(default_factory=set)

    def stands(self, photo):
        return self.stacks[photo][-1][1] if self.stacks[photo] else "clear"

    def undo(self, number):
        for stack in self.stacks:
            if stack and stack[-1][0] == number:
                stack.pop()
                while stack and stack[-1][0] in self.undone:
                    stack.pop()
        self.undone.add(number)


STEP = st.one_of(
    st.tuples(st.just("many"), SHAS, st.sampled_from(("accept", "reject", "clear"))),
    st.tuples(st.just("word"), st.integers(0, 3), st.sampled_from(("add", "reject", "clear"))),
    st.tuples(st.just("undo"), st.integers(0, 5), st.none()),
)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEP, min_size=2, max_size=8))
def test_batches_taken_back_in_any_order_are_as_if_never_said(ward, steps):
    """Against a model that simply forgets: only photos of which more was said since keep what was said."""
    archive, shas = ward
    with write(archive.db):
        for sha in shas:
            decisions.decide(archive.db, sha, *PAINT, "clear")
    model, numbers = Said(), []
    for kind, what, verdict in steps:
        if kind == "many":
            number = say_of_many(archive, shas, (PAINT, what, verdict))
            numbers.append(number)
            alike = {"accept": {"accept", "add"}, "reject": {"reject"}, "clear": {"clear"}}[verdict]
            for photo in what:
                if model.stands(photo) not in alike:
                    model.stacks[photo].append((number, verdict))
        elif kind == "word":
            say(archive, shas, (PAINT, what, verdict))
            model.stacks[what].append((None, verdict))
        elif what < len(numbers) and numbers[what] not in model.undone:
            rulings.undo_batch(archive, DERIVER, numbers[what])
            model.undo(numbers[what])
    for photo, sha in enumerate(shas):
        _, verdict = state(archive, sha)["said"].get(PAINT[0], (None, "clear"))
        assert verdict == model.stands(photo)
