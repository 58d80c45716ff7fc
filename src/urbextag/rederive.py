"""Re-tagging is re-deriving: a changed taxonomy, prompt, context or decision needs what was kept, not the models."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.cycles import no_search_for_cycles
from urbextag.models.catalogue import find
from urbextag.models.installed import models_folder
from urbextag.prompt import prompt_of
from urbextag.records import Context
from urbextag.store import decisions, findings, locations, results, scopes
from urbextag.store.db import connect, write_in_slices

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

CHUNK = 2000
"""Photos that are derived at a time: reading embeddings in smaller lots takes twice as long."""
AHEAD = 1
"""Chunks per process that are asked for before the first is written, so that no process waits and memory is bounded."""
WORTH_A_PROCESS = 2 * CHUNK
"""With fewer photos to each, starting another process takes longer than it saves."""

ONE_THREAD = {f"{name}_THREADS": "1" for name in ("OPENBLAS_NUM", "MKL_NUM", "OMP_NUM", "VECLIB_MAXIMUM")}
"""Environment of the other processes: matrix products of each on all cores would only get in each other's way."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A photo derived again outside of a transaction, with what tells whether that still holds inside of one."""

    sha: str
    last_decision: decisions.Mark
    tagged_at: str | None
    """None: no stage has looked at it."""
    fingerprint: str
    rows: findings.Rows | None
    """None: all stands as it is."""


def stale(db: sqlite3.Connection, deriver: Deriver, stages_fingerprint: str) -> list[str]:
    """The photos with up-to-date evidence whose tags were derived with another taxonomy, prompt or context."""
    wanted: dict[str | None, str] = {None: deriver.fingerprint(Context())}
    for location in locations.all_rows(db):
        wanted[location["locid"]] = deriver.fingerprint(locations.context(location))
    return [sha for sha, locid, has in scopes.derivable(db, stages_fingerprint) if has != wanted[locid]]


def reworded(archive: Archive, taxonomy: Taxonomy, stages_fingerprint: str) -> list[str]:
    """The photos whose tagger was asked with a sentence about their place that reads otherwise by what is known today.

    None where the tagger reads no such sentence: only for one that does, a changed context means another look.
    """
    models, db = archive.config.models, archive.db
    if archive.config.profile != "standard":
        return []
    generation = find(models_folder(models), models.tags).generation
    if generation is None or generation.prompt == "task":
        return []
    known = {None: Context()} | {row["locid"]: locations.context(row) for row in locations.all_rows(db)}
    return [
        sha
        for sha, locid, seen, prompt in scopes.prompts(db, stages_fingerprint)
        if prompt != prompt_of(taxonomy, known[locid], seen)
    ]


def rederive(
    archive: Archive, deriver: Deriver, shas: Sequence[str], processes: int, done: Callable[[int], None]
) -> None:
    """Derive the tags of these photos again: in several processes where that pays, written by this one alone.

    `done` hears each time how many so far.
    """
    before = 0

    def told(count: int) -> None:
        done(before + count)

    for derived in _derived(archive, deriver, shas, processes):
        write_in_slices(archive.db, derived, lambda part: _save(archive.db, deriver, part), told)
        before += len(derived)


def _save(db: sqlite3.Connection, deriver: Deriver, derived: Sequence[Derivation]) -> None:
    """Write what was derived outside of this transaction; what was overtaken meanwhile is derived inside of it."""
    again = _overtaken(db, derived)
    stands = [one for one in derived if one.sha not in again]
    findings.save_all(db, [(one.rows, one.fingerprint) for one in stands if one.rows])
    findings.confirm(db, [(one.fingerprint, one.sha) for one in stands if not one.rows])
    if again:
        derive_again(db, deriver, sorted(again))


def derive_again(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str]) -> int:
    """Derive the tags of these photos again. Call it inside `db.write`. Returns how many had evidence."""
    said = decisions.of_each(db, shas)
    materials = results.materials(db, locations.contexts(db, list(shas)), said)
    found = [
        (findings.rows_of(one, said.get(material.record.id, ())), deriver.fingerprint(material.record.context))
        for material, one in zip(materials, deriver.derive(materials), strict=True)
    ]
    findings.save_all(db, found)
    return len(found)


def put_into_effect(db: sqlite3.Connection, deriver: Deriver, sha: str) -> None:
    """Let a person's word on a photo have its effect, also where nothing was ever said of it. Inside `db.write`."""
    if not derive_again(db, deriver, [sha]):
        findings.publish_decisions(db, sha, decisions.of(db, sha))


def derive_chunk(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str]) -> list[Derivation]:
    """Derive photos and compare with what stands, without writing. One read transaction: one state of the archive."""
    with no_search_for_cycles():
        return _derive_chunk(db, deriver, shas)


def _derive_chunk(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str]) -> list[Derivation]:
    db.execute("BEGIN")
    try:
        said = decisions.of_each(db, shas)
        materials = results.materials(db, locations.contexts(db, list(shas)), said)
        stored = findings.stored(db, shas)
        last, tagged_at = decisions.latest(db), scopes.tagged_at(db, shas)
    finally:
        db.execute("ROLLBACK")
    derived = []
    for material, found in zip(materials, deriver.derive(materials), strict=True):
        sha = material.record.id
        rows = findings.rows_of(found, said.get(sha, ()))
        fingerprint = deriver.fingerprint(material.record.context)
        derived.append(Derivation(sha, last, tagged_at.get(sha), fingerprint, None if rows == stored[sha] else rows))
    return derived


def _overtaken(db: sqlite3.Connection, derived: Sequence[Derivation]) -> set[str]:
    """The photos that a person decided on, or a worker looked at, since they were derived."""
    shas = [one.sha for one in derived]
    at = scopes.tagged_at(db, shas)
    moved = {one.sha for one in derived if at.get(one.sha) != one.tagged_at}
    return moved | decisions.decided_since(db, derived[0].last_decision, shas)


def _derived(archive: Archive, deriver: Deriver, shas: Sequence[str], processes: int) -> Iterator[Sequence[Derivation]]:
    """The photos in order, a chunk at a time."""
    chunks = [shas[start : start + CHUNK] for start in range(0, len(shas), CHUNK)]
    processes = min(processes, len(shas) // WORTH_A_PROCESS)
    if processes < 2:
        for chunk in chunks:
            yield derive_chunk(archive.db, deriver, chunk)
        return
    # "spawn": a forked copy of a process with threads (ONNX Runtime's, the progress bar's) may hang
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (archive.root,)) as pool:
        coming: deque[Future[list[Derivation]]] = deque()
        try:
            for chunk in chunks:
                coming.append(pool.submit(_in_child, chunk))
                if len(coming) > AHEAD * processes:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


_child: list[tuple[sqlite3.Connection, Deriver]] = []
"""What a process of the pool works with, made once by `_begin`."""


def _begin(root: Path) -> None:
    from urbextag.config import load_config
    from urbextag.deriver import make_deriver
    from urbextag.taxonomy import load_taxonomy

    os.environ.update(ONE_THREAD)  # NumPy, which reads this as it is imported, is imported below
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends the pool in good order
    threading.Thread(target=_end_with_parent, daemon=True).start()
    config = load_config(root)
    of = config.taxonomy
    taxonomy = load_taxonomy(of.files, calibration=of.calibration, wanted=of.wanted)
    _child.append((connect(config.database), make_deriver(config, taxonomy, threads=1)))


def _end_with_parent() -> None:
    """A pool's process waits for work for ever where its parent was killed; this one does not."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _in_child(shas: Sequence[str]) -> list[Derivation]:
    return derive_chunk(*_child[0], shas)
