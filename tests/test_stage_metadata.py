"""The metadata stage: which words of keywords, names and folders become evidence, and what the camera tells."""

from __future__ import annotations

import json
from pathlib import PurePath

import numpy as np
import pytest

from urbextag.records import Evidence, PhotoFacts, PhotoRef, StageResult
from urbextag.stages.base import Kit, Shot
from urbextag.stages.metadata import MetadataOptions, MetadataStage, folder_words, name_words
from urbextag.taxonomy import load_taxonomy

KIT = Kit(load_taxonomy())


def look(path: str, options: MetadataOptions | None = None, **facts: object) -> StageResult:
    shot = Shot(PhotoRef("id", path), PhotoFacts("jpeg", 4, 3, **facts), np.zeros((3, 4, 3), np.uint8), {})  # type: ignore[arg-type]
    (result,) = MetadataStage(options or MetadataOptions(), KIT).run([shot])
    assert isinstance(result, StageResult)
    return result


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1234", "_MG_5043", "DSC0001", "DSC_0001", "DSCF1234", "DSCN0815", "DJI_0412", "DJI_20230405123344_0012_D",
        "P1010023", "100CANON", "101MSDCF", "102_PANA", "2023-05-06", "20230506_120301", "IMG-20200101-WA0003", "007",
        "PXL_20230101_123456789",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "deadbeefdeadbeef", "Photos", "Pictures 2019",
        "DCIM", "tmp", "image (3)", "R0012345", "MVI_0001", "untitled-3",
        "IMG_1234-Edit", "_DSC1234-HDR", "May 2019", "",
    ],
)  # fmt: skip
def test_names_given_by_cameras_and_dates_say_nothing(name: str) -> None:
    assert name_words(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("boiler-room_02", "boiler room"),
        ("BoilerRoomNorth", "boiler room north"),
        ("Willowbrook State Hospital", "willowbrook state hospital"),
        ("IMG_1234 operating theatre", "operating theatre"),
        ("2019-05 Hospital trip", "hospital trip"),
        ("St. Mary's Church", "st marys church"),
        ("Nursing Home", "nursing home"),
        ("Carnegie Library", "carnegie library"),
        ("Krankenhaus_Südflügel", "krankenhaus südflügel"),
        ("scan0001", "scan"),
        ("Photo of gurney", "gurney"),
        ("cafe", "cafe"),
        ("facade", "facade"),
    ],
)
def test_words_are_cut_out_of_names(name: str, words: str) -> None:
    assert name_words(name) == words


@pytest.mark.parametrize(
    ("path", "count", "words"),
    [
        ("/srv/Byron Mill/Boiler House/IMG_1.jpg", 2, ["boiler house", "byron mill"]),
        ("/srv/Byron Mill/2021-04 visit/DCIM/100CANON/IMG_1.jpg", 4, ["visit", "byron mill"]),
        ("/home/anna/Pictures/x.jpg", 2, []),
        ("/Users/anna/x.jpg", 2, []),
        ("/srv/Byron Mill/x.jpg", 0, []),
        ("x.jpg", 2, []),
        ("Old Mill/x.jpg", 5, ["old mill"]),
    ],
)
def test_folders_nearest_first_without_home_names(path: str, count: int, words: list[str]) -> None:
    assert list(folder_words(PurePath(path), count)) == words


def test_every_source_speaks_in_its_own_name() -> None:
    result = look("/a/Byron Mill/peeling paint.jpg", keywords=("Asylum", "hallway"))
    assert result.evidence == (
        Evidence("keyword", "Asylum"),
        Evidence("keyword", "hallway"),
        Evidence("filename", "peeling paint"),
        Evidence("folder", "byron mill"),
    )


def test_options_switch_sources_off() -> None:
    result = look("/a/Byron Mill/peeling paint.jpg", MetadataOptions(folders=0, filename=False))
    assert result.evidence == ()


def test_a_drone_speaks_for_a_view_from_above_and_louder_with_a_fix() -> None:
    (by_maker,) = look("/DJI_0412.jpg", drone_make="DJI").evidence
    (with_fix,) = look("/DJI_0412.jpg", drone_make="DJI", altitude=210.0).evidence
    assert (by_maker.source, by_maker.label) == (with_fix.source, with_fix.label) == ("camera", "drone photo")
    assert by_maker.score is not None and with_fix.score is not None and by_maker.score < with_fix.score < 1


@pytest.mark.parametrize(
    ("make", "model", "document"),
    [
        ("Canon", "CanoScan LiDE 220", True),
        ("EPSON", "Perfection V39", True),
        ("Hewlett-Packard", "HP ScanJet G4050", True),
        ("FUJITSU", "ScanSnap iX500", True),
        ("NIKON", "SUPER COOLSCAN 5000 ED", False),
        ("Canon", "Canon EOS R5", False),
        (None, None, False),
    ],
)
def test_a_flatbed_scanner_speaks_for_a_document(make: str | None, model: str | None, document: bool) -> None:
    labels = [piece.label for piece in look("/x.jpg", camera_make=make, camera_model=model).evidence]
    assert labels == (["scanned document"] if document else [])


def test_data_is_the_facts_as_json() -> None:
    result = look("/x.jpg", taken="2020-01-02T03:04:05", latitude=1.5, longitude=-2.5, keywords=("a",))
    assert json.loads(json.dumps(result.data)) == {
        "format": "jpeg", "width": 4, "height": 3, "taken": "2020-01-02T03:04:05", "camera_make": None,
        "camera_model": None, "latitude": 1.5, "longitude": -2.5, "altitude": None, "drone_make": None,
        "keywords": ["a"],
    }  # fmt: skip
