"""Embeddings of photos: one row per photo, read by the hundred thousand into one matrix.

The table has a rowid, unlike its neighbours: rows of 1.6 kB in a tree by SHA-256 take twice as long to read and four
times as long to write as rows in the order they came.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.errors import ArchiveError
from urbextag.records import Embedding, ViewType
from urbextag.similar import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 1024
"""Rows that are joined and widened at a time while a matrix is filled: they stay in the processor's cache."""
_LENGTH_TOLERANCE = 0.01
"""float16 moves the length of a unit vector by 0.0005 at most; more means that the bytes are damaged."""
_SIGN_AND_NUMBER = -0x7000_2000
"""As int32, the bits of a float32 that a float16 fills once it is shifted; between them its sign has left copies."""
_STANDING = "sha IN (SELECT imgsha FROM imgs) AND sha NOT IN (SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced')"
"""A photo that was neither replaced nor removed by the application; both are read off an index."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list of photos shows of one."""

    sha: str
    path: str
    """As the archive keeps it."""
    location: str | None
    view_type: ViewType | None
    tags: tuple[str, ...]
    """Labels, most certain first."""
    quality: float | None


def save(db: sqlite3.Connection, sha: str, embedding: Embedding) -> None:
    """Keep a photo's embedding in place of the one it had. Call it inside `db.write`.

    Raises:
        ValueError: the vector is not float16 of length 1.

    """
    _matrix([(sha, embedding.vector)])
    db.execute(
        """INSERT INTO ut_embeddings VALUES (?, ?, ?, ?) ON CONFLICT (sha) DO UPDATE
        SET model = excluded.model, revision = excluded.revision, vector = excluded.vector""",
        (sha, embedding.model, embedding.revision, embedding.vector),
    )


def of(db: sqlite3.Connection, shas: Iterable[str]) -> dict[str, Embedding]:
    """The embeddings of these photos; those without one are left out."""
    rows = db.execute(
        "SELECT sha, model, revision, vector FROM ut_embeddings WHERE sha IN (SELECT value FROM json_each(?))",
        (json.dumps(list(shas)),),
    )
    return {row["sha"]: Embedding(row["model"], row["revision"], row["vector"]) for row in rows}


def counts(db: sqlite3.Connection, locid: str | None = None) -> dict[tuple[str, str], int]:
    """How many photos, of the archive or of a location, have an embedding of each (model, revision), the most first."""
    values: tuple[str, ...] = ()
    chosen = f"ut_embeddings WHERE {_STANDING}"
    if locid is not None:  # CROSS: from the photos of the place to their embeddings, not the other way round
        chosen = """imgs CROSS JOIN ut_embeddings ON sha = imgsha
            WHERE locid = ? AND hidden_reason IS NOT 'replaced'"""
        values = (locid,)
    rows = db.execute(
        f"""SELECT model, revision, count(*) AS photos FROM {chosen}
        GROUP BY model, revision ORDER BY photos DESC, model, revision""",
        values,
    )
    return {(row["model"], row["revision"]): row["photos"] for row in rows}


def any_kept(db: sqlite3.Connection) -> bool:
    """Whether any photo has an embedding, of whatever model."""
    return db.execute("SELECT 1 FROM ut_embeddings LIMIT 1").fetchone() is not None


def left_out(db: sqlite3.Connection, model: str, revision: str, locid: str | None = None) -> int:
    """How many photos, of the archive or of a location, have no embedding of this model and revision."""
    row = db.execute(
        f"""SELECT count(*) FROM ut_photos AS photo WHERE {_STANDING}
        AND (?3 IS NULL OR sha IN (SELECT imgsha FROM imgs WHERE locid = ?3))
        AND NOT EXISTS (SELECT 1 FROM ut_embeddings AS kept WHERE kept.model = ?1 AND kept.revision = ?2
            AND kept.sha IN (photo.sha, photo.pair_sha))""",
        (model, revision, locid),
    ).fetchone()
    return int(row[0])


