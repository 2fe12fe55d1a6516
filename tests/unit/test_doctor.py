"""The checks of `edgelpr doctor` on recorded machines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from boards.recorded import BOARDS, GARBLED
from boards.surroundings import ABSENT, NO_DRIVER, ORIN, PYTHON, surroundings, with_packages

from edgelpr.cuda.facts import DeviceFacts
from edgelpr.cuda.probing import Probe
from edgelpr.doctor.check import Check
from edgelpr.doctor.examining import CHECKS, examine
from edgelpr.doctor.python import Distribution
from edgelpr.doctor.trying import Trial

RTX = Probe("libcuda.so.1", 0, 12040, (DeviceFacts(0, "NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, False, 12040, 128),))
HIDDEN = replace(PYTHON, sees_system=False)


@pytest.fixture
def look(tmp_path):
    """Examines a recorded machine; the findings by their names."""

    def look(name: str, **changes) -> dict[str, Check]:
        return {check.name: check for check in examine(surroundings(tmp_path, name, **changes))}

    return look


@pytest.fixture
def faults(look):
    """Names of the checks that find fault, with their gravity."""
    return lambda name, **changes: {
        check.name: check.status for check in look(name, **changes).values() if check.status in ("error", "warning")
    }


def test_every_check_has_a_name_of_its_own(look):
    assert len(look("empty", probe=NO_DRIVER)) == len(CHECKS)


@pytest.mark.parametrize("name", [*BOARDS, *GARBLED])
@pytest.mark.parametrize("probe", [NO_DRIVER, ORIN])
def test_no_machine_stops_it_and_every_fault_has_a_remedy(look, name, probe):
    found = look(name, probe=probe, tensorrt=ABSENT)
    assert all(check.found for check in found.values())
    assert all(check.remedy for check in found.values() if check.status in ("error", "warning"))


def test_a_fault_without_a_remedy_is_refused():
    with pytest.raises(ValueError, match="without saying what to do"):
        Check("disk", "error", "full")


def test_a_well_set_up_board_has_nothing_to_complain_of(faults):
    assert faults("orin-nano-6.1") == {"memory": "warning"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("orin-nano-6.0", {"clocks": "warning"}),
        ("orin-nano-6.2", {"power-mode": "warning", "clocks": "warning"}),
        ("agx-orin-6.2", {"temperature": "warning"}),
        ("unknown-l4t", {"jetpack": "warning"}),
        ("orin-nx-5.1.2", {"jetpack": "error", "power-mode": "warning", "clocks": "warning"}),
    ],
)
def test_what_boards_lack(faults, name, expected):
    assert faults(name) == expected


def test_the_remedies_of_speed_are_commands(look):
    found = look("orin-nano-6.2")
    assert "sudo nvpmodel -m 2" in found["power-mode"].remedy
    assert "sudo jetson_clocks" in found["clocks"].remedy
    assert found["power-mode"].found == "15W, not the fastest of: 0 15W, 1 25W, 2 MAXN_SUPER, 3 7W"


@pytest.mark.parametrize(("name", "python"), [("xavier-nx-5.1", "3.8"), ("nano-4.6.1", "3.6"), ("orin-nx-5.1.2", "3.8")])
def test_old_boards_are_sent_to_the_script(look, name, python):
    found = look(name, tensorrt=ABSENT)
    assert found["jetpack"].status == "error"
    assert "edgelpr build BUNDLE --script DIR" in found["jetpack"].remedy
    assert found["tensorrt"].status == "skipped" and f"Python {python}" in found["tensorrt"].found


def test_l4t_is_always_shown_as_the_board_writes_it(look):
    assert "L4T 36.4.3" in look("orin-nano-6.2")["jetpack"].found
    assert "L4T 47.1.2" in look("unknown-l4t")["jetpack"].found


def test_thor_has_python_3_12(look):
    found = look("thor-7.0", tensorrt=ABSENT)["tensorrt"]
    assert found.status == "error"
    assert "are for Python 3.12, and this is Python 3.10.12" in found.found
    assert "python3.12 -m venv --system-site-packages" in found.remedy


def test_an_environment_that_hides_jetpacks_bindings(look):
    found = look("orin-nano-6.2", python=HIDDEN, tensorrt=ABSENT)["tensorrt"]
    assert found.status == "error"
    assert "hidden by the virtual environment /home/me/env" in found.found
    assert "python3 -m venv --system-site-packages" in found.remedy


def test_another_interpreter_of_the_same_version(look):
    conda = replace(PYTHON, environment=None, executable="/opt/conda/bin/python", sees_system=False)
    found = look("orin-nano-6.2", python=conda, tensorrt=ABSENT)["tensorrt"]
    assert "not on the path of /opt/conda/bin/python" in found.found
    assert "/usr/bin/python3 -m venv --system-site-packages" in found.remedy


def test_no_bindings_at_all(look):
    assert "sudo apt install nvidia-jetpack" in look("unknown-l4t", tensorrt=ABSENT)["tensorrt"].remedy
    assert "nvcr.io/nvidia/l4t-jetpack" in look("package-only", tensorrt=ABSENT)["tensorrt"].remedy


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        ("ImportError: libnvinfer.so.10: cannot open shared object file: No such file or directory", "nvidia-jetpack"),
        ("ImportError: libnvdla_compiler.so: cannot open shared object file: No such file or directory", "--runtime nvidia"),
        ("ImportError: libcudart.so.12: cannot open shared object file: No such file or directory", "CUDA's libraries"),
        ("ImportError: only an empty folder of that name, ['/x/tensorrt']", "Remove that folder"),
        ("importing it crashed the process (SIGSEGV)", "Install it again"),
    ],
)
def test_bindings_that_cannot_be_loaded(look, problem, remedy):
    found = look("orin-nano-6.2", tensorrt=Trial(problem=problem))["tensorrt"]
    assert found.status == "error"
    assert problem in found.found and remedy in found.remedy


def test_wheels_over_jetpacks_tensorrt(look):
    wheels = with_packages(PYTHON, tensorrt="10.16.1", tensorrt_cu12_bindings="10.16.1")
    found = look("orin-nano-6.2", python=wheels)["tensorrt-packages"]
    assert found.status == "error"
    assert found.remedy == "Run: pip uninstall -y tensorrt tensorrt-cu12-bindings"


def test_jetpacks_own_entry_is_no_wheel(look):
    own = Distribution("tensorrt", "10.3.0", "/usr/lib/python3.10/dist-packages")
    assert look("orin-nano-6.2", python=replace(PYTHON, distributions=(own,)))["tensorrt-packages"].status == "ok"


def test_bindings_and_library_of_two_versions(tmp_path):
    here = surroundings(tmp_path, "orin-nano-6.2")
    mixed = {"libnvinfer10": "10.7.0.23-1+cuda12.6", "python3-libnvinfer": "10.3.0.30-1+cuda12.5"}
    here = replace(here, machine=replace(here.machine, packages=mixed))
    found = next(check for check in examine(here) if check.name == "tensorrt-packages")
    assert found.status == "error"
    assert "libnvinfer10 10.7.0.23-1+cuda12.6" in found.found


def test_two_wheels_side_by_side(look):
    both = with_packages(PYTHON, tensorrt_cu12="10.16.1", tensorrt="10.9.0")
    found = look("desktop", python=both, probe=RTX)["tensorrt-packages"]
    assert found.status == "warning" and "several TensorRTs" in found.found


def test_a_wheel_for_a_newer_cuda_than_the_driver(look):
    newer = with_packages(PYTHON, tensorrt_rtx_cu13="1.7.1")
    found = look("desktop", python=newer, probe=RTX)["tensorrt-packages"]
    assert found.status == "error"
    assert "is for CUDA 13, but the driver supports CUDA 12.4 at most" in found.found


@pytest.mark.parametrize(("version", "status"), [("12.9.2", "ok"), ("12.4.0", "ok"), ("11.8.0", "ok"), ("13.0.1", "error")])
def test_cuda_bindings_no_newer_than_the_driver(look, version, status):
    found = look("orin-nano-6.2", cuda__bindings=Trial(version, "/x"))["cuda-bindings"]
    assert found.status == status
    if status == "error":
        assert "pip install 'cuda-bindings>=12.9,<13'" in found.remedy


def test_pycuda_will_do_but_is_slower(look):
    found = look("orin-nano-6.2", cuda__bindings=ABSENT, pycuda=Trial("2026.1", "/x"))["cuda-bindings"]
    assert found.status == "warning" and "no CUDA graphs" in found.found


@pytest.mark.parametrize(("name", "probe", "status"), [("orin-nano-6.2", ORIN, "error"), ("desktop", RTX, "warning")])
def test_nothing_reaches_the_driver(look, name, probe, status):
    assert look(name, probe=probe, cuda__bindings=ABSENT)["cuda-bindings"].status == status


@pytest.mark.parametrize(
    ("name", "status", "remedy"),
    [
        ("orin-nano-6.2", "error", "usermod -aG video,render"),
        ("package-only", "error", "--runtime nvidia"),
        ("desktop", "error", "ubuntu-drivers"),
        ("desktop-without-driver", "skipped", None),
        ("raspberry-pi", "skipped", None),
    ],
)
def test_a_driver_that_does_not_answer(look, name, status, remedy):
    found = look(name, probe=NO_DRIVER)["driver"]
    assert found.status == status
    assert (found.remedy is None) if remedy is None else (remedy in found.remedy)


def test_a_hidden_gpu_is_named_first(tmp_path):
    here = replace(surroundings(tmp_path, "desktop", probe=NO_DRIVER), environment={"CUDA_VISIBLE_DEVICES": ""})
    found = next(check for check in examine(here) if check.name == "driver")
    assert "unset CUDA_VISIBLE_DEVICES" in found.remedy


def test_a_desktop_without_a_gpu_needs_none(faults):
    assert faults("desktop-without-driver", probe=NO_DRIVER, tensorrt=ABSENT, cuda__bindings=ABSENT) == {"memory": "warning"}


def test_a_desktop_with_a_gpu_is_told_how_to_use_it(look):
    found = look("desktop", probe=RTX, tensorrt=ABSENT)["tensorrt"]
    assert found.status == "warning" and "tensorrt-rtx-cu13" in found.remedy
    assert look("desktop", probe=RTX, tensorrt=ABSENT, tensorrt_rtx=Trial("1.7.1.116", "/x"))["tensorrt"].status == "skipped"


def test_onnxruntime_twice(look):
    both = with_packages(PYTHON, onnxruntime="1.23.2", onnxruntime_gpu="1.23.2")
    found = look("orin-nano-6.2", python=both)["onnxruntime"]
    assert found.status == "warning"
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in found.remedy
    assert "providers CPU" in found.found


def test_without_any_engine_plates_cannot_be_read(look):
    assert look("orin-nano-6.2", onnxruntime=ABSENT)["onnxruntime"].status == "warning"
    assert look("orin-nano-6.2", onnxruntime=ABSENT, tensorrt=ABSENT)["onnxruntime"].status == "error"


def test_opencv_by_pip_before_jetpacks(look):
    wheel = with_packages(PYTHON, opencv_python="4.12.0")
    found = look("orin-nano-6.2", python=wheel)["opencv"]
    assert found.status == "warning" and found.remedy == "Run: pip uninstall -y opencv-python"
    assert look("orin-nano-6.0", python=wheel)["opencv"].status == "ok"  # JetPack's own is not installed there


def test_opencv_twice(look):
    both = with_packages(PYTHON, opencv_python="4.12.0", opencv_python_headless="4.12.0")
    assert look("desktop", python=both, probe=RTX)["opencv"].status == "warning"


def test_jetpacks_opencv_wants_numpy_1(look):
    problem = "ImportError: numpy.core.multiarray failed to import"
    found = look("orin-nano-6.2", cv2=Trial(problem=problem))["opencv"]
    assert found.status == "error" and "'numpy>=1.23,<2'" in found.remedy


def test_the_numpy_of_ubuntu_22_is_too_old(look):
    assert look("orin-nano-6.2", numpy=Trial("1.21.5", "/usr/lib/python3/dist-packages"))["numpy"].status == "error"


def test_an_old_python(look):
    assert look("desktop", probe=RTX, python=replace(PYTHON, version=(3, 8, 10)))["python"].status == "error"


@pytest.mark.parametrize(
    ("name", "status"), [("orin-nano-6.0", "ok"), ("orin-nano-6.1", "warning"), ("orin-nano-6.2", "ok"), ("empty", "skipped")]
)
def test_compressed_memory_is_no_swap_for_a_builder(look, name, status):
    assert look(name, probe=NO_DRIVER)["memory"].status == status


def test_output_that_cannot_show_chinese_plates(tmp_path):
    here = replace(surroundings(tmp_path, "desktop"), encoding="latin-1")
    assert next(check for check in examine(here) if check.name == "output").status == "warning"


def test_a_cache_that_may_not_be_written(look, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path / "file" / "cache"))
    found = look("desktop")["cache"]
    assert found.status == "warning" and "EDGELPR_CACHE" in found.remedy


def test_looking_at_the_cache_does_not_make_it(look, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path / "a" / "b"))
    assert look("desktop")["cache"].status == "ok"
    assert not (tmp_path / "a").exists()
