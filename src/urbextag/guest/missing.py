"""Which photos are not where the database says: told together before work begins, not one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from urbextag.archive import Archive
from urbextag.config import CONFIG_NAME
from urbextag.errors import ArchiveError
from urbextag.paths import common_beginning
from urbextag.store import attach as store

LOOKERS = 8
"""Threads: on a share, each look waits for the network."""
CHUNK = 1000
SAMPLE = 200
"""Photos spread over the archive: where none of so many is there, none will be."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Missing:
    """Photos that are not where the database says."""

    number: int
    total: int
    examples: tuple[str, ...]
    """The first few, as the database has them."""
    shas: frozenset[str] = frozenset()

    @property
    def all(self) -> bool:
        """Not one of them is there."""
        return 0 < self.number == self.total

    @property
    def text(self) -> str:
        """In a sentence."""
        return (
            f"{self.number:,} of {self.total:,} photos are not where the database says, for example "
            f"{', '.join(self.examples)}."
        )


def refuse_offline(archive: Archive) -> None:
    """Raises ArchiveError where the folder that the photos are mapped to is not there: a share may be offline."""
    folder = archive.config.paths.here
    if folder is not None and not folder.is_dir():
        raise ArchiveError(
            f"the folder of the photos, {folder}, is not there",
            "Connect its share or drive, or mend [paths] here in urbextag.toml",
        )


def refuse_unmapped(archive: Archive) -> None:
    """Raises ArchiveError where none of a sample of an attached archive's photos is there and nothing is mapped."""
    if not archive.attached or archive.config.paths.stored is not None:
        return
    paths = [path for _, path in store.sample(archive.db, SAMPLE)]
    with ThreadPoolExecutor(LOOKERS) as pool:
        if paths and not any(pool.map(lambda path: archive.locate(path).exists(), paths)):
            raise ArchiveError(*how_to_map(archive))


def how_to_map(archive: Archive) -> tuple[str, str]:
    """(fault, remedy) where no photo is found: how the paths begin, and the exact lines to write."""
    paths = [path for _, path in store.sample(archive.db, SAMPLE)]
    beginning = common_beginning(paths) or "."
    quoted = f"'{beginning}'" if "\\" in beginning else f'"{beginning}"'
    return (
        f"none of {len(paths):,} photos that were looked for is where the database says; their paths begin with "
        f"{beginning}",
        f"Write into {archive.root / CONFIG_NAME} which folder that is on this machine:\n\n"
        f'[paths]\nstored = {quoted}\nhere = "/the/folder/on/this/machine"\n\n'
        f'Or run: urbextag attach --map "{beginning}=FOLDER"',
    )


def look_for_all(archive: Archive, told: Callable[[str, int, int], None]) -> Missing:
    """Look for every photo of an attached archive."""
    return look_for(archive, [row[0] for row in archive.db.execute("SELECT imgsha FROM imgs")], told)


def look_for(archive: Archive, shas: Sequence[str], told: Callable[[str, int, int], None]) -> Missing:
    """Look for the files of photos, several at a time."""
    missing: list[tuple[str, str]] = []

    def is_missing(found: tuple[str, list[str]]) -> bool:
        return not any(archive.locate(path).exists() for path in found[1])

    with ThreadPoolExecutor(LOOKERS) as pool:
        for start in range(0, len(shas), CHUNK):
            part = list(store.paths_of_each(archive.db, shas[start : start + CHUNK]).items())
            absent = pool.map(is_missing, part)
            missing += [(sha, paths[0]) for (sha, paths), gone in zip(part, absent, strict=True) if gone]
            told("Looking for photos", min(start + CHUNK, len(shas)), len(shas))
    examples = tuple(path for _, path in missing[:NAMED])
    return Missing(len(missing), len(shas), examples, frozenset(sha for sha, _ in missing))
