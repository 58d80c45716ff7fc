"""The documentation's promise: a stage more is one file and one line. Done here as it is written there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import urbextag
from conftest import draw

DOCUMENT = Path(__file__).parent.parent / "docs" / "stages.md"


def test_a_stage_is_one_file_and_one_line(tmp_path):
    file, line = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    package = tmp_path / "urbextag"
    shutil.copytree(Path(urbextag.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "stages" / "brightness.py").write_text(file, encoding="utf-8")
    pipeline = package / "pipeline.py"
    before = pipeline.read_text(encoding="utf-8")
    scene = '    "urbextag.stages.scene:SceneStage",\n'
    assert before.count(scene) == 1
    pipeline.write_text(before.replace(scene, line + scene), encoding="utf-8")

    dark = draw(tmp_path / "a.png", colour=(10, 10, 10))
    archive = tmp_path / "archive"

    def run(*arguments):
        command = [sys.executable, "-m", "urbextag", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
        return done.stdout

    report = json.loads(run("tag", dark, "--json"))
    assert report["stages"]["brightness"]["data"]["mean"] < 0.1
    assert report["stages"]["brightness"]["evidence"][0]["label"] == "darkness"
    run("init", archive)
    (archive / "urbextag.toml").write_text("[stages.brightness]\ndark_below = 0.01\n", encoding="utf-8")
    run("--archive", archive, "add", dark)
    run("--archive", archive, "tag")
    stored = json.loads(run("--archive", archive, "show", "a.png", "--json"))
    assert stored["stages"]["brightness"] == {"evidence": [], "data": report["stages"]["brightness"]["data"]}
