"""Figures of the profiles with models, on models of full size with random weights (`bench.full_size`)."""

from __future__ import annotations

import statistics
import time
from contextlib import closing
from pathlib import Path

from bench import full_size
from bench.measure import EXPORT_PYTHON, MIB, WORK, Figure, module, peak_of, urbextag
from bench.tagged import tagged_archive
from urbextag.config import load_config
from urbextag.models.installed import installed
from urbextag.supervisor import cores

FEW, MANY = 24, 144
"""Photos of two runs: the rate is that of the difference, so that neither start-up nor the first batch counts."""


def scene() -> list[Figure]:
    """Stage 0 on files of 24 megapixels against its floor, and against the usual way."""
    _make("siglip-base", 12)
    bare = module("bare_models", "siglip-base", "--threads", 1)
    usual = module("usual", "siglip-base", "--threads", cores(), python=EXPORT_PYTHON)
    few, many = _scene_archive("few", FEW), _scene_archive("many", MANY)
    urbextag("tag", full_size.photos(1)[0], "--profile", "scene", cwd=few)  # encodes the prompts
    taken = urbextag("tag", cwd=few), urbextag("tag", cwd=many)
    rate = (MANY - FEW) / (taken[1] - taken[0])
    print(
        f"     bare: decode {bare['decode']:.3f} s, encode {bare['encode']:.3f} s; tag: {rate:.1f} photos/s; ", end=""
    )
    print(f"usual way: {usual['photo']:.3f} s a photo", flush=True)
    return [
        Figure("Stage 0, 24 MP JPEG, int8 / (cores / bare)", rate * bare["photo"] / cores(), 0.9, "", at_most=False),
        Figure("Stage 0 against transformers fp32, times as fast", rate * usual["photo"], 5, "x", at_most=False),
    ]


def tags() -> list[Figure]:
    """Florence-2 large, two tasks of 100 tokens each, against the bare calls and against the usual way."""
    _make("florence-2-large", 4)
    wide = ("florence-2-large", "--threads", cores())
    ratios = []
    for run in range(3):
        bare, own = module("bare_models", *wide), module("own_models", *wide, "--photos", 3)
        ratios.append(own["photo"] / bare["photo"])
        print(f"     run {run + 1}: bare {bare['photo']:.2f} s, ours {own['photo']:.2f} s a photo", flush=True)
    usual = module("usual", *wide, "--photos", 2, python=EXPORT_PYTHON)
    faster = usual["photo"] / own["photo"]
    print(f"     usual way: {usual['photo']:.2f} s a photo", flush=True)
    return [
        Figure("Florence-2 large, 2 x 100 tokens, int8 / bare", statistics.median(ratios), 1.05, ""),
        Figure("Florence-2 large against transformers fp32, times as fast", faster, 3, "x", at_most=False),
    ]


def together() -> list[Figure]:
    """Peak memory of Stage 0 and Stage 1 in one process."""
    figures = []
    for size, most in (("large", 2.5), ("base", 1.2)):
        _make("siglip-base", 4)
        _make(f"florence-2-{size}", 4)
        peak = module("both_stages", f"florence-2-{size}")["peak_mib"] / 1024
        figures.append(Figure(f"peak memory, SigLIP and Florence-2 {size} int8, GiB", peak, most, "GiB"))
    return figures


def begin() -> list[Figure]:
    """What the command takes to the first tagged photo besides looking at it, against loading the files."""
    _make("siglip-base", 4)
    _make("florence-2-base", 4)
    loading = module("load_all", "florence-2-base")["seconds"]
    folder = _archive("cold", "standard", 'tags = "florence-2-base"\n', "[stages.florence]\nmax_new_tokens = 8\n")
    photos = full_size.photos(1)
    urbextag("tag", photos[0], cwd=folder)  # encodes the prompts
    # The least of several in turn: what else the machine does only ever adds, and a difference doubles it.
    pairs = [[urbextag("tag", *photos * count, cwd=folder) for count in (1, 4)] for _ in range(4)]
    one, four = (min(seconds) for seconds in zip(*pairs, strict=True))
    start = one - (four - one) / 3
    print(f"     files load in {loading:.2f} s; one photo {one:.2f} s, four {four:.2f} s", flush=True)
    return [Figure("cold start of the profile standard - loading its files, s", start - loading, 1.0, "s")]


