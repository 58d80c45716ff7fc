"""Has the photos of a golden set looked at, so that they can be scored like recorded evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from urbextag.errors import PhotosFailed
from urbextag.evaluate.golden import Entry, Golden
from urbextag.records import Failure, PhotoRef

if TYPE_CHECKING:
    from urbextag.deriver import Deriver
    from urbextag.images import Limits
    from urbextag.stages.base import Stage


def gather(
    entries: Sequence[Entry],
    stages: Callable[[], Sequence[Stage]],
    deriver: Deriver,
    limits: Limits,
    told: Callable[[int], None] = lambda done: None,
) -> list[Golden]:
    """The entries that have a truth, in order, with all evidence: recorded, or what the stages say of the photo.

    Args:
        entries: of a golden set.
        stages: gives the stages; asked only where there is a photo to be looked at.
        deriver: reads the embeddings.
        limits: of opening photos.
        told: hears how many photos have been looked at.

    Raises:
        PhotosFailed: photos cannot be looked at; figures without them would compare with nothing.
    """
    from urbextag.pipeline import run_batch

    goldens: list[Golden] = []
    failed: list[str] = []
    done = 0
    for entry in entries:
        if entry.truth is None:
            continue
        if entry.photo is None:
            goldens.append(Golden(entry.record, entry.truth))
            continue
        (result,) = run_batch(stages(), [PhotoRef(entry.record.id, str(entry.photo), entry.record.context)], limits)
        if isinstance(result, Failure):
            failed.append(f"{entry.photo}: {result.reason}")
        else:
            ((record, scene, _),) = deriver.complete([result.material({})])
            goldens.append(Golden(record, entry.truth, scene))
        done += 1
        told(done)
    if failed:
        raise PhotosFailed(
            f"{len(failed)} photos of the golden set cannot be looked at: {'; '.join(failed)}",
            "Mend their paths, which are relative to the golden set, or take them out",
        )
    return goldens
