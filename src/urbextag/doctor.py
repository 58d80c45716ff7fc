"""Try every part on this machine and in an archive: each check runs the real thing and names its remedy."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from urbextag.archive import Archive, opened
from urbextag.config import Config
from urbextag.errors import ModelError, UrbextagError
from urbextag.supervisor import cores, thread_count, worker_count
from urbextag.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy
    from urbextag.zeroshot import ZeroShot

NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "fuse.sshfs", "9p"})
"""SQLite's locks are not safe there (sqlite.org/useovernet.html)."""
LOW_DISK_BYTES = 500 * 2**20
REINSTALL = f"Install again: {sys.executable} -m pip install --force-reinstall urbextag"
SIGN = "BOILER ROOM"
LOCAL_DISK = "Keep the archive on a local disk; photos may stay on the share"


@dataclass(frozen=True, slots=True)
class Check:
    """One part and how it fares."""

    name: str
    state: Literal["works", "note", "fails"]
    detail: str
    remedy: str = ""


def check_machine() -> list[Check]:
    """Python, libraries, image formats, taxonomy and each stage of the starter profile, run on a drawn sign."""
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return [
        Check("machine", "works", f"{system}, SQLite {sqlite3.sqlite_version}, {cores()} cores"),
        _try("image formats", _formats),
        _try("taxonomy", _taxonomy),
        _try("model runtime", _runtime),
        *_try_stages(Config(), load_taxonomy()),
    ]


def check_archive(root: Path) -> list[Check]:
    """Settings, database, disk and the files of the archive in a folder."""
    from urbextag.store import jobs

    root = root.resolve()
    try:
        with opened(root) as archive:
            checks = [_try("settings", lambda: _settings(archive)), _database(archive), _disk(root), _place(root)]
            checks.append(_photos(archive))
            if archive.config.profile != "starter" and checks[0].state == "works":
                checks += _profile(archive)
            checks += _vlm(archive.config)
            if paused := jobs.paused_since(archive.db):
                checks.append(Check("work", "note", f"paused since {paused}", "Let it go on: urbextag jobs resume"))
            return checks
    except UrbextagError as error:
        return [Check("archive", "fails", error.message, error.remedy)]


def _try(name: str, part: Callable[[], str]) -> Check:
    try:
        return Check(name, "works", part())
    except UrbextagError as error:
        return Check(name, "fails", error.message, error.remedy)
    except ImportError as error:
        return Check(name, "fails", f"cannot be loaded: {error}", REINSTALL)


def _formats() -> str:
    from PIL import features

    codecs = {"jpg": "JPEG", "webp": "WEBP", "avif": "AVIF", "jpg_2000": "JPEG 2000", "libtiff": "TIFF"}
    lacking = [name for key, name in codecs.items() if not features.check(key)]
    if lacking:
        raise ModelError(f"Pillow was built without {', '.join(lacking)}", REINSTALL)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("pillow", "pi-heif", "rawpy"))
    return f"{', '.join(codecs.values())}, PNG, GIF, HEIC, RAW ({libraries})"


def _taxonomy() -> str:
    taxonomy = load_taxonomy()
    return f"{len(taxonomy.concepts)} concepts, version {taxonomy.version}"


def _runtime() -> str:
    """What ONNX Runtime offers to run models on, and what `auto` takes of it."""
    from urbextag.models.providers import available, choose

    return f"ONNX Runtime {version('onnxruntime')} offers {', '.join(available())}; auto takes {choose('auto')[0]}"


def _profile(archive: Archive) -> list[Check]:
    """Models and stages of a profile that has models to be pulled, tried with this archive's settings."""
    from urbextag.deriver import make_deriver

    config, taxonomy = archive.config, archive.load_taxonomy()
    made: list[Deriver] = []

    def prompts() -> str:
        made.append(make_deriver(config, taxonomy, cores()))
        return f"those of {config.models.scene} are encoded"

    check = _try("prompts", prompts)
    return [check, *(_try_stages(config, taxonomy, made[0].zero_shot) if made else ())]


