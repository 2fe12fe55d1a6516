"""What is installed: the wheel is built from a copy of the sources and looked into."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "edgelpr",
    "benchmarks",
    "export",
    "weights",
    "setup.cfg",
    "setup.py",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)
LIMIT = 20_000_000
LARGEST = 8_000_000
"""Of a checkpoint in the wheel, as in setup.py."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built with a checkpoint that the repository does not have, to see how weights travel."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
        else:
            shutil.copy2(source, folder / name)
    trained = folder / "weights" / "trained-here"
    trained.mkdir()
    for name in ("trained-here.safetensors", "card.json", "README.md", "notes.txt"):
        (trained / name).write_text("{}", encoding="utf-8")
    large = folder / "weights" / "large-here"
    large.mkdir()
    (large / "large-here.safetensors").write_bytes(bytes(LARGEST + 1))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out", "."]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (folder / "out").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel, names):
    (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(name).decode("utf-8"))


def test_only_edgelpr_is_installed(names):
    tops = {name.split("/")[0] for name in names}
    assert {re.sub(r"-[0-9].*\.dist-info", ".dist-info", top) for top in tops} == {"edgelpr", "edgelpr.dist-info"}


def test_every_module_is_inside(names):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "edgelpr").rglob("*.py")}
    assert modules - names == set()


def test_data_files_are_inside(names):
    formats = {path.relative_to(ROOT).as_posix() for path in (ROOT / "edgelpr/plates").glob("*/*.yaml")}
    fonts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "edgelpr/data/fonts").rglob("*") if path.is_file()}
    assert len(formats) == 8  # four plate formats and four patterns
    assert (formats | fonts | {"edgelpr/py.typed"}) - names == set()


def test_weights_travel_with_card_and_readme_only(names):
    inside = {name for name in names if name.startswith("edgelpr/weights/trained-here/")}
    assert {Path(name).name for name in inside} == {"trained-here.safetensors", "card.json", "README.md"}


def test_the_repositorys_small_weights_are_inside_and_large_ones_stay_there(names):
    trained = [path for path in (ROOT / "weights").glob("*/*.safetensors") if path.stat().st_size <= LARGEST]
    assert {f"edgelpr/{path.relative_to(ROOT).as_posix()}" for path in trained} - names == set()
    assert not any("large-here" in name for name in names)


def test_the_papers_recipes_are_inside(names):
    recipes = {f"edgelpr/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "weights/recipes/paper").glob("*.yaml")}
    assert len(recipes) == 7
    assert recipes - names == set()


def test_the_recipes_of_boards_are_inside(names):
    recipes = {f"edgelpr/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "export/recipes").glob("*.yaml")}
    assert len(recipes) == 6
    assert recipes - names == set()


def test_the_peak_rates_of_boards_are_inside(names):
    assert "edgelpr/benchmarks/suites/boards.json" in names


def test_no_pictures_and_no_tests(names):
    assert [name for name in names if name.endswith((".jpg", ".png", ".onnx")) or "/test_" in name] == []


def test_size(wheel):
    assert wheel.stat().st_size < LIMIT


def test_a_runtime_install_needs_neither_torch_nor_onnx(metadata):
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    packages = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in required}
    assert packages == {"click", "numpy", "onnxruntime", "opencv-python-headless"}


def test_extras_and_python(metadata):
    assert set(metadata.get_all("Provides-Extra")) == {"export", "train", "tensorboard", "tensorrt", "nvml", "pycuda", "dev"}
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License"] == "Apache-2.0"


def test_the_command_is_installed(wheel, names):
    (name,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        assert "edgelpr = edgelpr.cli.main:main" in archive.read(name).decode("utf-8")
