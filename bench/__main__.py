"""Measure, print each figure beside its target, and count the targets met; `python -m bench GROUP...` for some."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time

from bench import data, models, vlm
from bench.locations import locations
from bench.measure import MIB, WORK, Figure, median, peak_of, urbextag
from bench.web import web
from urbextag.supervisor import cores

KEPT = ("full-size", "web")
"""The models of full size, and the archive that the web app is measured on."""


def start_up() -> list[Figure]:
    """`--help`, and `status` on an archive of 100,000 photos."""
    archive = WORK / "large"
    data.large_archive(archive, 100_000)
    return [
        Figure("urbextag --help, seconds", median(lambda: urbextag("--help")), 0.3, "s"),
        Figure(
            "urbextag status, archive of 100,000 photos, seconds",
            median(lambda: urbextag("--archive", archive, "status")),
            0.5,
            "s",
        ),
    ]


def throughput() -> list[Figure]:
    """`tag` against the bare decode and model calls on the same photos, each a whole process, in turn."""
    photos = data.good_photos(WORK / "good", 48)
    ratios, rates = [], []
    for run in range(3):
        archive = WORK / f"speed-{run}"
        urbextag("init", archive)
        settings = f"[work]\nworkers = 1\nthreads = {cores()}\n"
        (archive / "urbextag.toml").write_text(settings, encoding="utf-8")
        urbextag("--archive", archive, "add", photos)
        command = [sys.executable, "-m", "bench.bare", str(photos), str(cores())]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        alone = time.perf_counter() - started
        tagging = urbextag("--archive", archive, "tag")
        ratios.append(alone / tagging)
        rates.append(48 / tagging)
        print(f"     run {run + 1}: bare {alone:.1f} s, tag {tagging:.1f} s, {rates[-1]:.2f} photos/s", flush=True)
    ratio = statistics.median(ratios)
    return [Figure("throughput of tag / bare decode and model calls, ratio", ratio, 0.85, "", at_most=False)]


def memory() -> list[Figure]:
    """Peak of all processes of `tag` together over 300 mutated files and a newspaper page, OCR included."""
    files, archive = WORK / "mutated", WORK / "hostile"
    data.mutated_files(files, 300)
    urbextag("init", archive)
    urbextag("--archive", archive, "add", files, codes=(5,))
    peak = peak_of("--archive", archive, "tag", codes=(0, 5))
    return [Figure("peak memory of tag on 300 mutated files, GiB", peak / 1024 / MIB, 1.5, "GiB")]


def clear() -> None:
    """Remove what was measured on, but for what takes minutes to make."""
    for path in WORK.glob("*"):
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def main() -> None:
    """The map: each group of figures in turn, then how many targets were met."""
    clear()
    WORK.mkdir(parents=True, exist_ok=True)
    by_models = (models.scene, models.tags, models.together, models.begin, models.again)
    groups = (start_up, locations, throughput, memory, web, *by_models, vlm.describe)
    wanted = [group for group in groups if group.__name__ in sys.argv[1:]] or groups
    figures: list[Figure] = []
    try:
        for group in wanted:
            for figure in group():
                print(figure.line(), flush=True)
                figures.append(figure)
    finally:
        clear()
    print(f"targets met: {sum(figure.met for figure in figures)} of {len(figures)}")


if __name__ == "__main__":
    main()
