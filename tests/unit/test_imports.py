"""What importing loads: nothing heavy until it is needed, and neither torch nor onnx on a board."""

from __future__ import annotations

import subprocess
import sys

import pytest

import edgelpr

HEAVY = ("numpy", "cv2", "yaml", "PIL", "safetensors", "onnxruntime", "onnx", "torch")


def loaded_by(statement: str) -> set[str]:
    """Which heavy packages a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import edgelpr; dir(edgelpr); edgelpr.__version__") == set()


@pytest.mark.parametrize("module", ["atomic", "errors", "types", "plates.format", "plates.loading"])
def test_the_lowest_layers_need_only_the_standard_library(module):
    assert loaded_by(f"import edgelpr.{module}") == set()


@pytest.mark.parametrize(
    "module",
    [
        "preprocessing.crop",
        "bundle.bundle",
        "bundle.writing",
        "runtime.recognizer",
        "runtime.tracks.recognizer",
        "runtime.backends.onnxruntime.loader",
        "runtime.backends.torch.loader",
    ],
)
def test_a_board_needs_numpy_and_opencv(module):
    assert loaded_by(f"import edgelpr.{module}") == {"numpy", "cv2"}


def test_reading_loads_the_one_engine(tiny_bundle):
    read = f"import numpy; Recognizer.open({str(tiny_bundle.path)!r}).read(numpy.zeros((50, 160), 'uint8'))"
    assert loaded_by(f"from edgelpr import Recognizer; {read}") == {"numpy", "cv2", "onnxruntime"}


def test_the_public_names():
    assert edgelpr.__all__ == [
        "Bundle",
        "CharacterReading",
        "EdgelprError",
        "PlateFormat",
        "PlateTrack",
        "Reading",
        "Recognizer",
        "TrackReading",
        "TrackRecognizer",
        "__version__",
        "load_plate_format",
    ]
    for name in edgelpr.__all__:
        assert getattr(edgelpr, name) is not None
    assert dir(edgelpr) == sorted(edgelpr.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'recognise'"):
        edgelpr.recognise  # noqa: B018