def load_all(
    db: sqlite3.Connection, model: str, revision: str, locid: str | None = None
) -> tuple[list[str], NDArray[np.float32]]:
    """The embeddings of `blocks` in one piece.

    Returns:
        SHA-256 of n photos, and float32 (n, dimensions), L2-normalised as they were saved; (0, 0) where there are none.
        Memory: 4 bytes x dimensions a photo, 307 MB for 100,000 of 768, and 10 MB on the way.

    Raises:
        ArchiveError: an embedding is damaged.

    """
    import numpy as np

    values: tuple[str, ...]
    most, values = "SELECT count(*) FROM ut_embeddings WHERE model = ? AND revision = ?", (model, revision)
    if locid:
        most, values = "SELECT count(*) FROM imgs WHERE locid = ?", (locid,)
    shas: list[str] = []
    matrix = np.empty((0, 0), np.float32)
    for some, block in blocks(db, model, revision, locid):
        if not shas:
            photos = max(len(some), db.execute(most, values).fetchone()[0])
            matrix = np.empty((photos, block.shape[1]), np.float32)
        matrix[len(shas) : len(shas) + len(some)] = block
        shas += some
    return shas, matrix[: len(shas)]


def blocks(
    db: sqlite3.Connection, model: str, revision: str, locid: str | None = None
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """The embeddings of one model and revision, of the archive or of a location, a thousand at a time.

    Photos that were replaced at their path are left out, and RAW files whose developed picture is there too. Run it to
    its end, or close it. 100,000 of 768 take 10 MB at a time.

    Yields:
        SHA-256 of n photos, and float32 (n, dimensions), L2-normalised as they were saved; never empty.

    Raises:
        ArchiveError: an embedding is damaged.

    """
    left_out = _left_out(db, model, revision, locid)
    # `+`: without the indexes, so that the whole table is read from front to back
    chosen = "sha IN (SELECT imgsha FROM imgs WHERE locid = ?3)" if locid else "?3 IS NULL"
    cursor = db.execute(
        f"SELECT sha, vector FROM ut_embeddings WHERE {chosen} AND +model = ?1 AND +revision = ?2 ORDER BY rowid",
        (model, revision, locid),
    )
    cursor.row_factory = None
    size: int | None = None
    while rows := cursor.fetchmany(_ROWS):
        if left_out:
            rows = [row for row in rows if row[0] not in left_out]
        if not rows:
            continue
        size = size or len(rows[0][1])
        try:
            matrix = _matrix(rows, size)
        except ValueError as error:
            raise ArchiveError(
                f"an embedding in the archive is damaged: {error}", "Make it again: urbextag tag --photo ID"
            ) from error
        yield [sha for sha, _ in rows], matrix


def _left_out(db: sqlite3.Connection, model: str, revision: str, locid: str | None) -> set[str]:
    """The photos with an embedding that `blocks` passes over, at least those of the location where one is given.

    A look at two indexes: 0.05 s for 100,000 photos, some milliseconds for a location.
    """
    gone = "SELECT sha FROM ut_embeddings WHERE sha NOT IN (SELECT imgsha FROM imgs) UNION ALL"
    raws = "SELECT raw.sha FROM ut_photos AS raw WHERE pair_sha IS NOT NULL"
    if locid is not None:
        raws = """SELECT raw.sha FROM imgs CROSS JOIN ut_photos AS raw ON raw.sha = imgsha
            WHERE locid = ?3 AND pair_sha IS NOT NULL"""
    rows = db.execute(
        f"""{gone if locid is None else ""}
        SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced'
        UNION ALL {raws}
            AND EXISTS (SELECT 1 FROM ut_embeddings AS developed
                WHERE developed.sha = raw.pair_sha AND +developed.model = ?1 AND +developed.revision = ?2)""",
        (model, revision) if locid is None else (model, revision, locid),
    )
    return {sha for (sha,) in rows}


def _matrix(rows: Sequence[tuple[str, bytes]], size: int | None = None) -> NDArray[np.float32]:
    """float32 (n, dimensions) of n (SHA-256, float16 vector).

    Args:
        rows: at least one.
        size: bytes that each vector must have; None: as many as the first.

    Raises:
        ValueError: a vector has another size, or is not finite and of length 1; the message names the photo.

    """
    import numpy as np

    size = size or len(rows[0][1])
    for sha, vector in rows:
        if len(vector) != size or size % 2 or not size:
            raise ValueError(f"photo {sha[:12]} has {len(vector)} bytes of float16 where {size} are due")
    matrix = _widened(np.frombuffer(b"".join([vector for _, vector in rows]), "<f2").reshape(len(rows), -1))
    lengths = np.einsum("ij,ij->i", matrix, matrix) ** 0.5
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < _LENGTH_TOLERANCE))
    if len(wrong):
        raise ValueError(f"photo {rows[wrong[0]][0][:12]} has a vector of length {lengths[wrong[0]]:.3g}, not 1")
    return matrix


