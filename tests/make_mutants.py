"""A folder of broken photos, alike each time: cut, flipped, emptied, misnamed, with huge sizes in their headers."""

from __future__ import annotations

from pathlib import Path

from make_photos import PILLOW_KINDS, make_dng, make_heic, make_picture, mutate, raw_header, scene, with_size

SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif", "jpeg2000": ".jp2"}
WRONG = (".txt", ".png", ".jpg", ".nef", "")


def good_sources(folder: Path) -> list[Path]:
    """One good file of every format that can be made here, with a sign to read in most."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = scene((480, 360), "BOILER ROOM 3")
    files = [make_picture(folder / f"good{SUFFIXES.get(kind, '.' + kind)}", kind, picture) for kind in PILLOW_KINDS]
    files += [make_heic(folder / "good.heic"), make_dng(folder / "good.dng", (480, 360))]
    for kind in ("nef", "cr2", "cr3", "arw", "raf", "orf", "rw2"):
        path = folder / f"header.{kind}"
        path.write_bytes(raw_header(kind, make="NIKON CORPORATION" if kind == "nef" else "SONY"))
        files.append(path)
    return files


def make_mutants(folder: Path, sources: Path, count: int) -> list[Path]:
    """`count` files, each a mutation of a good one: every tenth has a wrong suffix, some are empty or bombs."""
    folder.mkdir(parents=True, exist_ok=True)
    good = good_sources(sources)
    files = []
    for seed in range(count):
        source = good[seed % len(good)]
        content = source.read_bytes()
        suffix = source.suffix
        if seed % 23 == 0:
            content = b""
        elif seed % 19 == 0:
            content = with_size(content, 40_000, 40_000)
        elif seed % 10 == 0:
            suffix = WRONG[seed // 10 % len(WRONG)]
            content += seed.to_bytes(2, "big")
        else:
            content = mutate(content, seed)
        path = folder / f"{seed:03}{suffix}"
        path.write_bytes(content)
        files.append(path)
    return files
