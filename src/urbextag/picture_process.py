"""A process that opens photos for a server: a decoder that crashes or hangs on a strange file takes only itself down.

It also gives the memory back: 24 megapixels take 96 MB at full scale, which the threads of a server would keep.
"""

from __future__ import annotations

import errno
import io
import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any

from urbextag import images
from urbextag.errors import PhotoError, UrbextagError
from urbextag.images.faults import CONVERT

COMMAND = (sys.executable, "-P", "-m", "urbextag.picture_process")
IDLE_SECONDS = 30.0
"""Without a photo to open, after which the process ends; the next photo starts another, in 0.3 s."""
PHOTO_SECONDS = 120.0
"""The longest that a photo may take: far more than any that `Limits` lets pass, on a busy machine."""
END_SECONDS = 5.0
"""Between the end of its standard input and being killed."""

_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that say nothing against the photo; SIGKILL is also the system's, out of memory."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no picture."""

    message: str
    remedy: str
    lasting: bool
    """It is the file's own fault and stays so while the file does; else the drive, permissions or memory."""


class PictureProcess:
    """One such process, started when it is needed. Its caller sees to it that one thread at a time uses it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def jpeg(self, photo: Path, longest_px: int, quality: int, limits: images.Limits) -> bytes | Refusal:
        """A photo's picture as a JPEG of pixels alone, without metadata.

        Args:
            photo: its file.
            longest_px: pixels of the longer side at most; never scaled up.
            quality: of the JPEG, as Pillow counts: 1 to 95.
            limits: what the photo may cost.

        Raises:
            UrbextagError: the process does not start.

        """
        asked = {"photo": str(photo), "longest_px": longest_px, "quality": quality, "limits": asdict(limits)}
        line = json.dumps(asked).encode() + b"\n"
        while True:
            if self._process and self._process.poll() is not None:
                self._end()  # it died between two photos, which is not the fault of this one
            process = self._process = self._process or _started()
            try:
                answer = _ask(process, line)
            except TimeoutError:
                self.close()
                return Refusal(f"{photo.name} takes more than {PHOTO_SECONDS:.0f} s to open", CONVERT, lasting=True)
            except BaseException:
                self.close()  # else its answer would be taken for that of the next photo
                raise
            if answer is not None:
                return answer
            code = self._end()
            if code:
                return _crashed(photo, code)
            # 0: it had been idle and ended as it was asked

    def stop(self) -> None:
        """Kill the process, from any thread; `jpeg` then refuses what it was at. It only reads, so no harm is done."""
        if process := self._process:
            process.kill()

    def close(self) -> None:
        """End the process; it starts again where it is asked again."""
        self.stop()
        self._end()

    def _end(self) -> int:
        """Wait for the process, killed where it does not end by itself; returns its exit code, 0 for none."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(BrokenPipeError):
            _pipe(process.stdin).close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()
        return process.returncode


def _started() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,  # closes when this process ends, however it ends, and so that one
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is this process's, which ends that one in good order
    )
    if not _pipe(process.stdout).readline():  # it has written why to stderr
        _pipe(process.stdin).close()
        _pipe(process.stdout).close()
        raise UrbextagError(
            f"the process that opens photos did not start (exit {process.wait()})", "See: urbextag doctor"
        )
    return process


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # both were asked for
    return pipe


def _ask(process: subprocess.Popen[bytes], line: bytes) -> bytes | Refusal | None:
    """The answer, None where the process has ended; raises TimeoutError."""
    asks, answers = _pipe(process.stdin), _pipe(process.stdout)
    try:
        asks.write(line)
        asks.flush()
    except BrokenPipeError:
        return None
    if not wait([answers], PHOTO_SECONDS):  # type: ignore[list-item]  # whatever has a fileno
        raise TimeoutError
    head = answers.readline()
    if not head.endswith(b"\n"):
        return None
    told = json.loads(head)
    if "bytes" not in told:
        return Refusal(**told)
    jpeg = answers.read(told["bytes"])
    return jpeg if len(jpeg) == told["bytes"] else None


def _crashed(photo: Path, code: int) -> Refusal:
    """What is said of a photo whose process ended by a signal (negative) or an error that nobody expected."""
    if -code in _FROM_OUTSIDE:
        what = f"{photo.name} could not be opened: the process at it was stopped ({signal.Signals(-code).name})"
        return Refusal(what, "Try again; the machine may be short of memory", lasting=False)
    how = signal.Signals(-code).name if code < 0 else f"exit {code}"
    return Refusal(f"{photo.name} makes its decoder crash ({how})", CONVERT, lasting=True)


def main() -> None:
    """Answer on standard output what is asked on standard input, a line of JSON at a time, until it closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder's C code prints must not come between the answers
    from PIL import Image  # noqa: F401  # ready means ready

    _say(answers, {})
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0] and (line := sys.stdin.buffer.readline()):
        asked = json.loads(line)
        try:
            jpeg = _jpeg(Path(asked["photo"]), asked["longest_px"], asked["quality"], images.Limits(**asked["limits"]))
        except PhotoError as error:
            refusal = Refusal(error.message, error.remedy, lasting=_is_lasting(error))
            _say(answers, asdict(refusal))
        else:
            _say(answers, {"bytes": len(jpeg)}, jpeg)


def _say(answers: IO[bytes], head: dict[str, Any], data: bytes = b"") -> None:
    answers.write(json.dumps(head).encode() + b"\n" + data)
    answers.flush()


def _jpeg(photo: Path, longest_px: int, quality: int, limits: images.Limits) -> bytes:
    """See `PictureProcess.jpeg`; raises PhotoError."""
    from PIL import Image

    written = io.BytesIO()
    # of an array, which has nothing but pixels: Pillow would pass on what a picture's own `info` holds
    Image.fromarray(images.decode(photo, longest_px, limits)).save(written, "JPEG", quality=quality)
    return written.getvalue()


def _is_lasting(error: PhotoError) -> bool:
    """Whether the file's content is at fault; a drive's errors and permissions have a number of the system's."""
    cause = error.__cause__
    return not (isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL))


if __name__ == "__main__":
    main()