def again() -> list[Figure]:
    """100,000 photos: derived again after a change of the taxonomy; searched by words."""
    from urbextag.config import DATABASE_NAME
    from urbextag.models.dual_encoder import TextEncoder
    from urbextag.pipeline import build, fingerprint
    from urbextag.similar import Index
    from urbextag.stages.base import Kit
    from urbextag.store import embeddings
    from urbextag.store.db import connect
    from urbextag.taxonomy import load_taxonomy

    _make("siglip-base", 4)
    folder = _archive("again", "scene", "", "")
    config = load_config(folder)
    model = installed(full_size.MODELS, "siglip-base", "int8")
    stages = build(config, Kit(load_taxonomy(), models=config.models))
    tagged_archive(folder, 100_000, model, 768, fingerprint(stages))
    urbextag("tag", "--scope", "changed", "--yes", cwd=folder)  # all is new: every photo is written
    figures = []
    for name, words in (("words.yaml", "[ward bed]"), ("more.yaml", "[ward bed, sick bed]")):
        (folder / name).write_text(
            f"facet: object\nconcepts:\n  hospital-bed: {{synonyms: {words}}}\n", encoding="utf-8"
        )
        settings = (folder / "urbextag.toml").read_text(encoding="utf-8").split("[taxonomy]")[0]
        (folder / "urbextag.toml").write_text(f'{settings}[taxonomy]\nfiles = ["{name}"]\n', encoding="utf-8")
        if name == "words.yaml":
            seconds = urbextag("tag", "--scope", "changed", "--yes", cwd=folder)
            figures.append(Figure("100,000 photos derived again, seconds", seconds, 60, "s"))
        else:
            peak = peak_of("tag", "--scope", "changed", "--yes", cwd=folder)
            figures.append(Figure("100,000 photos derived again, GiB", peak / 1024 / MIB, 1.0, "GiB"))
    with closing(connect(folder / DATABASE_NAME)) as db:
        index = Index(*embeddings.load_all(db, model.spec.name, model.identity))
    encoder = TextEncoder(model, cores())
    encoder.load()
    taken = []
    for number in range(21):
        started = time.perf_counter()
        index.nearest(encoder.encode([f"a photo of wheelchair number {number} in a hallway"])[0], 20)
        taken.append(1000 * (time.perf_counter() - started))
    return [*figures, Figure("text search over 100,000 photos, warm, ms", statistics.median(taken[1:]), 50, "ms")]


def _make(name: str, photos: int) -> None:
    module("full_size", name, "--precision", "int8", "--photos", photos, python=EXPORT_PYTHON)


def _archive(name: str, profile: str, models: str, more: str) -> Path:
    folder = WORK / name
    urbextag("init", folder)
    settings = f'profile = "{profile}"\n[models]\nfolder = "{full_size.MODELS}"\nscene = "siglip-base"\n{models}{more}'
    (folder / "urbextag.toml").write_text(settings, encoding="utf-8")
    return folder


def _scene_archive(name: str, count: int) -> Path:
    """An archive of `count` photos of 24 megapixels, added: the same few pictures, each file with bytes of its own."""
    photos = WORK / f"{name}-photos"
    photos.mkdir()
    pictures = [path.read_bytes() for path in full_size.photos(12)]
    for number in range(count):
        content = pictures[number % len(pictures)] + f"file {number} of {name}".encode()  # after the picture's end
        (photos / f"{number:03}.jpg").write_bytes(content)
    folder = _archive(name, "scene", "", "")
    urbextag("add", photos, cwd=folder)
    return folder
