"""Finding and loading TensorRT's packages, and the classic ways in which that fails."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from edgelpr.engines.modules import installed_backends, load_tensorrt, version_of
from edgelpr.errors import BackendError, MissingDependencyError


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder that is searched first; nothing of TensorRT is loaded yet."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] in ("tensorrt", "tensorrt_rtx")]:
        monkeypatch.delitem(sys.modules, name)
    yield tmp_path
    for name in ("tensorrt", "tensorrt_rtx"):
        sys.modules.pop(name, None)


def install(folder, name: str, content: str) -> None:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(content)


def test_what_is_installed_is_found_without_loading_it(packages):
    install(packages, "tensorrt", "raise SystemExit('loaded')")
    assert installed_backends()[0] == "tensorrt"


def test_a_package_is_loaded(packages):
    install(packages, "tensorrt", "__version__ = '10.3.0'\nclass Builder: pass")
    assert version_of(load_tensorrt("tensorrt")) == "10.3.0"


def test_an_absent_package_names_where_it_comes_from(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)  # as if it were not there
    with pytest.raises(MissingDependencyError, match=r"'tensorrt'.*JetPack.*--system-site-packages.*\.\[tensorrt\]"):
        load_tensorrt("tensorrt")
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(MissingDependencyError, match=r"'tensorrt_rtx'.*pip install tensorrt-rtx-cu13"):
        load_tensorrt("tensorrt-rtx")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("raise ImportError('libnvinfer.so.10: cannot open shared object file')", "without the libraries that they need"),
        ("raise OSError('libcudart.so.12: no such file')", "without the libraries that they need"),
        ("raise ImportError('undefined symbol: _PyThing')", "damaged, or for another Python"),
        ("import tensorrt.tensorrt", "damaged, or for another Python"),
        ("", "it has no Builder"),
    ],
)
def test_a_package_that_cannot_be_loaded_says_what_is_wrong(packages, content, reason):
    install(packages, "tensorrt", content)
    with pytest.raises(BackendError, match=rf"'tensorrt' is installed but cannot be loaded .*{reason}.*'edgelpr doctor'"):
        load_tensorrt("tensorrt")


def test_a_version_that_is_not_told_is_said_to_be_unknown():
    assert version_of(ModuleType("tensorrt")) == "unknown"
