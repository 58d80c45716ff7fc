"""Compares two evaluations of one golden set: what got better and worse, and whether the gate holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from urbextag.choices import HIGHER, LOWER
from urbextag.errors import Regression, UsageError
from urbextag.evaluate.figures import KINDS, Evaluation, Figures, PhotoScore

Verdict = Literal["better", "worse", "same", "mixed", "neither"]
_ROUNDING = 1e-9
"""Differences of figures that are rounded to four digits are told apart well above this."""


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure, before and after; None where there is nothing to measure."""

    name: str
    before: float | None
    after: float | None
    verdict: Verdict
    """`neither` for figures that are neither good nor bad by themselves, and where one side has nothing to measure."""

    @property
    def fall(self) -> float:
        """How much worse it is, 0 where it is no worse; infinite where nothing is left of what was measured."""
        if self.before is None or self.name not in HIGHER + LOWER:
            return 0.0
        if self.after is None:
            return float("inf")
        gain = self.after - self.before if self.name in HIGHER else self.before - self.after
        return max(0.0, -gain)


@dataclass(frozen=True, slots=True)
class PhotoChange:
    """One photo whose score changed; words as the truth has them."""

    id: str
    verdict: Verdict
    gained: tuple[str, ...]
    """Words of must, should and may that are covered only now."""
    lost: tuple[str, ...]
    false_gained: tuple[str, ...]
    """Words of "not" that are asserted only now."""
    false_lost: tuple[str, ...]
    view_before: str | None
    """The view found, where it is judged and another than now."""
    view_after: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """An evaluation beside its baseline."""

    figures: tuple[FigureChange, ...]
    photos: tuple[PhotoChange, ...]
    """Those that changed, worse ones first."""
    failed: tuple[str, ...]
    """Gated figures that fell by more than the tolerance."""


def read_evaluation(path: Path) -> Evaluation:
    """An evaluation as `--save` or `--json` wrote it; what else the file holds is passed over.

    Raises:
        UsageError: the file is no such result.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Evaluation).validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Name what --save wrote") from error
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        text = f"{path} is no result of evaluate: {at + ': ' if at else ''}{first['msg']}"
        raise UsageError(text, "Name what --save wrote") from error


def compare(before: Evaluation, after: Evaluation, gate: Sequence[str], tolerance: float) -> Comparison:
    """What is better and worse after than before.

    Args:
        before: the baseline.
        after: the other configuration's result on the same golden set.
        gate: names of figures that must not fall.
        tolerance: how far each may fall, in its own unit.

    Raises:
        UsageError: the two are results on different golden sets.
    """
    if before.golden != after.golden:
        raise UsageError(
            "the baseline was made with another golden set, or its truth has been changed since",
            "Evaluate the old configuration on this golden set and save that as the baseline",
        )
    changes = tuple(
        _figure(field.name, getattr(before.figures, field.name), getattr(after.figures, field.name))
        for field in fields(Figures)
    )
    old = {score.id: score for score in before.each}
    photos = [change for score in after.each if (change := _photo(old[score.id], score)) is not None]
    order: dict[Verdict, int] = {"worse": 0, "mixed": 1, "better": 2}
    photos.sort(key=lambda change: (order[change.verdict], change.id))
    failed = tuple(change.name for change in changes if change.name in gate and change.fall > tolerance + _ROUNDING)
    return Comparison(changes, tuple(photos), failed)


def hold(comparison: Comparison, tolerance: float) -> None:
    """Let a comparison pass whose gate holds.

    Raises:
        Regression: a gated figure fell by more than the tolerance.
    """
    if comparison.failed:
        by_name = {change.name: change for change in comparison.figures}
        fell = ", ".join(f"{name} {_told(by_name[name])}" for name in comparison.failed)
        raise Regression(
            f"worse than the baseline by more than {tolerance:g}: {fell}",
            "Keep the other configuration, or allow it with --tolerance or other figures for --gate",
        )


def _told(change: FigureChange) -> str:
    return f"{change.before} -> {'nothing' if change.after is None else change.after}"


def _figure(name: str, before: float | None, after: float | None) -> FigureChange:
    verdict: Verdict = "neither"
    if before == after:
        verdict = "same"
    elif name in HIGHER + LOWER and before is not None and after is not None:
        verdict = "better" if (after > before) == (name in HIGHER) else "worse"
    return FigureChange(name, before, after, verdict)


def _photo(before: PhotoScore, after: PhotoScore) -> PhotoChange | None:
    """What changed on one photo, None where nothing did that the truth speaks of."""
    gained, lost = _change([before.found[kind] for kind in KINDS], [after.found[kind] for kind in KINDS])
    false_gained, false_lost = _change([before.false], [after.false])
    judged = after.view_true is not None and before.view_true is not None
    turned = judged and before.view_found != after.view_found
    good = bool(gained or false_lost or (turned and after.view_found == after.view_true))
    bad = bool(lost or false_gained or (turned and before.view_found == before.view_true))
    if not good and not bad:
        return None
    return PhotoChange(
        after.id,
        "mixed" if good and bad else "better" if good else "worse",
        gained,
        lost,
        false_gained,
        false_lost,
        before.view_found if turned else None,
        after.view_found if turned else None,
    )


def _change(before: Iterable[Iterable[str]], after: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What came and what went, in order, each once."""
    old = list(dict.fromkeys(word for words in before for word in words))
    new = list(dict.fromkeys(word for words in after for word in words))
    return tuple(word for word in new if word not in old), tuple(word for word in old if word not in new)
