"""The era: cues from tags and dated text, and what they say together."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from small_taxonomy import said, small
from urbextag.cli.taxonomy import taxonomy as command
from urbextag.errors import UsageError
from urbextag.records import EraHint
from urbextag.taxonomy import Taxonomy, derive, join_era, parse_years


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("era") / "data")


def test_hints_from_tags_and_read_years(taxonomy: Taxonomy) -> None:
    record = said(
        ("florence", "a rotary phone"), ("ocr", "UNIT 1987", 0.95), ("ocr", "TEL 1234567, 31 1905/6, $1950", 0.9)
    )
    hints = derive(taxonomy, record).era
    assert [(hint.years, hint.kind) for hint in hints] == [((1920, 1985), "used"), ((1987, 1987), "used")]
    assert hints[0].concept == "object/rotary-phone" and hints[1].confidence < 0.5
    assert hints[0].because == ("florence: a rotary phone",) and hints[1].because == ("ocr: 1987",)
    assert derive(taxonomy, said(("florence", "a sign that says 1987"))).era == ()


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("ERECTED A.D. 1911", "built", "ERECTED A.D. 1911"),
        ("BUILT IN 1911 BY THE CITY", "built", "BUILT IN 1911"),
        ("Cornerstone laid 1911", "built", "Cornerstone laid 1911"),
        ("ANNO 1911", "built", "ANNO 1911"),
        ("FAMILY OWNED SINCE 1911", "used", "SINCE 1911"),
        ("Est. 1911", "used", "Est. 1911"),
        ("ESTABLISHED 1911", "used", "ESTABLISHED 1911"),
        ("1911 CALENDAR", "used", "1911 CALENDAR"),
        ("CALENDAR FOR 1911", "used", "CALENDAR FOR 1911"),
        ("Copyright 1911 Acme", "used", "Copyright 1911"),
        ("© 1911", "used", "© 1911"),
        ("MARCH 4, 1911", "used", "MARCH 4, 1911"),
        ("4 Mar. 1911", "used", "Mar. 1911"),
        ("due 3/4/1911", "used", "3/4/1911"),
        ("1911-03-04", "used", "1911-03-04"),
    ],
)
def test_the_words_beside_a_year_say_what_it_dates(taxonomy: Taxonomy, text: str, kind: str, words: str) -> None:
    (hint,) = derive(taxonomy, said(("ocr", text, 1.0))).era
    assert (hint.years, hint.kind, hint.concept, hint.because) == ((1911, 1911), kind, "1911", (f"ocr: {words}",))
    (plain,) = derive(taxonomy, said(("ocr", "1911", 1.0))).era
    assert hint.confidence > plain.confidence, "a year in words is surer than a bare number"


@pytest.mark.parametrize("text", ["SINCE 2087", "ROOM 1911A", "marked 19115", "3/4/191", "1911/12", "No. 31911-03-04"])
def test_what_only_looks_like_a_date_is_none(taxonomy: Taxonomy, text: str) -> None:
    assert derive(taxonomy, said(("ocr", text, 1.0))).era == ()


def test_a_year_that_two_readers_read_is_one_hint(taxonomy: Taxonomy) -> None:
    record = said(("ocr", "EST. 1911", 0.9), ("vlm-text", "Est. 1911", 0.4), ("ocr", "1911", 0.9))
    (hint,) = derive(taxonomy, record).era
    assert hint.because == ("ocr: EST. 1911", "ocr: 1911", "vlm-text: Est. 1911") and hint.confidence == 0.54


def cue(first: int, last: int, kind: str, sure: float, concept: str = "era/style") -> EraHint:
    return EraHint((first, last), concept, kind, sure, (f"florence: {concept}",))  # type: ignore[arg-type]


def test_cues_that_agree_narrow_the_interval() -> None:
    style, stone = cue(1890, 1940, "built", 0.8), cue(1911, 1911, "built", 0.7, "1911")
    phone, calendar = cue(1920, 1985, "used", 0.9, "phone"), cue(1987, 1987, "used", 0.6, "1987")
    era = join_era([calendar, stone, phone, style])
    assert era is not None and era.built == (1911, 1911) and era.used == (1985, 1987)
    assert era.chain == (phone, style, stone, calendar) and era.conflicts == ()
    assert era.confidence == 0.7, "the stone's: it alone bounds the interval"


def test_the_first_use_ends_the_building() -> None:
    era = join_era([cue(1890, 1940, "built", 0.8), cue(1905, 1905, "used", 0.5, "1905")])
    assert era is not None and era.built == (1890, 1905) and era.used == (1905, 1905) and era.confidence == 0.5


def test_cues_to_the_use_that_share_years_tell_those() -> None:
    era = join_era([cue(1967, 2030, "used", 0.7, "microwave"), cue(1925, 2030, "used", 0.6, "refrigerator")])
    assert era is not None and era.built is None and era.used == (1967, 2030)


def test_what_cannot_both_hold_is_a_conflict_and_the_surer_holds() -> None:
    deco, gothic = cue(1920, 1940, "built", 0.8), cue(1840, 1880, "built", 0.6, "gothic")
    early = cue(1898, 1898, "used", 0.5, "1898")
    era = join_era([gothic, early, deco])
    assert era is not None and era.built == (1920, 1940) and era.used is None
    assert era.conflicts == ((deco, gothic), (deco, early)) and era.chain == (deco,)
    assert join_era([]) is None


def test_a_cue_of_many_photos_outweighs_a_surer_one_of_a_single_photo() -> None:
    often, once = cue(1920, 1940, "built", 0.6), cue(1840, 1880, "built", 0.65, "gothic")
    alone, together = join_era([often, once]), join_era([often, once, often, often])
    assert alone is not None and alone.built == (1840, 1880)
    assert together is not None and together.built == (1920, 1940)
    assert together.chain[0].confidence > once.confidence and len(together.chain) == 1


def test_derive_tells_the_era_as_json() -> None:
    evidence = [
        {"source": "ocr", "label": "ERECTED 1911", "score": 0.9},
        {"source": "ocr", "label": "1987 CALENDAR", "score": 0.9},
        {"source": "florence", "label": "a brutalist building"},
    ]
    line = json.dumps({"id": "a", "evidence": evidence})
    answer = json.loads(CliRunner().invoke(command, ["derive", "-"], input=line).stdout)
    era = answer["era_summary"]
    assert era["built"] == [1950, 1985] and era["used"] == [1987, 1987]
    assert [hint["concept"] for hint in era["chain"]] == ["era/brutalist", "1987"]
    assert [[one["concept"] for one in pair] for pair in era["conflicts"]] == [["era/brutalist", "1911"]]
    assert answer["era"][0] == era["chain"][0] and answer["era"][0]["because"] == ["florence: a brutalist building"]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("1910", 1910, 1910), ("1870-1910", 1870, 1910), ("1870 – 1910", 1870, 1910), ("1920s", 1920, 1929)],
)
def test_eras_as_people_write_them(text: str, first: int, last: int) -> None:
    assert parse_years(text) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "long ago", "1910-1870", "19", "1870-", "1499", "0000", "9999", "1870-2101", "2100s"]
)
def test_what_is_no_era_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_years(text)
