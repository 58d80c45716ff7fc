"""The settings as an owner changes them: the file with its comments, the thresholds' law, what a preview counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Box
from places import TAXONOMY, Shot, fill
from small_taxonomy import said, small
from test_taxonomy_laws import by_id, calibrations, contexts, pieces, rulings, scenes
from urbextag.actions import settings as actions
from urbextag.actions.thresholds import preview, sample
from urbextag.archive import opened
from urbextag.choices import FACETS, Facet
from urbextag.config import TEMPLATE, load_config
from urbextag.config_edit import change_settings
from urbextag.deriver import Deriver
from urbextag.errors import ConfigError, ModelError, UsageError
from urbextag.records import Record, SceneResult
from urbextag.taxonomy import Taxonomy, derive
from urbextag.taxonomy.calibration import Calibration

FILE = "urbextag.toml"
OLLAMA, OTHER = "http://127.0.0.1:11434", "http://127.0.0.1:8080/v1"

wanted = st.dictionaries(st.sampled_from(FACETS), st.floats(0.05, 0.95), max_size=6)
raises = st.dictionaries(st.sampled_from(("object", "room", "place", "condition")), st.floats(0.1, 0.6), min_size=1)
rich = st.builds(Record, st.just("x"), contexts, st.lists(pieces, min_size=4, max_size=12).map(tuple))


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("thresholds") / "data")


def closure(taxonomy: Taxonomy, tags: list[str]) -> set[str]:
    """Tags with all that they stand below."""
    return {one for tag in tags for one in (tag, *taxonomy.concepts[tag].lineage)}


@given(rich, scenes, rulings, calibrations, wanted, raises, st.integers(1, 6), st.integers(0, 3))
@settings(max_examples=300)
def test_a_raised_threshold_never_adds_to_what_is_said(
    taxonomy: Taxonomy,
    record: Record,
    scene: SceneResult | None,
    ruled: dict[str, bool],
    taught: Calibration,
    low: dict[Facet, float],
    raised: dict[Facet, float],
    budget: int,
    facet_budget: int,
) -> None:
    sources = taxonomy.sources
    rules = replace(sources.rules, budget=budget, facet_budget=dict.fromkeys(FACETS, facet_budget))
    base = replace(taxonomy, calibration=taught, sources=replace(sources, rules=rules))
    words = by_id(taxonomy, ruled)
    usual = {facet: taught.thresholds.get(facet, rules.threshold) for facet in FACETS}
    high = {facet: min(0.99, low.get(facet, usual[facet]) + more) for facet, more in raised.items()}

    def tags(wants: dict[Facet, float]) -> list[str]:
        return [tag.id for tag in derive(replace(base, wanted=wants), record, scene, words).tags]

    before, after = tags(low), tags({**low, **high})
    assert closure(taxonomy, after) <= closure(taxonomy, before)
    assert {one for one in before if words.get(one)} == {one for one in after if words.get(one)}, (
        "a person's word stays"
    )
    assert tags({}) == tags(usual), "to want the usual changes nothing"


def test_a_raised_threshold_is_heeded_and_gives_way_to_what_a_tag_stands_below(taxonomy: Taxonomy) -> None:
    seen = said(("florence", "a bar stool"), ("ram++", "stool", 0.95))
    tags = {tag.label: tag.confidence for tag in derive(taxonomy, seen).tags}
    assert set(tags) == {"bar stool"}
    higher = replace(taxonomy, wanted={"object": tags["bar stool"] + 0.001})
    assert [tag.label for tag in derive(higher, seen).tags] == ["stool"]
    assert derive(replace(taxonomy, wanted={"object": 0.99}), seen).tags == ()
    assert derive(replace(taxonomy, wanted={"room": 0.99}), seen).tags == derive(taxonomy, seen).tags


@pytest.fixture
def archive_root(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_text(TEMPLATE.replace("[work]\n", "[work]  # mine\n"), encoding="utf-8")
    return tmp_path


def text(root: Path) -> str:
    return (root / FILE).read_text(encoding="utf-8")


def test_a_setting_stands_below_the_comment_that_shows_it_and_goes_without_a_trace(archive_root: Path) -> None:
    assert actions.change(
        archive_root,
        {
            "vlm": {"quiet_hours": "22:00-07:00", "idle_load": 0.7},
            "taxonomy": {"threshold": 0.5, "thresholds": {"sign": 0.3}},
        },
    )
    lines = text(archive_root).splitlines()
    assert lines[lines.index("idle_load = 0.7") - 1].startswith("# idle_load")
    assert "thresholds = {sign = 0.3}" in lines
    assert set(TEMPLATE.replace("[work]\n", "[work]  # mine\n").splitlines()) <= set(lines)
    config = load_config(archive_root)
    assert config.taxonomy.wanted["sign"] == 0.3 and config.taxonomy.wanted["room"] == 0.5
    assert not actions.change(archive_root, {"vlm": {"idle_load": 0.7}})
    assert actions.change(
        archive_root,
        {"vlm": {"quiet_hours": None, "idle_load": None}, "taxonomy": {"threshold": None, "thresholds": {}}},
    )
    assert text(archive_root) == TEMPLATE.replace("[work]\n", "[work]  # mine\n")


def test_thresholds_in_a_table_of_their_own_are_changed_there(archive_root: Path) -> None:
    own = "\n[taxonomy.thresholds]\n# of signs\nsign = 0.3  # low\nroom = 0.6\n"
    (archive_root / FILE).write_text("profile = 'starter'\n" + own, encoding="utf-8")
    actions.change(archive_root, {"taxonomy": {"thresholds": {"sign": 0.35, "object": 0.5}}})
    assert "# of signs\nsign = 0.35  # low\nobject = 0.5" in text(archive_root)
    assert load_config(archive_root).taxonomy.thresholds == {"sign": 0.35, "object": 0.5}


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"": {"database": "x.db"}}, UsageError, "database"),
        ({"taxonomy": {"files": ["/etc/passwd"]}}, UsageError, "files"),
        ({"web": {"allow_private": True}}, UsageError, "allow_private"),
        ({"vlm": {"idle_load": 0}}, ConfigError, "idle_load"),
        ({"vlm": {"quiet_hours": "25:00-07:00"}}, ConfigError, "quiet_hours"),
        ({"models": {"scene": "../../etc"}}, UsageError, "scene"),
        ({"models": {"scene": "florence-2-large"}}, UsageError, "scene"),
        ({"": {"profile": "scene"}}, ModelError, "not on this machine"),
    ],
)
def test_what_would_not_hold_is_refused_and_nothing_is_written(
    archive_root: Path, changes: dict[str, dict[str, object]], error: type[Exception], says: str
) -> None:
    change_settings(archive_root, {"models": {"folder": str(archive_root / "models")}})
    before = text(archive_root)
    with pytest.raises(error, match=says):
        actions.change(archive_root, changes)
    assert text(archive_root) == before


def test_servers_are_added_changed_and_removed_and_the_comments_of_others_stay(archive_root: Path) -> None:
    def put(*servers: tuple[str | None, dict[str, object]]) -> bool:
        return actions.change_endpoints(archive_root, servers)

    assert put(
        (None, {"url": OLLAMA, "kind": "ollama", "model": "a"}), (None, {"url": OTHER, "kind": "openai", "model": "b"})
    )
    (archive_root / FILE).write_text(
        text(archive_root).replace(
            f'[[vlm.endpoints]]\nurl = "{OTHER}"', f'# the big box\n[[vlm.endpoints]]  # upstairs\nurl = "{OTHER}"'
        )
        + "\n# last\n[stages.ocr]\n",
        encoding="utf-8",
    )
    changed = {"url": f"{OTHER}x", "kind": "openai", "model": "c", "parallel": 4}
    assert put((OLLAMA, {"url": OLLAMA, "model": "a"}), (OTHER, changed))
    assert f'# the big box\n[[vlm.endpoints]]  # upstairs\nurl = "{OTHER}x"' in text(archive_root)
    assert [one.model for one in load_config(archive_root).vlm.endpoints] == ["a", "c"]
    assert put((f"{OTHER}x", changed)) and not put((f"{OTHER}x", changed))
    assert "# the big box\n[[vlm.endpoints]]  # upstairs" in text(archive_root) and text(archive_root).endswith(
        "# last\n[stages.ocr]\n"
    )
    assert put() and load_config(archive_root).vlm.endpoints == ()
    assert "[[vlm.endpoints]]  # upstairs" not in text(archive_root) and set(TEMPLATE.splitlines()[5:]) <= set(
        text(archive_root).splitlines()
    )
    with pytest.raises(UsageError, match="stands under"):
        put((OTHER, {"url": OTHER}))


@pytest.mark.parametrize(
    "content", ["", "[vlm]\r\nidle_load = 0.4\r\n\r\n[work]\r\n", "[vlm]\nendpoints = [{url = 'http://127.0.0.1:9'}]\n"]
)
def test_a_first_server_finds_its_place_in_any_file(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_bytes(content.encode())
    there: list[tuple[str | None, dict[str, object]]] = [(one.url, {}) for one in load_config(tmp_path).vlm.endpoints]
    actions.change_endpoints(tmp_path, [*there, (None, {"url": OLLAMA, "model": "m"})])
    assert [one.url for one in load_config(tmp_path).vlm.endpoints] == [*(url for url, _ in there), OLLAMA]
    if "\r\n" in content:
        assert b"\n" not in (tmp_path / FILE).read_bytes().replace(b"\r\n", b"")


def test_a_page_chooses_only_among_keys_that_were_meant_for_it(archive_root: Path) -> None:
    with pytest.raises(UsageError, match="URBEXTAG_"):
        actions.endpoint({"url": OLLAMA, "key_env": "HOME"}, ())
    assert actions.endpoint({"url": OLLAMA, "key_env": "URBEXTAG_VLM_KEY"}, ()).key_env
    known = actions.endpoint({"url": OLLAMA, "key_env": "URBEXTAG_X"}, ()).model_copy(update={"key_env": "MY_KEY"})
    assert actions.endpoint({"url": OLLAMA, "key_env": "MY_KEY"}, (known,)).key_env == "MY_KEY"
    with pytest.raises(UsageError, match="URBEXTAG_"):
        actions.endpoint({"url": "https://elsewhere.example", "allow_remote": True, "key_env": "MY_KEY"}, (known,))
    with pytest.raises(UsageError, match="another machine"):
        actions.endpoint({"url": "https://elsewhere.example"}, ())


def test_a_preview_tells_what_deriving_again_then_does(box: Box) -> None:
    fill(box, "Mill", *(Shot(f"{number}.png", ("a piano", "a boiler", "peeling paint")) for number in range(8)))
    with opened(box.root) as archive:
        shas, of = sample(archive, 3)
        assert len(shas) == 3 and of == 8 and sample(archive, 3)[0] == shas
        found = preview(archive, Deriver(TAXONOMY), {"object": 0.9})
        same = preview(archive, Deriver(TAXONOMY), {})
    assert (same.appear, same.vanish, same.changed) == (0, 0, 0)
    things = next(one for one in found.facets if one.facet == "object")
    assert found.photos == 8 and things.then == 0.9 and things.vanish > 0 and things.appear == 0
    assert sum(one.photos for one in things.vanishing) == things.vanish
    assert things.tags_today - things.vanish == things.tags_then