def _vlm(config: Config) -> list[Check]:
    """Each VLM server of the settings, asked what it is; and whether photos that nobody asked for may be begun."""
    from datetime import datetime

    from urbextag.vlm.idle import why_wait
    from urbextag.vlm.look import look_at_all

    if not config.vlm.endpoints:
        return []
    checks = []
    for server in look_at_all(config.vlm):
        name = "VLM server"
        if server.fault:
            checks.append(Check(name, "fails", server.fault, server.remedy))
        else:
            checks.append(Check(name, "works", server.detail))
        checks += [Check(name, "note", note) for note in (server.probed.notes if server.probed else ())]
    if config.vlm.run_on_import and (waits := why_wait(config.vlm, datetime.now())):
        checks.append(Check("VLM in the background", "note", f"waits: {waits}"))
    return checks


def _try_stages(config: Config, taxonomy: Taxonomy, zero_shot: ZeroShot | None = None) -> list[Check]:
    """Each stage of a profile on a sign drawn for the purpose; the text stage must read it."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from urbextag.pipeline import build
    from urbextag.records import Failure, PhotoFacts, PhotoRef, StageResult
    from urbextag.stages.base import Kit, Shot, Stage

    sign = Image.new("RGB", (640, 320), "white")
    ImageDraw.Draw(sign).text((60, 100), SIGN, fill="black", font=ImageFont.load_default(80))
    said: dict[str, StageResult] = {}
    shot = Shot(PhotoRef("sign", "sign.png"), PhotoFacts("png", 640, 320), np.asarray(sign), said)

    def look(stage: Stage) -> str:
        stage.load()
        (result,) = stage.run([shot])
        if isinstance(result, Failure):
            raise ModelError(result.reason, REINSTALL)
        said[stage.name] = result
        if stage.name != "ocr":
            return "runs"
        if [line["text"] for line in result.data["lines"]] != [SIGN]:
            raise ModelError("it cannot read a plain sign", REINSTALL)
        return "reads a plain sign"

    stages = build(config, Kit(taxonomy, cores(), config.models, zero_shot))
    return [_try(f"{config.profile}: stage {stage.name}", partial(look, stage)) for stage in stages]


def _settings(archive: Archive) -> str:
    from urbextag.pipeline import build
    from urbextag.stages.base import Kit

    config = archive.config
    stages = build(config, Kit(archive.load_taxonomy(), models=config.models))
    hands = f"{worker_count(config)} worker(s) with {thread_count(config)} model thread(s)"
    return f"profile {config.profile}: {', '.join(stage.name for stage in stages)}; {hands}"


def _database(archive: Archive) -> Check:
    from urbextag.store import health

    problems = health.problems(archive.db)
    if problems:
        return Check("database", "fails", "; ".join(problems[:3]), "Restore it from a backup")
    return Check("database", "works", f"{archive.config.database} is intact")


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 2**30:.1f} GiB free"
    return Check("disk", "works", detail) if free > LOW_DISK_BYTES else Check("disk", "note", detail, "Free some space")


def _place(folder: Path) -> Check:
    kind = _filesystem(folder)
    if kind in NETWORK_FILESYSTEMS:
        return Check("place", "fails", f"the archive lies on a network share ({kind})", LOCAL_DISK)
    if kind is None:
        return Check("place", "note", "whether this is a network share cannot be told on this system", LOCAL_DISK)
    return Check("place", "works", f"file system {kind}")


def _photos(archive: Archive) -> Check:
    from urbextag.store import health

    gone, looked_at = health.missing_files(archive.db, archive.locate, limit=1000)
    if gone:
        remedy = "Plug in their drive or add the folder they are in"
        return Check("photos", "note", f"{gone} of {looked_at} files looked at are not there", remedy)
    return Check("photos", "works", f"{looked_at} files looked at, all there")


def _filesystem(folder: Path) -> str | None:
    """The kind of file system a folder lies on, None where the system does not tell (only Linux does, simply)."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return None
    best, kind = "", None
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, where, what, *_ = line.split(" ")
        where = where.replace("\\040", " ")  # as the kernel writes a space
        inside = os.path.commonpath([where, str(folder)]) == where
        if inside and len(where) >= len(best):
            best, kind = where, what
    return kind
