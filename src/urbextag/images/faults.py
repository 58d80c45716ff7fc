"""The one boundary where a broken, missing or oversized file becomes a `PhotoError` with its remedy."""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from urbextag.errors import PhotoError
from urbextag.images.containers import cut_short

COPY_AGAIN = "Copy it again from the camera or a backup"
CONVERT = "Convert it to JPEG, PNG or TIFF"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one photo may cost. Checked against the header, before anything is decoded.

    `max_memory_bytes` is compared with an estimate of the decoder's peak (see `decode.py`), so the number of pixels
    that is allowed depends on the format: JPEG can be decoded scaled down, the others cannot.
    """

    max_pixels: int = 500_000_000
    """Width times height of any format: bounds the time."""
    max_memory_bytes: int = 1 << 30
    """Peak memory of one decode."""
    max_file_bytes: int = 2 << 30
    """Size of the file itself."""


def check_size(path: Path, width: int, height: int, memory: float, limits: Limits) -> None:
    """Refuse a photo that would cost more than `limits`.

    Args:
        path: the photo, for the message.
        width: pixels, from the header.
        height: pixels, from the header.
        memory: bytes that the decoder would need at its peak.
        limits: the bounds.

    Raises:
        PhotoError: too many pixels or too much memory.

    """
    what = f"{path.name} is too large: {width} x {height} pixels"
    if width * height > limits.max_pixels:
        raise PhotoError(f"{what}, the limit is {limits.max_pixels / 1e6:.0f} megapixels", "Add a smaller copy of it")
    if memory > limits.max_memory_bytes:
        needs, allowed = memory / (1 << 20), limits.max_memory_bytes / (1 << 20)
        raise PhotoError(
            f"{what} would take {needs:.0f} MiB to decode, the limit is {allowed:.0f} MiB",
            "Add a smaller copy of it, or a JPEG, which can be decoded at a smaller scale",
        )


def check_file(path: Path, limits: Limits) -> None:
    """Refuse what is no readable file of a sensible size.

    Raises:
        PhotoError: gone, forbidden, not a regular file (a pipe would block for ever), empty or too large.

    """
    with photo_faults(path):
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise PhotoError(f"{path.name} is not a regular file", "Name a photo file")
    if status.st_size == 0:
        raise PhotoError(f"{path.name} is empty", COPY_AGAIN)
    if status.st_size > limits.max_file_bytes:
        size = f"{status.st_size / (1 << 20):.0f} MiB, the limit is {limits.max_file_bytes / (1 << 20):.0f} MiB"
        raise PhotoError(f"{path.name} is too large a file: {size}", "Add a smaller copy of it")


@contextmanager
def photo_faults(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Turn what the decoders raise on a broken file into a `PhotoError`.

    The classes were found by mutating files of every format some 30,000 times: OSError, SyntaxError, ValueError,
    EOFError, RuntimeError, AttributeError and DecompressionBombError came up (and LibRaw's own). struct.error,
    TypeError, LookupError and OverflowError are what Pillow's plugins raise on a short or contradictory header and
    mostly turn into SyntaxError themselves. A MemoryError is a size that a broken header claims: sizes within
    `Limits` do not need that much.

    Args:
        path: the photo, for the message.
        more: classes of a library that is not imported for every photo (`rawpy.LibRawError`).

    """
    from PIL.Image import DecompressionBombError

    faults: tuple[type[Exception], ...] = (OSError, *_DECODER_FAULTS, *more)
    try:
        yield
    except FileNotFoundError as error:
        raise PhotoError(f"{path.name} is no longer there", "Add its folder again if it was moved") from error
    except PermissionError as error:
        raise PhotoError(f"{path.name} may not be read", "Give yourself read permission for it") from error
    except (DecompressionBombError, MemoryError) as error:
        raise PhotoError(f"{path.name} claims an impossible size ({error})", COPY_AGAIN) from error
    except faults as error:
        raise broken(path, error) from error


_DECODER_FAULTS: tuple[type[Exception], ...] = (
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    TypeError,
    LookupError,
    OverflowError,
    AttributeError,
    RuntimeError,
)


def broken(path: Path, error: Exception) -> PhotoError:
    """The `PhotoError` for a decoder's complaint: unreadable drive, truncated or damaged."""
    said = " ".join(str(error).split())[:200] or type(error).__name__
    if said.startswith("b'"):  # LibRaw's messages are bytes
        said = said[2:-1]
    # EINVAL is a seek to an offset that cannot be: the file's fault, not the drive's
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        return PhotoError(f"{path.name} cannot be read ({said})", "Check the drive or network share that it lies on")
    # LibRaw's "Input/output error" is a read past the end
    if "truncated" in said.lower() or said == "Input/output error" or cut_short(path):
        return PhotoError(f"{path.name} is truncated ({said})", COPY_AGAIN)
    return PhotoError(f"{path.name} is damaged ({said})", COPY_AGAIN)
