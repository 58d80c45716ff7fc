"""Stage `metadata`: evidence from a photo's keywords, its name, its folders and the camera that took it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import ClassVar

from pydantic import Field

from urbextag.records import Evidence, Failure, PhotoFacts, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions

_HEX_NAME = re.compile(r"^[0-9a-f]{12,}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_DCIM_FOLDER = re.compile(r"^\d{3}[A-Z_\d]{5}$", re.IGNORECASE)  # DCF: 100CANON, 101MSDCF, 102_PANA

# Words that cameras, phones, messengers and editors put at the ends of names
_NOISE = frozenset(
    """img mg imgp imag cimg kimg rimg sdim pict pic pics dsc dscn dscf dsf sam stp mvi mov dji gopr gopro gx pxl
    image images photo photos picture pictures bild bilder foto fotos pano hdr wa whatsapp fb received snapshot
    copy copies kopie final edit edited bearbeitet export exported exports resized orig original originals untitled
    unnamed jpg jpeg raw tif tiff png nef cr arw dng raf orf rw heic dcim
    of the and in at on by from an to with""".split()  # noqa: SIM905
)
_MONTHS = frozenset(
    """january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec""".split()  # noqa: SIM905
)
# A name of nothing but these says where files are kept
_STORAGE = frozenset(
    """temp tmp test misc various stuff camera roll uploads upload download downloads desktop documents data archive
    archives album albums lightroom import imports imported incoming sorted unsorted selects selected backup backups
    card media volumes mnt home users user shared share nas disk drive file files new old large small full size web
    print capture""".split()  # noqa: SIM905
)
_HOME_PARENTS = frozenset({"home", "users", "user"})

# Flatbed and sheet-fed scanners. Film scanners are left out: what they scan is as often a photo as a document
_SCANNER = re.compile(
    r"canoscan|\blide\b|scanjet|scansnap|workforce|perfection|expression \d|imageformat|mustek|bearpaw|\bfi-\d{4}|"
    r"\b(ds|es|gt)-\d{2,}|plustek.*optic(slim|book)|scanmaker|book ?reader",
    re.IGNORECASE,
)
_SCANNED_SCORE = 0.6


class MetadataOptions(StageOptions):
    """What of a photo's metadata becomes evidence."""

    folders: int = Field(2, ge=0, le=5, description="How many folder names above the photo count, nearest first")
    filename: bool = Field(True, description="Whether the words of the file name count")
    drone_score: float = Field(0.65, ge=0, le=1, description="Score of 'drone photo' by the maker of the camera alone")
    drone_fix_score: float = Field(
        0.85,
        ge=0,
        le=1,
        description="The same where the drone also wrote an altitude: it had a fix, so it flew outdoors",
    )


class MetadataStage:
    """Reads nothing but the facts and the path; `data` is the facts (`PhotoFacts`) as JSON."""

    name: ClassVar[str] = "metadata"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[StageOptions]] = MetadataOptions

    def __init__(self, options: MetadataOptions, kit: Kit) -> None:
        self._options = options
        self.needs_px = 1

    @property
    def options(self) -> MetadataOptions:
        """The options this stage was made with."""
        return self._options

    def load(self) -> None:
        """Nothing to load."""

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; this stage fails no photo."""
        return [self._look(shot) for shot in batch]

    def _look(self, shot: Shot) -> StageResult:
        path, options = PurePath(shot.photo.path), self._options
        evidence = [Evidence("keyword", word) for word in shot.facts.keywords]
        if options.filename and (words := name_words(path.stem)):
            evidence.append(Evidence("filename", words))
        evidence += [Evidence("folder", words) for words in folder_words(path, options.folders)]
        evidence += camera_evidence(shot.facts, options)
        data = asdict(shot.facts) | {"keywords": list(shot.facts.keywords)}
        return StageResult(self.name, tuple(evidence), data)


def name_words(name: str) -> str:
    """The telling words of a file or folder name in lower case, as one phrase; empty for a name without any.

    Names given by a camera (`IMG_1234`, `DSC0001`, `DJI_0412`), hashes, dates and numbers say nothing. Words are cut
    at everything but letters, and at a change from lower to upper case; single letters are dropped, and so are
    `_NOISE` (and months, in a name with a digit) at both ends. What is left of `_STORAGE` alone says nothing either.

    """
    if _HEX_NAME.match(name) or _DCIM_FOLDER.match(name):
        return ""
    noise = _NOISE | _MONTHS if re.search(r"\d", name) else _NOISE
    spaced = re.sub(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])", " ", name).replace("'", "").replace("’", "")
    words = [word for word in re.split(r"[\W\d_]+", spaced.casefold()) if len(word) > 1]
    telling = [at for at, word in enumerate(words) if word not in noise]
    if all(words[at] in _STORAGE for at in telling):
        return ""
    return " ".join(words[telling[0] : telling[-1] + 1])


def folder_words(path: PurePath, count: int) -> Iterator[str]:
    """The words of the last `count` folder names, nearest first; a person's home folder is left out."""
    folders = path.parent.parts
    for at in range(len(folders) - 1, max(-1, len(folders) - 1 - count), -1):
        above = folders[at - 1].lower() if at else ""
        if above not in _HOME_PARENTS and (words := name_words(folders[at])):
            yield words


def camera_evidence(facts: PhotoFacts, options: MetadataOptions) -> Iterator[Evidence]:
    """What the camera tells of the view: a drone photographs from above, a flatbed scanner scans documents."""
    if facts.drone_make is not None:
        score = options.drone_score if facts.altitude is None else options.drone_fix_score
        yield Evidence("camera", "drone photo", score)
    elif _SCANNER.search(f"{facts.camera_make or ''} {facts.camera_model or ''}"):
        yield Evidence("camera", "scanned document", _SCANNED_SCORE)
