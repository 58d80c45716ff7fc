"""`evaluate`: derived tags against a golden set, and the gate before another configuration is adopted."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.choices import GATED, PROFILES, Profile
from urbextag.cli.common import App, emit, json_option, load_deriver, progress
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.config import Config
    from urbextag.evaluate.compare import Comparison
    from urbextag.evaluate.figures import Evaluation
    from urbextag.evaluate.golden import Entry, Golden
    from urbextag.taxonomy import Taxonomy

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("golden", type=click.Path(path_type=Path))
@click.option("--baseline", type=_FILE, help="Compare with this saved result; exit code 5 where it is worse.")
@click.option("--gate", multiple=True, type=click.Choice(GATED), help="A figure that must not fall.  [default: all]")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="How far a figure of the gate may fall.",
)
@click.option("--save", type=_FILE, help="Write the result here, to be a baseline.")
@click.option("--photos", "each", is_flag=True, help="Show every photo.")
@click.option(
    "--taxonomy",
    "user_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A taxonomy file of your own, beside those of the settings; may be given more than once.",
)
@click.option("--profile", type=click.Choice(PROFILES), help="For photos: the stages.  [default: the settings']")
@json_option
@click.pass_obj
def evaluate(
    app: App, golden: Path, baseline: Path | None, gate: tuple[str, ...], tolerance: float, save: Path | None,
    each: bool, user_files: tuple[Path, ...], profile: Profile | None, as_json: bool,
) -> None:  # fmt: skip
    """Score derived tags against what people say is there.

    GOLDEN is a file of JSON lines or a folder of JSON files: recorded evidence or photos, each with its truth
    (docs/evaluate.md).

    \b
    urbextag evaluate golden.jsonl --save before.json
    urbextag evaluate golden.jsonl --taxonomy my-words.yaml --baseline before.json
    """
    from urbextag.cli.evaluate_tables import print_comparison, print_evaluation
    from urbextag.evaluate.compare import compare, hold, read_evaluation
    from urbextag.evaluate.golden import read_golden
    from urbextag.evaluate.score import evaluate as score
    from urbextag.taxonomy import load_taxonomy

    if save and baseline and save.resolve() == baseline.resolve():
        raise UsageError("--save would overwrite the baseline", "Save it under another name")
    if math.isnan(tolerance):  # click takes it, and nothing would ever be worse
        raise UsageError("--tolerance must be a number", "Give one between 0 and 1")
    if gate and not baseline:
        raise UsageError("--gate holds figures to a baseline", "Name it with --baseline")
    before = read_evaluation(baseline) if baseline else None
    config = app.config()
    config = config.model_copy(update={"profile": profile or config.profile})
    of = config.taxonomy
    taxonomy = load_taxonomy([*of.files, *user_files], calibration=of.calibration, wanted=of.wanted)
    entries = read_golden(golden)
    goldens = _goldens(config, taxonomy, entries)
    with progress("Evaluating", len(goldens)) as bar:
        after = score(taxonomy, goldens, [entry.record.id for entry in entries if entry.truth is None], bar)
    comparison = compare(before, after, gate or GATED, tolerance) if before else None
    if save:
        save.write_text(json.dumps(asdict(after), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if as_json:
        emit(_as_json(after, comparison))
    else:
        print_evaluation(after, each)
        if comparison:
            print_comparison(comparison)
    if comparison:
        hold(comparison, tolerance)


def _as_json(after: Evaluation, comparison: Comparison | None) -> dict[str, Any]:
    """The result as `--save` writes it; a comparison stands beside it."""
    return asdict(after) | ({"comparison": asdict(comparison)} if comparison else {})


def _goldens(config: Config, taxonomy: Taxonomy, entries: Sequence[Entry]) -> list[Golden]:
    """The entries with their evidence; models are opened only where a photo must be looked at."""
    from urbextag.deriver import Deriver
    from urbextag.evaluate.photos import gather
    from urbextag.images import Limits

    limits = Limits(max_pixels=config.limits.max_pixels)
    photos = sum(entry.photo is not None and entry.truth is not None for entry in entries)
    if not photos:
        return gather(entries, tuple, Deriver(taxonomy), limits)
    from urbextag.pipeline import build
    from urbextag.stages.base import Kit
    from urbextag.supervisor import cores
    from urbextag.worker import Crew

    deriver = load_deriver(config, taxonomy, cores())
    crew = Crew(lambda: build(config, Kit(taxonomy, cores(), config.models, deriver.zero_shot)))
    with progress("Looking", photos) as bar:
        return gather(entries, crew.stages, deriver, limits, bar)
