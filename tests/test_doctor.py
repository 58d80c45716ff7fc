"""`doctor` tries the real parts and names the remedy for what fails."""

from conftest import draw, urbextag


def states(ran):
    return {check["name"]: check["state"] for check in ran.json}


def test_everything_works_here(tmp_path):
    ran = urbextag("doctor", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.out
    found = states(ran)
    stages = {f"starter: stage {name}" for name in ("metadata", "ocr", "imagenet", "quality", "scene")}
    assert {name for name, state in found.items() if state == "works"} == {
        "machine", "image formats", "taxonomy", "model runtime", *stages,
    }  # fmt: skip
    assert "only the machine" in ran.err


def test_an_archive_is_looked_over(box, tmp_path):
    path = draw(tmp_path / "a.png", "A")
    box.ok("add", path)
    assert {"settings", "database", "disk", "photos"} <= states(box.ok("doctor", "--json")).keys()
    path.unlink()
    page = box.ok("doctor").out
    assert "1 of 1 files looked at are not there" in page
    assert "Plug in their drive" in page


def test_an_archive_is_named_by_a_relative_path(box):
    assert states(urbextag("--archive", box.root.name, "doctor", "--json", cwd=box.root.parent))["place"] != "fails"


def test_a_damaged_database_fails(box, tmp_path):
    for number in range(40):
        draw(tmp_path / "p" / f"{number}.png", str(number))
    box.ok("add", tmp_path / "p")
    file = box.root / "urbextag.db"
    box.ok("status")
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xff" * 4096
    file.write_bytes(content)
    ran = box("doctor", "--json")
    assert ran.code == 6
    assert "Restore it from a backup" in ran.out


def test_profile_standard_without_its_models_fails_with_the_remedy(box):
    box.settings('profile = "standard"\n[models]\nfolder = "models"\n')
    ran = box.ok("doctor", code=6)
    assert "urbextag models pull siglip-base-patch16-224" in " ".join(ran.out.split())
