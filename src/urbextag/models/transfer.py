"""One file of the hub: what the hub says of it, its download with resume, and every fault as a ModelError."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from urbextag import __version__
from urbextag.errors import ModelError
from urbextag.files import content_sha256
from urbextag.models.catalogue import FileSpec

STALLS = 3
"""Times in a row that a connection may end before it has brought any further byte."""
AGAIN = "Run it again: it goes on where it stopped"
_SHA256 = re.compile("[0-9a-f]{64}")
_SHA1 = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as the hub describes it, agreed with the catalogue."""

    repository: str
    path: str
    url: str
    commit: str
    size: int
    """Bytes."""
    sha256: str | None
    """The catalogue's, else the hub's; None for a small file of which the hub knows the git object alone."""
    blob: str | None
    """Git object id (SHA-1 of `blob SIZE\\0` and the content), where there is no SHA-256."""

    @property
    def proof(self) -> str:
        """The checksum that the content must have."""
        return self.sha256 or self.blob or ""


def offline() -> bool:
    """Whether the user forbids the network (`HF_HUB_OFFLINE`)."""
    from huggingface_hub import constants

    return constants.is_offline_mode()


def ask(repository: str, revision: str, file: FileSpec, endpoint: str | None) -> Remote:
    """What the hub says of a file: one HEAD request.

    Raises:
        ModelError: it is not there, not to be had, not what the catalogue says, or this is no hub.

    """
    _quieten()
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repository, file.path, revision=revision, endpoint=endpoint)
    with _told_as_model_errors(repository, revision, file.path, url):
        said = get_hf_file_metadata(url, library_name="urbextag", library_version=__version__)
    if said.commit_hash is None or said.etag is None or not _SHA1.fullmatch(said.commit_hash):
        raise ModelError(
            f"{url} is answered, but not as a model hub answers (no commit, no checksum)",
            "Look at HF_ENDPOINT, at the proxy, and whether this network asks for a login in the browser first",
        )
    if _SHA1.fullmatch(revision) and said.commit_hash != revision:
        raise ModelError(
            f"{repository}: asked for revision {revision}, answered with {said.commit_hash}", "Look at HF_ENDPOINT"
        )
    sha256 = said.etag if _SHA256.fullmatch(said.etag) else None
    _agree(repository, file, "SHA-256", file.sha256, sha256)
    _agree(repository, file, "size", file.size, said.size)
    size = said.size or file.size
    blob = said.etag if _SHA1.fullmatch(said.etag) else None
    if size is None or not (file.sha256 or sha256 or blob):
        raise ModelError(
            f"{url} comes without a size or a checksum, so it cannot be proved whole",
            "Look at HF_ENDPOINT: a mirror must pass on X-Linked-Size and X-Linked-Etag",
        )
    return Remote(repository, file.path, url, said.commit_hash, size, file.sha256 or sha256, blob)


def _agree(repository: str, file: FileSpec, what: str, expected: object, found: object) -> None:
    if expected is not None and found is not None and expected != found:
        raise ModelError(
            f"{file.path} of {repository} is another file than the catalogue knows: {what} {expected} expected, "
            f"{found} found",
            "Install the newest urbextag; if it says the same, report it",
        )


def fetch(remote: Remote, partial: Path, position: Callable[[int], None], told: Callable[[str], None]) -> str:
    """Bring a file's content into `partial`, going on after what is there; a damaged one is fetched once more.

    Args:
        remote: from `ask`.
        partial: where it grows; in the end whole and on the disk.
        position: hears how many bytes of it are here.
        told: hears of a second try.

    Returns:
        Its SHA-256, proved against what the catalogue or the hub says.

    Raises:
        ModelError: it came damaged twice, it does not come, or the disk is full.

    """
    for last in (False, True):
        _download(remote, partial, position)
        found, sha256 = _proof(remote, partial)
        if found == remote.proof:
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            return sha256
        partial.unlink()
        damage = f"{remote.path} of {remote.repository} came damaged: checksum {remote.proof} expected, {found} found"
        if not last:
            told(f"{damage}; fetching it once more")
    raise ModelError(f"{damage}, and so it did the second time", "Try another network: something on the way changes it")


