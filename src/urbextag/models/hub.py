"""Pulls a model's files from the hub: pinned, resumed where a download stopped, every file proved by its checksum."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from urbextag.choices import Precision
from urbextag.errors import ModelError
from urbextag.files import content_sha256
from urbextag.models.catalogue import FileSpec, Manifest, ModelSpec, read_manifest
from urbextag.models.installed import Installed, alone, from_manifest, write_manifest
from urbextag.models.transfer import Remote, ask, fetch, offline

Told = Callable[[str], None]
"""Hears a sentence that the user should know, without a full stop."""
Heard = Callable[[int, str], None]
"""Hears how many bytes of all are here, and of which file."""
Bar = Callable[[str, int], AbstractContextManager[Heard]]
"""Makes a progress bar from what is going on and the bytes in all."""

PARTIAL = ".partial"
"""Folder within a model's own that holds what is not yet whole, each file under its checksum."""
SPARE_BYTES = 64 << 20
"""Left free on the disk: a disk that is full to the last byte is of no use to anybody else."""


def _silent(sentence: str) -> None:
    """Say nothing."""


def _unseen(label: str, total: int) -> AbstractContextManager[Heard]:
    """Show nothing."""
    return nullcontext(lambda done, note: None)


@dataclass(frozen=True, slots=True)
class _Job:
    """One pull: which model in which precision, into which folder, from where."""

    spec: ModelSpec
    precision: Precision
    folder: Path
    """Of all models."""
    told: Told
    bar: Bar
    endpoint: str | None

    @property
    def home(self) -> Path:
        """The model's own folder."""
        return self.folder / self.spec.name


def pull(
    spec: ModelSpec,
    precision: Precision,
    folder: Path,
    *,
    told: Told = _silent,
    bar: Bar = _unseen,
    endpoint: str | None = None,
) -> Installed:
    """Bring one precision of a model into `folder/NAME`, and prove every file of it.

    What is there already is hashed and kept; what is damaged is fetched anew; what an earlier pull left half done is
    gone on with. A file whose checksum the catalogue does not know is held against what the hub says of it; a revision
    that the catalogue does not pin is pinned to the commit that the first pull finds. Either stays in the manifest.
    One process at a time pulls a model. A pull of what is whole needs no network.

    Args:
        spec: from the catalogue.
        precision: of its weights.
        folder: of all models.
        told: hears what the user should know.
        bar: makes the progress bar; bytes.
        endpoint: the hub's address; None = `HF_ENDPOINT`, else the public hub.

    Raises:
        ModelError: not published; no network or `HF_HUB_OFFLINE`; missing, gated or private on the hub; damaged twice;
            the disk is full; the layout does not fit. The remedy says what to do.

    """
    wanted = spec.wanted(precision)
    job = _Job(spec, precision, folder, told, bar, endpoint)
    with alone(folder, spec.name, told) as home:
        before = known = _known(job)
        revision = spec.revision or (known.revision if known else None)
        if known is not None and known.revision != revision:
            told(f"{spec.name}: the catalogue has moved on to revision {revision}; what is here of the old one goes")
            known = None
        expected = {part: _expected(file, part, known, precision) for part, file in wanted.items()}
        whole = {part: file for part, file in expected.items() if _is_whole(home / file.path, file)}
        lacking = {part: file for part, file in expected.items() if part not in whole}
        proved = {part: _sized(home / file.path, file) for part, file in whole.items()}
        if lacking:
            remotes = _asked(job, lacking, revision)
            revision = next(iter(remotes.values())).commit
            proved |= _fetched(job, remotes)
        if revision is None:  # all is whole by the catalogue's checksums, yet nothing says of which commit it is
            revision = _commit(job, wanted)
        manifest = _joined(job, known, revision, {part: proved[part] for part in wanted})
        found = from_manifest(folder, spec, manifest, precision)
        if lacking or known is None or precision not in known.precisions:
            _check_layout(job, found)
        write_manifest(folder, manifest)
        for path in paths(before) - paths(manifest):
            (home / path).unlink(missing_ok=True)
        if (home / PARTIAL).exists():
            shutil.rmtree(home / PARTIAL)
    return found


def paths(manifest: Manifest | None) -> set[str]:
    """Every file that a manifest names, relative to the model's folder."""
    if manifest is None:
        return set()
    return {file.path for precision in manifest.precisions for file in manifest.files(precision).values()}


def _known(job: _Job) -> Manifest | None:
    """The manifest of earlier pulls; a damaged one is told of and counts as none."""
    try:
        return read_manifest(job.home)
    except ModelError as error:
        job.told(f"{error.message}; it is written anew")
        return None


