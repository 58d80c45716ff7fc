"""300 broken files: no crash, and every one accounted for."""

from contextlib import closing

from make_mutants import make_mutants
from urbextag.store import job_lists, jobs

FILES = 300


def test_every_broken_file_is_accounted_for(box, tmp_path):
    files = make_mutants(tmp_path / "mutants", tmp_path / "good", FILES)
    before = {path: path.read_bytes() for path in files}
    added = box.ok("add", tmp_path / "mutants", "--json", code=5)
    assert "could not be read" in added.err
    report = added.json
    assert report["files"] == FILES
    assert report["new"] > FILES / 4
    assert report["failed"] and all(report["failed"].values())
    again = box("add", tmp_path / "mutants", "--json").json
    assert (again["new"], again["failed"]) == (0, report["failed"])

    tagged = box.ok("tag", "--json", code=5)
    assert "Traceback" not in tagged.err
    with closing(box.database()) as db:
        counts = jobs.counts(db)
        assert counts["queued"] == counts["running"] == counts["missing"] == 0
        assert counts["done"] + counts["set_aside"] == report["new"]
        assert counts["done"] > 20
        assert all(row["reason"] for row in job_lists.troubled(db))
        assert db.execute("SELECT max(deaths) FROM ut_jobs").fetchone()[0] == 0
    assert {path: path.read_bytes() for path in files} == before
