"""Where the archive and its two queues stand, in plain JSON values, and how long what is queued takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from urbextag.store import job_lists, jobs, photos, vlm
from urbextag.store.counts import archive_counts, hands_at_work

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive


def archive_status(archive: Archive) -> dict[str, Any]:
    """The object of `urbextag status --json`; `seconds_left`: see `queue_status`."""
    db = archive.db
    states, described = jobs.counts(db), jobs.counts(db, queue=jobs.VLM)
    return {
        "archive": str(archive.root),
        "profile": archive.config.profile,
        **asdict(archive_counts(db)),
        "jobs": states,
        "paused_since": jobs.paused_since(db),
        "last_finished": job_lists.last_finished(db),
        "seconds_per_photo": job_lists.seconds_per_photo(db),
        "seconds_left": _to_tag(db, states),
        "to_describe": described,
        "seconds_left_to_describe": _to_describe(endpoint_rates(archive), described),
        "unreadable": [dict(row) for row in photos.file_failures(db)],
    }


def queue_status(archive: Archive) -> dict[str, Any]:
    """The object of `urbextag jobs status --json`: `queue_numbers`, and in both what was set aside or is missing."""
    numbers = queue_numbers(archive)
    numbers["troubled"] = [dict(row) for row in job_lists.troubled(archive.db)]
    numbers["vlm"]["troubled"] = [dict(row) for row in job_lists.troubled(archive.db, queue=jobs.VLM)]
    return numbers


def queue_numbers(archive: Archive) -> dict[str, Any]:
    """How both queues stand, in numbers.

    `seconds_left`: what is queued takes so long at the speed of late, None where there is none yet. To tag: shared
    out among the workers that have photos in hand, one where none has. To describe: by all endpoints of the settings
    that have answered of late.
    """
    db = archive.db
    counts, described, rates = jobs.counts(db), jobs.counts(db, queue=jobs.VLM), endpoint_rates(archive)
    return {
        "counts": counts,
        "paused_since": jobs.paused_since(db),
        "last_finished": job_lists.last_finished(db),
        "seconds_per_photo": job_lists.seconds_per_photo(db),
        "seconds_left": _to_tag(db, counts),
        "vlm": {"counts": described, "endpoints": rates, "seconds_left": _to_describe(rates, described)},
    }


def endpoint_rates(archive: Archive) -> list[dict[str, Any]]:
    """How each endpoint has been doing (`vlm.Rate`), and how many it is sent at a time; 0: the settings lack it."""
    parallel = {endpoint.url: endpoint.parallel for endpoint in archive.config.vlm.endpoints}
    return [asdict(rate) | {"parallel": parallel.get(rate.endpoint, 0)} for rate in vlm.rates(archive.db)]


def _to_tag(db: sqlite3.Connection, counts: Mapping[str, int]) -> float | None:
    """Seconds until the queue of photos to tag is empty, None where that is not known."""
    if not counts["queued"]:
        return 0.0
    each = job_lists.seconds_per_photo(db)
    return None if each is None else round(counts["queued"] * each / max(1, hands_at_work(db)), 1)


def _to_describe(rates: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> float | None:
    """Seconds until the queue of photos to describe is empty, None where that is not known."""
    if not counts["queued"]:
        return 0.0
    per_second = sum(rate["parallel"] / rate["seconds"] for rate in rates if rate["seconds"])
    return round(counts["queued"] / per_second, 1) if per_second else None
