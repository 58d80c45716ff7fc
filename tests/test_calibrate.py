"""What decisions teach: the arithmetic, the file, and the command on a real archive."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Box
from small_taxonomy import small, write
from urbextag.archive import create, opened
from urbextag.config import DATABASE_NAME
from urbextag.deriver import Deriver
from urbextag.errors import TaxonomyError
from urbextag.files import FileStamp
from urbextag.records import Context, Evidence, PhotoFacts, PhotoRef, PhotoResult, Record, StageResult
from urbextag.rederive import derive_again, put_into_effect
from urbextag.store import decisions, locations, photos, results
from urbextag.store.db import connect
from urbextag.store.db import write as transaction
from urbextag.taxonomy import derive, load_taxonomy
from urbextag.taxonomy.calibration import Calibration, written
from urbextag.taxonomy.learn import FACTORS, STRENGTH, THRESHOLDS, Case, learn, reliability, threshold

SOURCES = load_taxonomy().sources
PRIOR, DEFAULT = SOURCES.rules.prior, SOURCES.rules.threshold


@st.composite
def case(draw, facet="object", right=None):
    names = draw(st.lists(st.sampled_from(["florence", "zero-shot", "ocr", "someone"]), min_size=1, unique=True))
    return Case(
        draw(st.text("abcdef", min_size=1, max_size=3)),
        facet,
        draw(st.booleans()) if right is None else right,
        PRIOR + draw(st.floats(-2, 2)),
        {name: draw(st.floats(0.01, 5)) for name in names},
        draw(st.floats(0.3, 1.0)),
        draw(st.sampled_from([1.0, 1.0, 1.0, 0.1])),
    )


CASES = st.lists(case(), max_size=60)


def test_no_decisions_change_nothing():
    assert learn([], SOURCES) == (Calibration(), [])
    assert reliability([], "florence", SOURCES) == 1.0
    assert threshold([], DEFAULT) == DEFAULT


@given(CASES)
def test_bounds_hold_and_too_few_decisions_change_nothing(cases):
    calibration, rows = learn(cases, SOURCES)
    assert all(FACTORS[0] <= factor <= FACTORS[1] for factor in calibration.reliability.values())
    assert all(THRESHOLDS[0] <= value <= THRESHOLDS[1] for value in calibration.thresholds.values())
    for row in rows:
        if row.source and row.decisions < 10:
            assert row.value is None and (row.source, row.facet) not in calibration.reliability
        if not row.source and row.decisions < 20:
            assert row.value is None and row.facet not in calibration.thresholds
        assert 0 <= row.right <= row.decisions + 1e-9 and 0 <= row.expected <= row.decisions + 1e-9


@given(CASES, case(right=False), case(right=True))
def test_a_rejection_never_raises_and_an_acceptance_never_lowers_a_source(cases, wrong, right):
    for source in ("florence", "zero-shot", "ocr", "someone"):
        named = [one for one in cases if source in one.parts]
        stands = reliability(named, source, SOURCES)
        if source in wrong.parts:
            assert reliability([*named, wrong], source, SOURCES) <= stands + 0.0011
        if source in right.parts:
            assert reliability([*named, right], source, SOURCES) >= stands - 0.0011


@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_decisions_never_matters(cases, chance):
    shuffled = list(cases)
    chance.shuffle(shuffled)
    first, second = learn(cases, SOURCES)[0], learn(shuffled, SOURCES)[0]
    assert first.reliability.keys() == second.reliability.keys()
    assert all(abs(first.reliability[key] - second.reliability[key]) <= 0.0011 for key in first.reliability)
    assert first.thresholds == pytest.approx(second.thresholds, abs=0.002)


@given(st.integers(0, 200), st.integers(0, 200))
def test_alike_evidence_gives_the_precision_of_the_beta_binomial(right, wrong):
    weight = SOURCES.get("florence").weight
    alike = [Case(str(n), "object", n < right, PRIOR, {"florence": weight}) for n in range(right + wrong)]
    expected = 1 / (1 + math.exp(-(PRIOR + weight)))
    posterior = (STRENGTH * expected + right) / (STRENGTH + right + wrong)
    factor = (math.log(posterior / (1 - posterior)) - PRIOR) / weight
    found = reliability(alike, "florence", SOURCES)
    assert found == pytest.approx(min(max(factor, FACTORS[0]), FACTORS[1]), abs=0.001)


def test_agreeing_with_a_source_that_is_right_anyway_earns_nothing():
    """Of two sources, one sure, what the faint one adds is not what made it right."""
    both = [Case(str(n), "object", n % 20 != 0, PRIOR, {"florence": 4.5, "ocr": 0.5}) for n in range(200)]
    assert reliability(both, "ocr", SOURCES) < 1.1


@settings(max_examples=60)
@given(CASES)
def test_no_threshold_makes_fewer_mistakes_than_the_one_found_before_it_is_drawn_to_the_default(cases):
    sure = [(one.confidence({}), one) for one in cases]
    found = threshold(sure, DEFAULT)
    total = sum(one.count for one in cases)
    if not THRESHOLDS[0] < found < THRESHOLDS[1]:
        return
    undrawn = found + (found - DEFAULT) * STRENGTH / total if total else found

    def mistakes(at):
        return sum(one.count for confidence, one in sure if (confidence >= at) != one.right)

    near = min(mistakes(undrawn + step) for step in (-0.01, -0.003, 0.0, 0.003, 0.01))  # it is rounded
    assert near <= min(mistakes(level / 100) for level in range(0, 101)) + 1e-6 or total == 0


def test_a_file_is_read_as_it_was_written_and_is_part_of_the_version(tmp_path):
    data = write(tmp_path / "data")
    path = tmp_path / "calibration.yaml"
    learned = Calibration({("florence", "object"): 0.8, ("my: tagger", "room"): 1.25}, {"object": 0.45})
    path.write_text(written(learned, "a note\nof two lines"), encoding="utf-8")
    loaded = load_taxonomy(data=data, calibration=path)
    assert loaded.calibration == learned
    assert loaded.version != small(data).version
    path.write_text(written(Calibration(), "none"), encoding="utf-8")
    assert load_taxonomy(data=data, calibration=path).calibration == Calibration()


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("reliability:\n  florence: {object: 2.5}\n", 2, "object must be a number between 0 and 2"),
        ("reliability:\n  florence:\n    thing: 1\n", 3, "unknown field thing in florence"),
        ("thresholds: {object: 0.4}\n\nmore: 1\n", 3, "unknown field more"),
        ("thresholds:\n  object: 1\n", 2, "object must be a number between 0.01 and 0.99"),
        ("thresholds: []\n", 1, "thresholds must be a mapping"),
        ("thresholds: {\n", 2, "is not YAML"),
    ],
)
def test_every_fault_of_the_file_is_named_with_its_line(tmp_path, text, line, complaint):
    path = tmp_path / "calibration.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(data=write(tmp_path / "data"), calibration=path)
    assert f"{path}:{line}: {complaint}" in caught.value.message


def test_a_calibrated_taxonomy_derives_by_it(tmp_path):
    plain = small(tmp_path / "data")
    record = Record("x", Context(), (Evidence("florence", "a gurney"), Evidence("ocr", "ward", 0.9)))
    before = {tag.id: tag.confidence for tag in derive(plain, record).tags}
    lower = replace(plain, calibration=Calibration({("florence", "object"): 0.7}))
    after = {tag.id: tag.confidence for tag in derive(lower, record).tags}
    assert after["object/gurney"] < before["object/gurney"] and after["room/ward"] == before["room/ward"]
    strict = replace(plain, calibration=Calibration({}, {"object": 0.9}))
    assert "object/gurney" not in {tag.id for tag in derive(strict, record).tags}


SAID = ("peeling paint", "gurney")
LABELS = ("pew", "piano", "bathtub", "typewriter", "sewing machine", "wheelchair")


@pytest.fixture
def decided(tmp_path: Path) -> Box:
    """Sixty photos: Florence names an object that is there, a verifier faintly one that is not; all of it decided."""
    root = tmp_path / "archive"
    create(root)
    deriver = Deriver(load_taxonomy())
    with closing(connect(root / DATABASE_NAME)) as db:
        for number in range(60):
            right, wrong = LABELS[number % 6], LABELS[(number + 1) % 6]
            said = [Evidence("florence", f"a {right} and {SAID[0]}"), Evidence("siglip", wrong, 0.3)]
            sha, facts = f"{number:064x}", PhotoFacts("jpeg", 96, 64)
            with transaction(db):
                where = locations.find_or_make(db, f"Place {number % 2}")
                stamp = FileStamp(number, number)
                photos.add(
                    db, sha, f"{number}.jpg", f"/{number}.jpg", stamp, facts, where, current_gone=False, move=False
                )
                stage = StageResult("florence", tuple(said), {"model": "made up"})
                results.save(db, PhotoResult(PhotoRef(sha, ""), facts, (stage,), 0.1), "stages", "starter")
                derive_again(db, deriver, [sha])
                for label, verdict in ((right, "accept"), (wrong, "reject")):
                    concept = deriver.taxonomy.find(label)
                    assert concept is not None
                    decisions.decide(db, sha, concept.id, concept.label, verdict)
                derive_again(db, deriver, [sha])
    return Box(root)


def calibrate(box, *options):
    return box.ok("taxonomy", "calibrate", "--json", *options).json


def files(box):
    return sorted(path.name for path in box.root.glob("*.yaml"))


def test_it_shows_asks_writes_and_goes_back(decided):
    toml = (decided.root / "urbextag.toml").read_text()
    shown = calibrate(decided, "--dry-run")
    assert not shown["written"] and files(decided) == [] and (decided.root / "urbextag.toml").read_text() == toml
    assert shown["decisions"] == 120
    rows = {(row["source"], row["facet"]): row for row in shown["reliability"]}
    trusted, doubted = rows["florence", "object"], rows["siglip", "object"]
    assert trusted["after"] > 1.0 and trusted["right"] == trusted["decisions"] == 60
    assert doubted["after"] < 0.5 and doubted["right"] == 0
    assert shown["decided"]["after"]["precision"] >= shown["decided"]["before"]["precision"]
    assert shown["decided"]["after"]["recall"] == 1.0
    assert shown["archive"]["photos"] == shown["archive"]["of"] == 60
    assert "Nobody is here" in decided.ok("taxonomy", "calibrate", code=2).err
    assert files(decided) == []

    ran = decided.ok("taxonomy", "calibrate", "--yes")
    assert "siglip" in ran.out and "precision" in ran.out and "On all of 60 photos" in ran.out
    assert files(decided) == ["calibration.yaml"]
    assert 'calibration = "calibration.yaml"' in (decided.root / "urbextag.toml").read_text()
    again = calibrate(decided, "--yes")
    assert not again["written"], "the same decisions teach the same again"

    first = (decided.root / "calibration.yaml").read_text()
    with opened(decided.root) as archive, transaction(archive.db):
        deriver = Deriver(archive.load_taxonomy())
        for number in range(12):
            for label in (LABELS[number % 6], LABELS[(number + 1) % 6]):
                decisions.decide(archive.db, f"{number:064x}", deriver.taxonomy.find(label).id, label, "clear")
            put_into_effect(archive.db, deriver, f"{number:064x}")
    assert calibrate(decided, "--yes")["written"]
    assert files(decided) == ["calibration.previous.yaml", "calibration.yaml"]
    decided.ok("taxonomy", "calibrate", "--undo", "--yes")
    assert (decided.root / "calibration.yaml").read_text() == first and files(decided) == ["calibration.yaml"]
    decided.ok("taxonomy", "calibrate", "--undo", "--yes")
    assert files(decided) == []
    assert "no calibration" in decided.ok("taxonomy", "calibrate", "--undo", "--yes", code=2).err


def test_a_decision_on_a_whole_place_counts_as_one(decided):
    before = calibrate(decided, "--dry-run")
    concept = load_taxonomy().find("peeling paint")
    with closing(decided.database()) as db, transaction(db):
        place = locations.find(db, "Place 0")["locid"]
        decisions.decide_location(db, place, concept.id, concept.label, "reject")
    after = calibrate(decided, "--dry-run")
    assert after["decisions"] == before["decisions"] + 1
    row = next(row for row in after["reliability"] if row["facet"] == "condition")
    assert row["source"] == "florence" and row["decisions"] == 1 and row["right"] == 0 and not row["enough"]


def test_without_decisions_nothing_changes(decided):
    with closing(decided.database()) as db, transaction(db):
        db.execute("DELETE FROM ut_decisions")
    shown = calibrate(decided, "--yes")
    assert shown["reliability"] == shown["thresholds"] == [] and not shown["written"]
    assert shown["archive"]["changed"] == shown["archive"]["appear"] == shown["archive"]["vanish"] == 0
    assert "Nothing changes" in decided.ok("taxonomy", "calibrate").out
    assert files(decided) == []