def _proof(remote: Remote, path: Path) -> tuple[str, str]:
    """The checksum of the kind that `remote.proof` has, and the SHA-256."""
    sha256 = content_sha256(path)
    if remote.sha256 is not None:
        return sha256, sha256
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest(), sha256


class _Counted:
    """A file that tells how far it has been written; what http_get needs of a file."""

    def __init__(self, file: IO[bytes], position: Callable[[int], None]) -> None:
        self._file, self._position = file, position

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._file.flush()  # what has come shall outlive this process
        self._position(self._file.tell())
        return written

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def truncate(self) -> int:
        return self._file.truncate()


def _download(remote: Remote, partial: Path, position: Callable[[int], None]) -> None:
    """Let `partial` grow to the file's size; returns early where the server sends more than that."""
    _quieten()
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # exported at run time

    headers = build_hf_headers(library_name="urbextag", library_version=__version__)
    with _told_as_model_errors(remote.repository, remote.commit, remote.path, remote.url):
        partial.touch()
        if partial.stat().st_size > remote.size:
            os.truncate(partial, 0)
    stalls = 0
    while (have := partial.stat().st_size) < remote.size:
        position(have)
        with _told_as_model_errors(remote.repository, remote.commit, remote.path, remote.url), partial.open("r+b") as f:
            f.seek(have)
            try:
                counted = cast(BinaryIO, _Counted(f, position))
                http_get(remote.url, counted, resume_size=have, headers=headers, expected_size=remote.size)
            except httpx2.ReadError:
                pass  # reset by the other side; http_get itself goes on after timeouts and cut answers
            except OSError as error:
                if isinstance(error, HfHubHTTPError) or error.errno is not None:
                    raise
                # http_get's own complaint that the answer ended short or long
        stalls = stalls + 1 if partial.stat().st_size <= have else 0
        if stalls == STALLS:
            raise ModelError(f"{remote.url} stops at byte {have:,} of {remote.size:,}, {STALLS} times", AGAIN)
    position(partial.stat().st_size)


def _quieten() -> None:
    """No usage figures in the requests, no bars and warnings of the library between ours."""
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_DISABLE_TELEMETRY = True
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


@contextmanager
def _told_as_model_errors(repository: str, revision: str, path: str, url: str) -> Iterator[None]:
    """Faults of the network, of the hub and of the disk as errors that carry their remedy."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(f"{path} of {repository} is not here and HF_HUB_OFFLINE is set", "Unset it") from error
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{repository} asks for agreement to its terms before it is handed out",
            f"Agree at {url.split('/resolve/')[0]}, and set HF_TOKEN to your access token (or: hf auth login)",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{repository} has no revision {revision}", "Install the newest urbextag") from error
    except errors.RemoteEntryNotFoundError as error:
        raise ModelError(
            f"{repository} has no file {path} at revision {revision}: its layout does not fit",
            "Install the newest urbextag; if it says the same, report it",
        ) from error
    except errors.HfHubHTTPError as error:
        raise _refusal(error.response.status_code, repository, url) from error
    except httpx2.TimeoutException as error:
        raise ModelError(
            f"{url} gives no answer (timeout)", f"{AGAIN}. HF_HUB_DOWNLOAD_TIMEOUT sets seconds"
        ) from error
    except httpx2.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise ModelError(
            f"{url} cannot be reached: {reason}", f"Look at the network, the proxy and HF_ENDPOINT. {AGAIN}"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError("The disk is full", f"Make room. {AGAIN}") from error
        raise ModelError(f"{error.filename or path} cannot be written: {error.strerror or error}", AGAIN) from error


def _refusal(status: int, repository: str, url: str) -> ModelError:
    """An answer of the hub that is no file."""
    if status in (401, 403):
        return ModelError(
            f"{repository} is not handed out to you (HTTP {status}): it is private, gated or gone",
            f"Look at {url.split('/resolve/')[0]}; set HF_TOKEN to an access token that may read it",
        )
    if status == 404:
        return ModelError(f"{url} does not exist (HTTP 404)", "Look at HF_ENDPOINT; install the newest urbextag")
    if status == 429:
        return ModelError("The hub asks to slow down (HTTP 429)", f"Wait some minutes. {AGAIN}")
    return ModelError(f"{url} is answered with HTTP {status}", f"Wait some minutes. {AGAIN}")
