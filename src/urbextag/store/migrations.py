"""The schema as named migrations, each applied once, in order, in one transaction.

`locs`, `slocs` and `imgs` carry the column names of the desktop application that owns existing archives; our own
tables have the prefix `ut_`, do not depend on our columns in `imgs` and have no foreign key to it: an application that
rebuilds `imgs` with foreign keys on would take all rows that refer to it along.
"""

from __future__ import annotations

PUBLISHED = {
    "auto_tags": "TEXT", "auto_tags_source": "TEXT", "auto_tags_confidence": "TEXT", "auto_tags_at": "TEXT",
    "quality_score": "REAL", "view_type": "TEXT", "scene_view_type": "TEXT", "scene_confidence": "REAL",
    "scene_model": "TEXT", "tagging_model": "TEXT", "vlm_description": "TEXT", "vlm_condition_notes": "TEXT",
    "vlm_enhanced_tags": "TEXT", "vlm_readable_text": "TEXT", "vlm_processed_at": "TEXT", "vlm_model": "TEXT",
    "auto_tags_legacy": "TEXT",
}  # fmt: skip
"""The columns of `imgs` that are written for other programs to read."""
NEEDED = {
    "imgs": {
        "subid": "TEXT", "imgadd": "TEXT", "meta_exiftool": "TEXT", "meta_width": "INTEGER", "meta_height": "INTEGER",
        "meta_date_taken": "TEXT", "meta_camera_make": "TEXT", "meta_camera_model": "TEXT", "meta_gps_lat": "REAL",
        "meta_gps_lng": "REAL", "hidden": "INTEGER", "hidden_reason": "TEXT", "file_size_bytes": "INTEGER", **PUBLISHED,
    },
    "locs": {
        "type": "TEXT", "stype": "TEXT", "gps_lat": "REAL", "gps_lng": "REAL", "address_city": "TEXT",
        "address_state": "TEXT", "condition": "TEXT", "documentation": "TEXT", "historic": "INTEGER",
        "built_year": "TEXT", "built_type": "TEXT", "abandoned_year": "TEXT", "abandoned_type": "TEXT",
        "hero_imgsha": "TEXT", "hero_focal_x": "REAL", "hero_focal_y": "REAL", "locadd": "TEXT", "locup": "TEXT",
    },
}  # fmt: skip
"""Columns that the code here reads or writes and that not every release of the application has."""
APPLICATION_TABLES = {
    "imgs": ("imgsha", "imgnam", "imgnamo", "imgloc", "imgloco", "locid"),
    "locs": ("locid", "loc12", "locnam"),
    "slocs": ("subid", "locid", "subnam"),
}
"""By these its database is known."""

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "0001-archive",
        """
CREATE TABLE locs (
    locid TEXT PRIMARY KEY, loc12 TEXT UNIQUE NOT NULL, locnam TEXT NOT NULL, slocnam TEXT, akanam TEXT,
    type TEXT, stype TEXT, gps_lat REAL, gps_lng REAL,
    address_street TEXT, address_city TEXT, address_county TEXT,
    address_state TEXT CHECK (address_state IS NULL OR length(address_state) = 2), address_zipcode TEXT,
    condition TEXT, status TEXT, documentation TEXT, access TEXT,
    historic INTEGER DEFAULT 0, favorite INTEGER DEFAULT 0,
    built_year TEXT, built_type TEXT CHECK (built_type IS NULL OR built_type IN ('year', 'range', 'date')),
    abandoned_year TEXT,
    abandoned_type TEXT CHECK (abandoned_type IS NULL OR abandoned_type IN ('year', 'range', 'date')),
    hero_imgsha TEXT, hero_focal_x REAL, hero_focal_y REAL, historical_name TEXT, locnam_verified INTEGER DEFAULT 0,
    cultural_region TEXT, country TEXT, locadd TEXT, locup TEXT, auth_imp TEXT, regions TEXT, state TEXT
);
CREATE INDEX locs_name ON locs (locnam COLLATE NOCASE);
CREATE TABLE slocs (
    subid TEXT PRIMARY KEY, locid TEXT NOT NULL REFERENCES locs (locid) ON DELETE CASCADE,
    subnam TEXT NOT NULL, type TEXT, status TEXT, hero_imgsha TEXT
);
CREATE TABLE imgs (
    imgsha TEXT PRIMARY KEY, imgnam TEXT NOT NULL, imgnamo TEXT NOT NULL, imgloc TEXT NOT NULL, imgloco TEXT NOT NULL,
    locid TEXT REFERENCES locs (locid) ON DELETE SET NULL, subid TEXT REFERENCES slocs (subid) ON DELETE SET NULL,
    auth_imp TEXT, imgadd TEXT, meta_exiftool TEXT, meta_width INTEGER, meta_height INTEGER, meta_date_taken TEXT,
    meta_camera_make TEXT, meta_camera_model TEXT, meta_gps_lat REAL, meta_gps_lng REAL,
    thumb_path_sm TEXT, thumb_path_lg TEXT, preview_path TEXT, preview_extracted INTEGER DEFAULT 0,
    xmp_synced INTEGER DEFAULT 0, xmp_modified_at TEXT, darktable_path TEXT,
    hidden INTEGER DEFAULT 0, hidden_reason TEXT,
    is_live_photo INTEGER DEFAULT 0, media_source TEXT, is_contributed INTEGER DEFAULT 0, preview_quality TEXT,
    file_size_bytes INTEGER,
    auto_tags TEXT, auto_tags_source TEXT, auto_tags_confidence TEXT, auto_tags_at TEXT, quality_score REAL,
    view_type TEXT, scene_view_type TEXT, scene_confidence REAL, scene_model TEXT, tagging_model TEXT,
    vlm_description TEXT, vlm_condition_notes TEXT, vlm_enhanced_tags TEXT, vlm_readable_text TEXT,
    vlm_processed_at TEXT, vlm_model TEXT, auto_tags_legacy TEXT
);
CREATE INDEX imgs_location ON imgs (locid);
CREATE INDEX imgs_replaced ON imgs (imgsha) WHERE hidden_reason = 'replaced';
""",
    ),
    (
        "0002-ut-tables",
        """
CREATE TABLE ut_settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ut_paths (
    path TEXT PRIMARY KEY, sha TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, seen_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ut_paths_sha ON ut_paths (sha);
CREATE TABLE ut_file_failures (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reason TEXT NOT NULL,
    failed_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE ut_photos (
    sha TEXT PRIMARY KEY,
    format TEXT NOT NULL, altitude REAL, drone_make TEXT, pair_sha TEXT,
    stages_fingerprint TEXT, derived_fingerprint TEXT, tagged_at TEXT,
    view_confidence REAL, condition_score REAL, condition_label TEXT, era TEXT
) WITHOUT ROWID;
CREATE INDEX ut_photos_fingerprints ON ut_photos (stages_fingerprint, derived_fingerprint);
CREATE TABLE ut_results (
    sha TEXT NOT NULL, stage TEXT NOT NULL,
    evidence TEXT NOT NULL, data TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (sha, stage)
) WITHOUT ROWID;
CREATE TABLE ut_tags (
    sha TEXT NOT NULL, concept TEXT NOT NULL, label TEXT NOT NULL,
    confidence REAL NOT NULL, origin TEXT NOT NULL CHECK (origin IN ('model', 'accepted', 'added')), why TEXT NOT NULL,
    PRIMARY KEY (sha, concept)
) WITHOUT ROWID;
CREATE INDEX ut_tags_concept ON ut_tags (concept);
CREATE TABLE ut_decisions (
    id INTEGER PRIMARY KEY, sha TEXT NOT NULL, concept TEXT NOT NULL,
    label TEXT NOT NULL, verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'add', 'clear')), at TEXT NOT NULL
);
CREATE INDEX ut_decisions_photo ON ut_decisions (sha, concept, id);
CREATE TABLE ut_jobs (
    id INTEGER PRIMARY KEY, sha TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'set_aside', 'missing', 'cancelled')),
    priority INTEGER NOT NULL, request TEXT, owner TEXT, token INTEGER NOT NULL DEFAULT 0, lease_until REAL,
    strikes INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, reason TEXT, queued_at TEXT NOT NULL,
    finished_at TEXT, seconds REAL
);
CREATE INDEX ut_jobs_next ON ut_jobs (state, priority, deaths, id);
CREATE INDEX ut_jobs_request ON ut_jobs (request, state, priority, deaths, id) WHERE request IS NOT NULL;
CREATE INDEX ut_jobs_finished ON ut_jobs (state, finished_at);
""",
    ),
    (
        "0003-embeddings",
        """
CREATE TABLE ut_embeddings (
    sha TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL, revision TEXT NOT NULL, vector BLOB NOT NULL
);
CREATE INDEX ut_embeddings_model ON ut_embeddings (model, revision, sha);
""",
    ),
    (
        "0004-vlm",
        """
CREATE TABLE ut_vlm_jobs (
    id INTEGER PRIMARY KEY, sha TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'set_aside', 'missing', 'cancelled')),
    priority INTEGER NOT NULL, request TEXT, owner TEXT, token INTEGER NOT NULL DEFAULT 0, lease_until REAL,
    strikes INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, reason TEXT, queued_at TEXT NOT NULL,
    finished_at TEXT, seconds REAL, endpoint TEXT
);
CREATE INDEX ut_vlm_jobs_next ON ut_vlm_jobs (state, priority, deaths, id);
CREATE INDEX ut_vlm_jobs_request ON ut_vlm_jobs (request, state, priority, deaths, id) WHERE request IS NOT NULL;
CREATE INDEX ut_vlm_jobs_finished ON ut_vlm_jobs (state, finished_at);
CREATE TABLE ut_vlm_rejections (
    sha TEXT PRIMARY KEY,
    at TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL, reason TEXT NOT NULL, replies TEXT NOT NULL
) WITHOUT ROWID;
""",
    ),
    (
        "0005-owners",
        """
ALTER TABLE ut_photos ADD COLUMN condition_elements TEXT;
ALTER TABLE ut_photos ADD COLUMN view_conflict TEXT;
ALTER TABLE ut_photos ADD COLUMN tagger TEXT;
ALTER TABLE ut_photos ADD COLUMN published TEXT;
ALTER TABLE ut_photos ADD COLUMN published_at TEXT;
CREATE TABLE ut_location_decisions (
    id INTEGER PRIMARY KEY, locid TEXT NOT NULL, concept TEXT NOT NULL, label TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('reject', 'clear')), at TEXT NOT NULL
);
CREATE INDEX ut_location_decisions_location ON ut_location_decisions (locid, concept, id);
CREATE TABLE ut_dismissals (
    locid TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('type', 'era')), value TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (locid, kind, value)
) WITHOUT ROWID;
CREATE TABLE ut_applied (
    locid TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('type', 'era')), before TEXT NOT NULL, after TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (locid, kind)
) WITHOUT ROWID;
CREATE TABLE ut_originals (sha TEXT PRIMARY KEY, columns TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ut_backfill (
    sha TEXT PRIMARY KEY, source TEXT NOT NULL, columns TEXT NOT NULL, decisions TEXT NOT NULL, queued INTEGER NOT NULL,
    taken INTEGER NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE ut_origins (
    sha TEXT NOT NULL, url TEXT NOT NULL, final_url TEXT NOT NULL, media_type TEXT, at TEXT NOT NULL,
    PRIMARY KEY (sha, url)
) WITHOUT ROWID;
""",
    ),
    (
        "0006-web",
        """
ALTER TABLE ut_jobs ADD COLUMN discarded_at TEXT;
ALTER TABLE ut_vlm_jobs ADD COLUMN discarded_at TEXT;
CREATE INDEX ut_jobs_discarded ON ut_jobs (state, request) WHERE discarded_at IS NOT NULL;
CREATE INDEX ut_vlm_jobs_discarded ON ut_vlm_jobs (state, request) WHERE discarded_at IS NOT NULL;
CREATE TABLE ut_batches (
    id INTEGER PRIMARY KEY, concept TEXT NOT NULL, label TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'clear')), at TEXT NOT NULL, undone_at TEXT
);
CREATE TABLE ut_batch_decisions (decision INTEGER PRIMARY KEY, batch INTEGER NOT NULL);
CREATE INDEX ut_batch_decisions_batch ON ut_batch_decisions (batch);
CREATE TABLE ut_cards (locid TEXT PRIMARY KEY, mark TEXT NOT NULL, card TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ut_grid (
    sha TEXT NOT NULL PRIMARY KEY,
    locid TEXT, subid TEXT, view TEXT, quality REAL, hidden INTEGER NOT NULL, tagged INTEGER NOT NULL,
    condition TEXT, lines INTEGER NOT NULL, described INTEGER NOT NULL, added TEXT, taken TEXT, name TEXT,
    width INTEGER, height INTEGER, camera TEXT, bands TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT ''
);
CREATE INDEX ut_grid_location ON ut_grid (locid, tagged, described);
CREATE TABLE ut_grid_concepts (number INTEGER PRIMARY KEY, concept TEXT NOT NULL UNIQUE, label TEXT);
CREATE TABLE ut_places (locid TEXT PRIMARY KEY, changes INTEGER NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TRIGGER ut_grid_came AFTER INSERT ON ut_grid WHEN NEW.locid IS NOT NULL BEGIN
    INSERT INTO ut_places VALUES (NEW.locid, 1, strftime('%Y-%m-%dT%H:%M:%fZ'))
        ON CONFLICT (locid) DO UPDATE SET changes = changes + 1, at = excluded.at; END;
CREATE TRIGGER ut_grid_went AFTER DELETE ON ut_grid BEGIN
    UPDATE ut_places SET changes = changes + 1, at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE locid = OLD.locid; END;
CREATE TRIGGER ut_grid_left AFTER UPDATE OF locid ON ut_grid WHEN NEW.locid IS NOT OLD.locid BEGIN
    UPDATE ut_places SET changes = changes + 1, at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE locid = OLD.locid; END;
CREATE TRIGGER ut_grid_changed AFTER UPDATE OF locid ON ut_grid WHEN NEW.locid IS NOT NULL BEGIN
    INSERT INTO ut_places VALUES (NEW.locid, 1, strftime('%Y-%m-%dT%H:%M:%fZ'))
        ON CONFLICT (locid) DO UPDATE SET changes = changes + 1, at = excluded.at; END;
CREATE TRIGGER ut_photos_changed AFTER UPDATE OF published_at, tagged_at, pair_sha ON ut_photos BEGIN
    UPDATE ut_places SET changes = changes + 1, at = strftime('%Y-%m-%dT%H:%M:%fZ')
    WHERE locid = (SELECT locid FROM ut_grid WHERE sha = NEW.sha); END;
CREATE TRIGGER ut_decisions_came AFTER INSERT ON ut_decisions BEGIN
    UPDATE ut_places SET changes = changes + 1, at = strftime('%Y-%m-%dT%H:%M:%fZ')
    WHERE locid = (SELECT locid FROM ut_grid WHERE sha = NEW.sha); END;
CREATE TRIGGER ut_decisions_went AFTER DELETE ON ut_decisions BEGIN
    UPDATE ut_places SET changes = changes + 1, at = strftime('%Y-%m-%dT%H:%M:%fZ')
    WHERE locid = (SELECT locid FROM ut_grid WHERE sha = OLD.sha); END;
""",
    ),
)
