"""The bundles that ``make bundles`` makes of the shipped weights are those that were measured, to the byte."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.main import run

REPOSITORY = Path(__file__).resolve().parents[2]
CALIBRATION = REPOSITORY / "calibration"
PINS = json.loads((CALIBRATION / "bundles.json").read_text(encoding="utf-8"))
AGAIN = "run 'make bundles', then 'benchmarks/pin_bundles.py'; a new checkpoint also wants a new record (benchmarks/int8.py)"


def other_versions() -> list[str]:
    """Packages here that are not those which the pinned graphs were made with."""

    def here(name: str) -> str:
        try:
            return version(name).partition("+")[0]
        except PackageNotFoundError:
            return "absent"

    return [f"{name} {here(name)}, not {wanted}" for name, wanted in PINS["versions"].items() if here(name) != wanted]


def test_every_shipped_checkpoint_has_a_record_and_pins_of_just_this_file():
    shipped = {path.stem: path for path in (REPOSITORY / "weights").glob("*/*.safetensors")}
    assert set(shipped) == set(PINS["bundles"]), AGAIN
    for name, path in shipped.items():
        pinned = PINS["bundles"][name]
        assert pinned["weights"] == hashlib.sha256(path.read_bytes()).hexdigest(), f"{name}: {AGAIN}"
        record = json.loads((CALIBRATION / f"{name}.json").read_text(encoding="utf-8"))
        assert record["graph_sha256"] == pinned["graphs"]["fp32.onnx"], f"{name}: {AGAIN}"


def test_make_bundles_makes_each_of_them():
    named = re.search(r"^SHIPPED := (.*)$", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named[1].split()) == set(PINS["bundles"])


def test_the_pinned_versions_are_those_of_the_constraints():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for name, pinned in PINS["versions"].items():
        assert any(line.startswith(f"{name}=={pinned}") for line in lines), f"{name} {pinned}: {AGAIN}"


@pytest.mark.parametrize(
    "name",
    [
        "hpa-nano-cn",
        "hpa-nano-latin",
        "iq-stan-cn",
        pytest.param("hpa-nano-cn-rendered", marks=pytest.mark.slow),
        pytest.param("hpa-resnet18-cn", marks=pytest.mark.slow),
    ],
)
def test_a_bundle_comes_out_as_it_was_measured(name, tmp_path, capsys):
    """The very commands of ``make bundles``."""
    if others := other_versions():
        pytest.skip(f"the graphs are pinned for other versions ({'; '.join(others)}); accuracy is tested all the same")
    bundle = tmp_path / f"{name}.elpr"
    assert run(["export", name, "-o", str(bundle)]) == 0
    code = run(["calibrate", str(bundle), "--reuse", str(CALIBRATION / f"{name}.json")])
    assert code == 0, f"{capsys.readouterr().err}\n{AGAIN}"
    manifest = Bundle.open(bundle).manifest
    made = {graph.file: manifest.files[graph.file].sha256 for graph in manifest.graphs}
    assert made == PINS["bundles"][name]["graphs"], AGAIN
