"""What the owner's decisions teach: proposed, written into the archive's folder, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urbextag.archive import Archive
    from urbextag.learning.calibrate import Proposal
    from urbextag.taxonomy.calibration import Calibration
    from urbextag.taxonomy.learn import Learned

FILE_NAME = "calibration.yaml"


def propose(archive: Archive, stands: Calibration, told: Callable[[int, int], None]) -> Proposal:
    """What the decisions teach against what stands (`Taxonomy.calibration`); writes nothing. `told`: done, of how many.

    Raises:
        ModelError: the profile's models are not here.

    """
    from urbextag.deriver import make_deriver
    from urbextag.learning.calibrate import calibrate
    from urbextag.supervisor import cores
    from urbextag.taxonomy import load_taxonomy

    of = archive.config.taxonomy
    plain = load_taxonomy(of.files, wanted=of.wanted)
    return calibrate(archive.db, make_deriver(archive.config, plain, cores()), stands, told)


def adopt(archive: Archive, found: Proposal) -> None:
    """Write the calibration; the one before is kept beside it, and none where there was none."""
    from urbextag.config_edit import change_settings
    from urbextag.learning.own_words import replace_file
    from urbextag.store.db import now
    from urbextag.taxonomy.calibration import written

    path, previous = _paths(archive)
    note = (
        f"What `urbextag taxonomy calibrate` learned from {found.decisions:,.0f} decisions, {now()}.\n"
        "Back to the one before: urbextag taxonomy calibrate --undo"
    )
    if archive.config.taxonomy.calibration and path.exists():
        replace_file(previous, path.read_text(encoding="utf-8"))
    else:
        previous.unlink(missing_ok=True)
    replace_file(path, written(found.calibration, note))
    if not archive.config.taxonomy.calibration:
        change_settings(archive.root, {"taxonomy": {"calibration": path.name}})


def can_go_back(archive: Archive) -> bool:
    """Whether there is one before; False: going back leaves none.

    Raises:
        UsageError: there is no calibration.
        TaxonomyError: the one before is not valid any more.

    """
    from urbextag.taxonomy import load_taxonomy

    if not archive.config.taxonomy.calibration:
        raise UsageError("there is no calibration to take back", "Learn one: urbextag taxonomy calibrate")
    _, previous = _paths(archive)
    if previous.exists():
        load_taxonomy(archive.config.taxonomy.files, calibration=previous)
        return True
    return False


def go_back(archive: Archive) -> Path | None:
    """Let the calibration before be in force again, or none; returns its path. Raises what `can_go_back` raises."""
    from urbextag.config_edit import change_settings

    path, previous = _paths(archive)
    if can_go_back(archive):
        previous.replace(path)
        return path
    change_settings(archive.root, {"taxonomy": {"calibration": None}})
    path.unlink(missing_ok=True)
    return None


def _paths(archive: Archive) -> tuple[Path, Path]:
    """The calibration file, and where the one before it is kept."""
    path = archive.config.taxonomy.calibration or archive.root / FILE_NAME
    return path, path.with_name(f"{path.stem}.previous{path.suffix}")


def values(row: Learned, stands: Calibration, found: Calibration) -> tuple[float | None, float | None]:
    """What stands, and what was learned; None for a threshold that is the default."""
    if row.source is None:
        return stands.thresholds.get(row.facet), found.thresholds.get(row.facet)
    key = row.source, row.facet
    return stands.reliability.get(key, 1.0), found.reliability.get(key, 1.0)


def as_json(found: Proposal, stands: Calibration, *, written: bool) -> dict[str, Any]:
    """A proposal in JSON, before and after beside each other."""
    rows = []
    for row in found.learned:
        before, after = values(row, stands, found.calibration)
        rows.append(
            {
                "source": row.source,
                "facet": row.facet,
                "decisions": round(row.decisions, 2),
                "right": round(row.right, 2),
                "expected": round(row.expected, 2),
                "enough": row.value is not None,
                "before": before,
                "after": after,
            }
        )
    return {
        "decisions": round(found.decisions, 2),
        "reliability": [row for row in rows if row["source"] is not None],
        "thresholds": [row for row in rows if row["source"] is None],
        "decided": {"before": found.before, "after": found.after},
        "archive": found.effect,
        "written": written,
    }
