"""What the tests share: the real command line, a real archive, drawn photos."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from PIL import Image, ImageDraw, ImageFont

import command_server

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of the many processes compiles the package for itself
settings.register_profile("the same examples each time", derandomize=True, deadline=None)  # however busy the machine
settings.load_profile("the same examples each time")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def urbextag(*arguments: object, cwd: Path | None = None, stdin: str | None = "", timeout: float = 300) -> Ran:
    """Run the real command in a process of its own, outside any terminal."""
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1"}
    if command_server.can_run(environment):
        folder = None if cwd is None else str(cwd)
        return Ran(*command_server.run([*map(str, arguments)], folder, environment, stdin, timeout))
    command = [sys.executable, "-m", "urbextag", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Box:
    """An archive to play with."""

    root: Path

    def __call__(self, *arguments: object, **more: Any) -> Ran:
        return urbextag(*arguments, cwd=self.root, **more)

    def ok(self, *arguments: object, code: int = 0, **more: Any) -> Ran:
        """Run and insist on the exit code."""
        ran = self(*arguments, **more)
        assert ran.code == code, f"{arguments}: exit {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    def settings(self, text: str) -> None:
        (self.root / "urbextag.toml").write_text(text, encoding="utf-8")

    def database(self) -> Any:
        """The open database; close it."""
        from urbextag.store.db import connect

        return connect(self.root / "urbextag.db")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    from urbextag.archive import create

    root = tmp_path / "archive"
    create(root)
    return Box(root)


def draw(path: Path, *lines: str, size: tuple[int, int] = (480, 320), colour: object = "white", seed: int = 0) -> Path:
    """Draw a sign with these lines; `seed` makes the content another without changing what it says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, colour)  # type: ignore[arg-type]
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text((24, 24 + 60 * number), line, fill="black", font=ImageFont.load_default(44))
    pen.point((seed % size[0], seed // size[0] % size[1]), fill=(seed % 256, 1, 2))
    picture.save(path, quality=92)
    return path
