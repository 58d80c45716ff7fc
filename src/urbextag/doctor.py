"""Try every part on this machine and in an archive: each check runs the real thing and names its remedy."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from urbextag.archive import Archive
from urbextag.errors import UrbextagError

NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "fuse.sshfs", "9p"})
"""SQLite's locks are not safe there (sqlite.org/useovernet.html)."""
LOW_DISK_BYTES = 500 * 2**20


@dataclass(frozen=True, slots=True)
class Check:
    """One part and how it fares."""

    name: str
    state: Literal["works", "note", "fails"]
    detail: str
    remedy: str = ""


def check_machine() -> list[Check]:
    """Python, libraries, image formats, taxonomy and each stage of the starter profile, run on a drawn sign."""
    from urbextag.supervisor import cores

    checks = [
        Check("machine", "works", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
              f"SQLite {sqlite3.sqlite_version}, {cores()} cores"),
        _try("image formats", _formats),
        _try("taxonomy", _taxonomy),
    ]  # fmt: skip
    checks += _stages()
    checks.append(
        Check(
            "profile standard", "note", "SigLIP and Florence-2 are not part of this release", 'Use profile = "starter"'
        )
    )
    return checks


def check_archive(archive: Archive) -> list[Check]:
    """Settings, database, disk and the files of an archive."""
    from urbextag.archive import DATABASE_NAME
    from urbextag.cli.common import load_taxonomy
    from urbextag.pipeline import build
    from urbextag.stages.base import Kit
    from urbextag.store import health, jobs
    from urbextag.supervisor import thread_count, worker_count

    work = archive.config.work
    stages = _try(
        "settings",
        lambda: (
            f"profile {archive.config.profile}: "
            + ", ".join(stage.name for stage in build(archive.config, Kit(load_taxonomy(archive))))
            + f"; {worker_count(work)} worker(s) with {thread_count(work)} model thread(s)"
        ),
    )
    problems = health.problems(archive.db)
    database = (
        Check("database", "fails", "; ".join(problems[:3]), "Restore it from a backup")
        if problems
        else Check("database", "works", f"{archive.root / DATABASE_NAME} is intact")
    )
    checks = [stages, database, _disk(archive.root)]
    filesystem = _filesystem(archive.root)
    if filesystem in NETWORK_FILESYSTEMS:
        checks.append(
            Check(
                "place",
                "fails",
                f"the archive lies on a network share ({filesystem})",
                "Move it to a local disk; photos may stay on the share",
            )
        )
    gone = health.missing_files(archive.db, archive.locate, limit=1000)
    checks.append(
        Check(
            "photos",
            "note",
            f"{gone[0]} of {gone[1]} files looked at are not there",
            "Plug in their drive or add the folder they are in",
        )
        if gone[0]
        else Check("photos", "works", f"{gone[1]} files looked at, all there")
    )
    if paused := jobs.paused_since(archive.db):
        checks.append(Check("work", "note", f"paused since {paused}", "urbextag jobs resume"))
    return checks


def _try(name: str, part: Callable[[], str]) -> Check:
    try:
        return Check(name, "works", part())
    except UrbextagError as error:
        return Check(name, "fails", error.message, error.remedy)
    except ImportError as error:
        return Check(
            name, "fails", f"cannot be loaded: {error}", f"Install again: {sys.executable} -m pip install -U urbextag"
        )


def _formats() -> str:
    from PIL import features

    codecs = {"webp": "WEBP", "avif": "AVIF", "jpg_2000": "JPEG 2000", "libtiff": "TIFF", "jpg": "JPEG"}
    have = [name for key, name in codecs.items() if features.check(key)]
    lacking = [name for key, name in codecs.items() if key and not features.check(key)]
    if lacking:
        raise ImportError(f"Pillow lacks {', '.join(lacking)}")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("pillow", "pi-heif", "rawpy"))
    return f"{', '.join(sorted(have))}, PNG, GIF, HEIC, RAW ({libraries})"


def _taxonomy() -> str:
    from urbextag.taxonomy import load_taxonomy

    taxonomy = load_taxonomy()
    return f"{len(taxonomy.concepts)} concepts, version {taxonomy.version}"


def _stages() -> list[Check]:
    """Each stage on a sign drawn for the purpose; the text stage must read it."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from urbextag.config import Config
    from urbextag.pipeline import build
    from urbextag.records import Failure, PhotoFacts, PhotoRef, StageResult
    from urbextag.stages.base import Kit, Shot
    from urbextag.supervisor import cores
    from urbextag.taxonomy import load_taxonomy

    sign = Image.new("RGB", (640, 320), "white")
    ImageDraw.Draw(sign).text((60, 100), "BOILER ROOM", fill="black", font=ImageFont.load_default(80))
    said: dict[str, StageResult] = {}
    shot = Shot(PhotoRef("sign", "sign.png"), PhotoFacts("png", 640, 320), np.asarray(sign), said)
    checks = []
    for stage in build(Config(), Kit(load_taxonomy(), cores())):

        def part(stage: object = stage) -> str:
            stage.load()  # type: ignore[attr-defined]
            (result,) = stage.run([shot])  # type: ignore[attr-defined]
            if isinstance(result, Failure):
                raise ImportError(result.reason)
            said[result.stage] = result
            if result.stage == "ocr" and "BOILER" not in str(result.data["lines"]):
                raise ImportError("it could not read a plain sign")
            return {"ocr": "reads a plain sign"}.get(result.stage, "runs")

        checks.append(_try(f"stage {stage.name}", part))
    return checks


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 2**30:.1f} GiB free"
    return Check("disk", "works", detail) if free > LOW_DISK_BYTES else Check("disk", "note", detail, "Free some space")


def _filesystem(folder: Path) -> str | None:
    """The kind of file system a folder lies on, None where the system does not tell (only Linux does, simply)."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return None
    best, kind = "", None
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, where, what, *_ = line.split(" ")
        inside = os.path.commonpath([where, str(folder)]) == where
        if inside and len(where) >= len(best):
            best, kind = where, what
    return kind
