"""What `edgelpr doctor` learns of this Python, and trying imports in another process."""

from __future__ import annotations

import sys

import pytest
from boards.trees import write_tree

from edgelpr.doctor.bindings import find_system_bindings
from edgelpr.doctor.python import Distribution, describe_python, sees_system_packages
from edgelpr.doctor.trying import try_import
from edgelpr.doctor.versions import cuda_text, numbers


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Puts a package of a given content before all others."""

    def package(content: str) -> str:
        monkeypatch.syspath_prepend(str(tmp_path))
        write_tree(tmp_path, {"trt_for_tests/__init__.py": content})
        return "trt_for_tests"

    return package


def test_a_package_that_works(package):
    name = package(
        "__version__ = '10.3.0'\nprint('a banner')\ndef get_available_providers():\n    return ['CPUExecutionProvider']\n"
    )
    trial = try_import(name)
    assert (trial.version, trial.providers, trial.problem) == ("10.3.0", ("CPUExecutionProvider",), None)
    assert trial.works and not trial.absent
    assert name not in sys.modules


def test_a_package_that_is_absent():
    trial = try_import("no_such_package_at_all.inside")
    assert trial.absent and trial.problem is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("raise ImportError('libnvinfer.so.10: cannot open shared object file')", "ImportError: libnvinfer.so.10: cannot open"),
        ("import another_absent_package", "No module named 'another_absent_package'"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "crashed the process (SIGSEGV)"),
        ("import os\nos._exit(3)", "ended with code 3"),
        ("import os\nos._exit(0)", "no usable answer"),
        ("import sys\nsys.exit(0)", "no usable answer"),
    ],
)
def test_a_package_that_breaks(package, content, problem):
    trial = try_import(package(content))
    assert not trial.works and not trial.absent
    assert problem in trial.problem


def test_a_package_that_never_comes_back(package):
    assert "longer than 0 s" in try_import(package("import time\ntime.sleep(60)"), patience=0.3).problem


def test_an_empty_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "empty_for_tests").mkdir()
    assert "empty folder" in try_import("empty_for_tests").problem


def test_this_python():
    found = describe_python()
    assert found.version == sys.version_info[:3]
    assert found.installed("pytest")[0].version == pytest.__version__
    assert found.minor == f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("include-system-site-packages = true\n", True),
        ("include-system-site-packages = false\n", False),
        ("home = /usr\n", False),
    ],
)
def test_whether_an_environment_sees_the_system(tmp_path, text, expected):
    (tmp_path / "pyvenv.cfg").write_text(text)
    assert sees_system_packages(tmp_path) is expected


def test_an_environment_without_settings(tmp_path):
    assert not sees_system_packages(tmp_path)


def test_whose_a_package_is():
    assert Distribution("tensorrt", "10.3.0", "/usr/lib/python3.10/dist-packages").from_system
    assert not Distribution("tensorrt", "10.3.0", "/usr/local/lib/python3.10/dist-packages").from_system


@pytest.mark.parametrize(
    ("file", "python"),
    [
        ("usr/lib/python3.10/dist-packages/tensorrt/tensorrt.so", "3.10"),
        ("usr/lib/python3/dist-packages/tensorrt/tensorrt.cpython-312-aarch64-linux-gnu.so", "3.12"),
        ("usr/lib/python3/dist-packages/tensorrt/__init__.py", None),
    ],
)
def test_which_python_bindings_are_for(tmp_path, file, python):
    (found,) = find_system_bindings(write_tree(tmp_path, {file: ""}))
    assert found.python == python


def test_versions_compare_as_numbers():
    assert numbers("10.3.0.30-1+cuda12.5") == (10, 3, 0) < numbers("1:10.13.3") == (10, 13, 3)
    assert numbers("unknown") == ()
    assert (cuda_text(12060), cuda_text(None)) == ("12.6", "an unknown version")
