"""What the source archive carries beside the package."""

from __future__ import annotations

from pathlib import Path

import pytest

FileList = pytest.importorskip("setuptools.command.egg_info", reason="needs setuptools").FileList
ROOT = Path(__file__).parents[2]


def test_every_guide_card_and_recipe_beside_the_weights_travels(monkeypatch):
    monkeypatch.chdir(ROOT)
    files = FileList()
    for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        files.process_template_line(line)
    beside = {
        path.relative_to(ROOT).as_posix() for kind in ("md", "yaml", "json") for path in (ROOT / "weights").rglob(f"*.{kind}")
    }
    beside |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "export").rglob("*.yaml")}
    expected = {name for name in beside if "/captures/" not in name}
    assert "weights/data-sets.md" in expected
    assert expected - {Path(name).as_posix() for name in files.files} == set()
