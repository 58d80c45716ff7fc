"""The packaged catalogue of models, and what is refused in it and in manifests."""

import pytest

from urbextag.choices import PRECISIONS
from urbextag.cli.models import PRECISIONS as OFFERED
from urbextag.config import ModelsConfig
from urbextag.errors import ModelError
from urbextag.models.catalogue import CATALOGUE, PARTS, find, load_catalogue, read_catalogue, read_manifest
from urbextag.models.installed import models_folder

KNOWN = read_catalogue(CATALOGUE)
ENTRY = """\
- name: tiny
  title: tiny
  family: siglip
  repository: a/tiny
  licence: MIT
  image: {size: 8, resize: squash, mean: [0, 0, 0], std: [1, 1, 1]}
  files: {fp32: {vision_model: {path: v.onnx}, text_model: {path: t.onnx}}}
  common: {tokenizer: {path: tokenizer.json}}
"""


def test_the_catalogue_holds_the_families_and_the_defaults():
    assert {
        "siglip-base-patch16-224",
        "siglip-so400m-patch14-384",
        "siglip2-base-patch16-224",
        "clip-vit-large-patch14",
        "florence-2-base",
        "florence-2-large",
        "florence-2-base-ft",
        "florence-2-large-ft",
        "florence-2-base-promptgen-v2",
    } <= set(KNOWN)
    settings = ModelsConfig()
    assert KNOWN[settings.scene].role == "scene" and settings.scene_precision in KNOWN[settings.scene].files
    assert KNOWN[settings.tags].role == "tags" and settings.tags_precision in KNOWN[settings.tags].files
    assert OFFERED == PRECISIONS


@pytest.mark.parametrize("spec", KNOWN.values(), ids=KNOWN)
def test_every_entry_can_be_fetched_and_run(spec):
    assert spec.repository and spec.repository.count("/") == 1 and spec.licence in ("MIT", "Apache-2.0")
    assert list(spec.common) == ["tokenizer"]
    for files in spec.files.values():
        assert set(files) == set(PARTS[spec.role])
        places = [file.path for file in (*files.values(), *spec.common.values())]
        assert len(set(places)) == len(places)
    if spec.role == "scene":
        assert spec.text is not None and spec.generation is None and spec.logit_scale is not None
        assert (spec.logit_bias is None) == (spec.family == "clip")
    else:
        assert spec.generation is not None and set(spec.generation.default_tasks) <= set(spec.generation.tasks)


def test_no_two_files_of_the_catalogue_have_one_checksum():
    """A checksum copied to the wrong line would be found at the first pull only."""
    found = {}
    for spec in KNOWN.values():
        for files in spec.files.values():
            for part, file in files.items():
                if file.sha256:
                    assert found.setdefault(file.sha256, (spec.name, file.path)) == (spec.name, file.path), part


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("licence: MIT", "licence: MIT\n  colour: red"), "model tiny: colour: Extra inputs"),
        (("path: v.onnx", "path: v.onnx, sha: x"), r"model tiny: files.fp32.vision_model.sha: Extra inputs"),
        (("path: v.onnx", "path: ../v.onnx"), "no path within a repository"),
        (("path: v.onnx", "path: v.onnx, sha256: abc"), "should match pattern"),
        (("family: siglip", "family: vgg"), "model tiny: family"),
        (("name: tiny", "name: ../tiny"), r"model ../tiny: name"),
        (("  title: tiny\n", ""), "model tiny: title: Field required"),
        (("text_model: {path: t.onnx}", ""), "lacks text_model"),
        (("- name", "-- name"), "cannot be read|no list"),
        ((ENTRY, ENTRY + ENTRY), "model tiny stands there twice"),
        ((ENTRY, "models: 3"), "no list of models"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, said):
    path = tmp_path / "catalogue.yaml"
    path.write_text(ENTRY)
    assert list(read_catalogue(path)) == ["tiny"]
    path.write_text(ENTRY.replace(*change))
    with pytest.raises(ModelError, match=said):
        read_catalogue(path)


def test_an_unknown_model_is_refused_with_names_that_are_close(tmp_path):
    with pytest.raises(ModelError, match="No model is called siglip-base; did you mean siglip"):
        find(tmp_path, "siglip-base")
    with pytest.raises(ModelError, match="No model is called zzz. Name one of"):
        find(tmp_path, "zzz")


def exported(folder, name, manifest_name=None):
    spec = read_catalogue(CATALOGUE)["siglip-base-patch16-224"].model_dump(mode="json")
    spec |= {"name": name, "repository": None, "revision": None, "files": {}, "common": {}}
    (folder / name).mkdir(parents=True)
    import json

    data = {"name": manifest_name or name, "revision": "ab" * 20, "precisions": {}, "common": {}, "spec": spec}
    (folder / name / "urbextag-model.json").write_text(json.dumps(data))


def test_exported_models_stand_beside_the_packaged_ones_and_before_them(tmp_path):
    exported(tmp_path, "mine")
    exported(tmp_path, "clip-vit-large-patch14")
    known = load_catalogue(tmp_path)
    assert set(known) == {*KNOWN, "mine"} and known["clip-vit-large-patch14"].repository is None
    with pytest.raises(ModelError, match="mine is not published in int8. Make it from the weights"):
        known["mine"].wanted("int8")


def test_a_damaged_manifest_hides_no_other_model_and_is_told_of(tmp_path):
    exported(tmp_path, "mine", manifest_name="other")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "urbextag-model.json").write_text('{"name": "broken"')
    assert set(load_catalogue(tmp_path)) == set(KNOWN)
    with pytest.raises(ModelError, match="speaks of another model: other"):
        find(tmp_path, "mine")
    with pytest.raises(ModelError, match="is damaged"):
        find(tmp_path, "broken")
    assert read_manifest(tmp_path / "nothing") is None


def test_the_folder_is_the_configured_one_or_the_user_s_own(tmp_path, monkeypatch):
    assert models_folder(ModelsConfig(folder=tmp_path)) == tmp_path
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = models_folder(ModelsConfig())
    assert folder.parts[-2:] == ("urbextag", "models")