def _expected(file: FileSpec, part: str, known: Manifest | None, precision: Precision) -> FileSpec:
    """The file with the checksum to hold it to: the catalogue's, else the one that an earlier pull noted."""
    if file.sha256 is not None or known is None:
        return file
    noted = {**known.precisions.get(precision, {}), **known.common}.get(part)
    return noted if noted is not None and noted.path == file.path else file


def _is_whole(path: Path, file: FileSpec) -> bool:
    if file.sha256 is None or not path.is_file() or (file.size is not None and path.stat().st_size != file.size):
        return False
    return content_sha256(path) == file.sha256


def _sized(path: Path, file: FileSpec) -> FileSpec:
    return file.model_copy(update={"size": path.stat().st_size})


def _asked(job: _Job, lacking: Mapping[str, FileSpec], revision: str | None) -> dict[str, Remote]:
    """What the hub says of the files that are not here; every one must be there before any is fetched."""
    spec = job.spec
    if offline():
        files = ", ".join(file.path for file in lacking.values())
        raise ModelError(
            f"Model {spec.name} in {job.precision} is not whole here (lacking: {files}) and HF_HUB_OFFLINE is set",
            f"Unset HF_HUB_OFFLINE, or copy {spec.name} from another machine's models folder into {job.folder}",
        )
    assert spec.repository is not None  # ModelSpec.wanted has looked
    if revision is None:
        job.told(f"{spec.name}: no revision is pinned in the catalogue; asking for the newest")
    remotes: dict[str, Remote] = {}
    for part, file in lacking.items():
        at = revision or next((remote.commit for remote in remotes.values()), "main")
        remotes[part] = ask(spec.repository, at, file, job.endpoint)
    if revision is None:
        commit = next(iter(remotes.values())).commit
        job.told(f"{spec.name}: pinned to commit {commit}; later pulls stay with it")
    return remotes


def _commit(job: _Job, wanted: Mapping[str, FileSpec]) -> str:
    """The commit that the hub's newest revision is at."""
    return next(iter(_asked(job, dict(list(wanted.items())[:1]), None).values())).commit


def _fetched(job: _Job, remotes: Mapping[str, Remote]) -> dict[str, FileSpec]:
    """Fetch the files, prove them and put them in their places; part -> file with checksum and size."""
    partial = job.home / PARTIAL
    parts = {part: partial / remote.proof for part, remote in remotes.items()}
    _make(partial)
    for stray in set(partial.iterdir()) - set(parts.values()):
        stray.unlink()  # of another revision
    here = sum(path.stat().st_size for path in parts.values() if path.exists())
    total = sum(remote.size for remote in remotes.values())
    _check_room(job, total - here)
    if here:
        job.told(f"{job.spec.name}: going on after {here:,} of {total:,} bytes")
    proved: dict[str, FileSpec] = {}
    with job.bar(f"Pulling {job.spec.name} {job.precision}", total) as heard:
        done = 0
        for part, remote in remotes.items():
            start, name = done, Path(remote.path).name

            def position(here: int, start: int = start, name: str = name) -> None:
                heard(start + here, name)

            sha256 = fetch(remote, parts[part], position, job.told)
            target = job.home / remote.path
            _make(target.parent)
            parts[part].replace(target)
            proved[part] = FileSpec(path=remote.path, sha256=sha256, size=remote.size)
            done += remote.size
    return proved


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be made: {error.strerror}", "Set [models] folder to one you can write"
        ) from error


def _check_room(job: _Job, lacking: int) -> None:
    free = shutil.disk_usage(job.home).free
    if lacking + SPARE_BYTES > free:
        raise ModelError(
            f"Model {job.spec.name} in {job.precision} needs {lacking / 1e6:,.0f} MB more; {job.folder} has "
            f"{free / 1e6:,.0f} MB free",
            "Make room, set [models] folder to another disk, or take a smaller precision",
        )


def _check_layout(job: _Job, found: Installed) -> None:
    """Open and try every file, so that what does not fit is refused here and not at the first photo."""
    from urbextag.models.layout import check

    job.told(f"{job.spec.name} {job.precision}: opening and trying every file")
    try:
        check(found)
    except ModelError as error:
        raise ModelError(
            error.message,
            f"Install the newest urbextag; if it says the same, report it. The files stay in {job.home}; "
            f"take them away: urbextag models remove {job.spec.name}",
        ) from error


def _joined(job: _Job, known: Manifest | None, revision: str, proved: Mapping[str, FileSpec]) -> Manifest:
    """The manifest with this precision in it, beside the others of the same revision."""
    own = {part: file for part, file in proved.items() if part in job.spec.files[job.precision]}
    common = {part: file for part, file in proved.items() if part in job.spec.common}
    others = known.precisions if known else {}
    return Manifest(
        name=job.spec.name, revision=revision, precisions={**others, job.precision: own}, common=common, spec=None
    )
