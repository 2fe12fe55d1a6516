"""Fixtures shared by all tests: real crops, and a tiny bundle built by hand, so that runtime tests need no torch."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from edgelpr.bundle.manifest import Graph, Manifest
from edgelpr.bundle.writing import write_bundle
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing

REPOSITORY = Path(__file__).resolve().parents[1]
LEVELS = 23
"""Grey levels between the classes of the tiny network: class 3 is a quarter of the crop painted 69."""
HOST_PACKAGES = ("torch", "onnx", "onnxscript", "onnxsim", "safetensors")
"""Of the extras that make and train bundles; a device has none of them."""


def pytest_configure() -> None:
    """One thread for torch: the networks of the tests are tiny, and on a busy machine threads mostly wait for each other."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file of tests that imports a package of the host's extras is skipped where that package is not there, as on a board."""
    report = yield
    call = getattr(report, "call", None)
    cause = None if call is None or call.excinfo is None else call.excinfo.value.__cause__
    name = (cause.name or "").partition(".")[0] if isinstance(cause, ModuleNotFoundError) else ""
    if name in HOST_PACKAGES and importlib.util.find_spec(name) is None:
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 1, f"Skipped: {name} is not installed")
    return report


@pytest.fixture(autouse=True)
def cache_apart(tmp_path_factory, monkeypatch) -> None:
    """The user's cache folder is another, empty one for every test; it is there once something is written."""
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path_factory.getbasetemp() / "caches" / secrets.token_hex(8)))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real crops: EDGELPR_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("EDGELPR_DATA") or REPOSITORY.parent / "shared" / "data")
    return _present(folder, f"no real crops at {folder}; set EDGELPR_DATA to a folder with ccpd/, easypr/ and the others")


@pytest.fixture(scope="session")
def golden_folder(real_data: Path) -> Path:
    """Folder with recorded outputs of the HPA authors' network: golden, beside the real crops."""
    folder = real_data.parent / "golden"
    return _present(folder, f"no recorded outputs of the authors' network at {folder}; they belong beside the real crops")


def _present(folder: Path, absence: str) -> Path:
    if not folder.is_dir():
        report = pytest.fail if os.environ.get("EDGELPR_REQUIRE_DATA") == "1" else pytest.skip
        report(absence)
    return folder


@pytest.fixture(scope="session")
def tiny_format() -> PlateFormat:
    """Up to four digits."""
    return PlateFormat(name="tiny", alphabet="0123456789", positions=4, void=True)


@pytest.fixture(scope="session")
def paint(tiny_format):
    """Paints a plate that the tiny network reads: one even grey a quarter, the class times LEVELS."""

    def paint(plate: str, height: int = 50, width: int = 160) -> np.ndarray:
        columns = np.repeat(np.array(tiny_format.encode(plate), dtype=np.uint8) * LEVELS, -(-width // 4))
        return np.tile(columns[:width], (height, 1))

    return paint


@pytest.fixture(scope="session")
def tiny_graph():
    """Builds the tiny network's ONNX file: the class of a position is the grey of its quarter of the crop."""
    return _tiny_graph


@pytest.fixture(scope="session")
def tiny_manifest(tiny_format):
    """Builds the manifest that belongs to ``tiny_graph``."""

    def build(decode: bool = True, maps: bool = True, **changes) -> Manifest:
        outputs = ("classes", "probabilities") if decode else ("logits",)
        graph = Graph(
            file="fp32.onnx",
            precision="fp32",
            opset=17,
            rewrites=("grey-fold", "decode") if decode else ("grey-fold",),
            input_name="crops" if decode else "input",
            input_dtype="uint8" if decode else "float32",
            input_shape=(None, 50, 160) if decode else (None, 1, 50, 160),
            outputs=(*outputs, "maps") if maps else outputs,
            multiply_adds=8000,
        )
        values = {
            "edgelpr_version": "0.1.0",
            "name": "tiny",
            "architecture": "hpa-nano",
            "classifier": "shared",
            "plate_format": tiny_format,
            "preprocessing": Preprocessing.of(tiny_format),
            "graphs": (graph,),
        }
        return Manifest(**(values | changes))

    return build


@pytest.fixture(scope="session")
def make_bundle(tiny_graph, tiny_manifest):
    """Writes a tiny bundle to a path."""

    def make(path: Path, decode: bool = True, maps: bool = True, **changes):
        contents = {"fp32.onnx": tiny_graph(decode, maps)}
        return write_bundle(path, tiny_manifest(decode, maps, **changes), contents)

    return make


@pytest.fixture(scope="session")
def tiny_bundle(make_bundle, tmp_path_factory):
    """A bundle of the tiny network with decoding and maps; not to be changed by tests."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny.elpr")


@pytest.fixture
def bundle(tiny_bundle, tmp_path) -> Path:
    """A copy of the tiny bundle that a test may damage."""
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "tiny.elpr"))


def _tiny_graph(decode: bool = True, maps: bool = True) -> bytes:
    onnx = pytest.importorskip("onnx", reason="the tiny bundle is built with onnx; install the extra 'export'")
    from onnx import TensorProto, helper, numpy_helper

    def constant(name, values, dtype=np.float32):
        return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)

    # Position p looks at quarter p of the crop; its map is even over that quarter.
    quarter_maps = np.repeat(np.eye(4, dtype=np.float32), 5, axis=1)[None, :, None, :].repeat(7, axis=2)
    constants = [
        constant("quarters", [0, 50, 4, 40], np.int64),
        constant("class_levels", np.arange(11) * LEVELS),
        constant("sharpness", -0.05),
        constant("to_levels", 1 if decode else 255),
        constant("inside", [1, 3], np.int64),
        constant("last", [2], np.int64),
        constant("cells", [2, 3], np.int64),
        constant("zero", 0),
        constant("quarter_maps", quarter_maps),
    ]
    source = "crops" if decode else "input"
    nodes = [
        helper.make_node("Cast", [source], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "to_levels"], ["levels"]),
        helper.make_node("Reshape", ["levels", "quarters"], ["columns"]),
        helper.make_node("ReduceMean", ["columns"], ["means"], axes=[1, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["means", "last"], ["mean"]),
        helper.make_node("Sub", ["mean", "class_levels"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["squared"]),
        helper.make_node("Mul", ["squared", "sharpness"], ["logits"]),
    ]
    results = [("logits", TensorProto.FLOAT, ["N", 4, 11])]
    if decode:
        nodes += [
            helper.make_node("ArgMax", ["logits"], ["best"], axis=2, keepdims=0),
            helper.make_node("Cast", ["best"], ["classes"], to=TensorProto.INT32),
            helper.make_node("Softmax", ["logits"], ["distribution"], axis=2),
            helper.make_node("ReduceMax", ["distribution"], ["probabilities"], axes=[2], keepdims=0),
        ]
        results = [("classes", TensorProto.INT32, ["N", 4]), ("probabilities", TensorProto.FLOAT, ["N", 4])]
    if maps:
        nodes += [
            helper.make_node("Mul", ["means", "zero"], ["nothing"]),
            helper.make_node("Unsqueeze", ["nothing", "cells"], ["empty"]),
            helper.make_node("Add", ["empty", "quarter_maps"], ["maps"]),
        ]
        results.append(("maps", TensorProto.FLOAT, ["N", 4, 7, 20]))
    kind, shape = (TensorProto.UINT8, ["N", 50, 160]) if decode else (TensorProto.FLOAT, ["N", 1, 50, 160])
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(source, kind, shape)],
        [helper.make_tensor_value_info(*result) for result in results],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