def _widened(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """float16 as float32, exactly; infinity and NaN become numbers of 65,536 and more.

    NumPy's own conversion takes one number at a time and three times as long. Here the bits are moved to where float32
    has them, and the product puts the exponent right.
    """
    import numpy as np

    bits = np.left_shift(vectors.view(np.int16), 13, dtype=np.int32)
    bits &= _SIGN_AND_NUMBER
    wide: NDArray[np.float32] = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    return wide


def within(db: sqlite3.Connection, locid: str | None, view: ViewType | None) -> set[str]:
    """The photos of a location, of a view, or both; None = any."""
    rows = db.execute(
        "SELECT imgsha FROM imgs WHERE (?1 IS NULL OR locid = ?1) AND (?2 IS NULL OR view_type = ?2)", (locid, view)
    )
    return {row["imgsha"] for row in rows}


def family(db: sqlite3.Connection, sha: str) -> list[str]:
    """The photo, with its other half where it is a RAW file with a developed picture or that picture."""
    rows = db.execute("SELECT sha, pair_sha FROM ut_photos WHERE sha = ?1 OR pair_sha = ?1", (sha,))
    return sorted({sha} | {half for row in rows for half in (row["sha"], row["pair_sha"]) if half})


def pictures(db: sqlite3.Connection, shas: Sequence[str]) -> list[Picture]:
    """What grouping needs to know of these photos, in order; all of them are in the archive."""
    rows = db.execute(
        """SELECT imgsha, quality_score, meta_camera_make, meta_camera_model, meta_date_taken, meta_width, meta_height
        FROM imgs WHERE imgsha IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(shas)),),
    )
    found = {row["imgsha"]: _picture(row) for row in rows}
    return [found[sha] for sha in shas]


def _picture(row: sqlite3.Row) -> Picture:
    camera = " ".join(filter(None, (row["meta_camera_make"], row["meta_camera_model"])))
    pixels = (row["meta_width"] or 0) * (row["meta_height"] or 0)
    return Picture(row["imgsha"], row["quality_score"], camera or None, row["meta_date_taken"], pixels)


def entries(db: sqlite3.Connection, shas: Iterable[str]) -> dict[str, Entry]:
    """What a list shows of these photos."""
    rows = db.execute(
        """SELECT imgsha, imgloc, locnam, view_type, auto_tags, quality_score FROM imgs LEFT JOIN locs USING (locid)
        WHERE imgsha IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(shas)),),
    )
    return {
        row["imgsha"]: Entry(
            row["imgsha"],
            row["imgloc"],
            row["locnam"],
            row["view_type"],
            tuple(json.loads(row["auto_tags"] or "[]")),
            row["quality_score"],
        )
        for row in rows
    }
