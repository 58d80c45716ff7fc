"""What the command line must not load before it is needed, and what the package must carry."""

import os
import subprocess
import sys

from conftest import draw

HEAVY = ("numpy", "PIL", "cv2", "onnxruntime", "rapidocr", "rawpy", "pi_heif", "rich", "yaml", "torch")


def loaded(*arguments):
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['urbextag', *{list(arguments)!r}]\n"
        "try: runpy.run_module('urbextag', run_name='__main__')\n"
        f"except SystemExit: print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return eval(done.stdout.split("LOADED ")[-1])


def test_help_loads_nothing_heavy():
    assert loaded("--help") == []


def test_status_loads_no_model_library(box):
    assert set(loaded("--archive", str(box.root), "status")) <= {"rich"}


def test_nothing_is_reported_to_anyone(tmp_path):
    """ONNX Runtime would leave a device id and a queue of events in the home folder before it sends them."""
    photo = draw(tmp_path / "p" / "sign.png", "BOILER ROOM")
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-m", "urbextag", "tag", str(photo)]
    subprocess.run(command, check=True, capture_output=True, env=environment | {"HOME": str(home)})
    assert list(home.iterdir()) == []
