"""TensorRT: whether it can be imported, and the classic reasons why not."""

from __future__ import annotations

from collections.abc import Callable

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.types import CheckStatus

_JETPACK_INSTALL = "sudo apt install nvidia-jetpack"
_BOARD_LIBRARIES = (
    "These libraries are the board's own: start the container with '--runtime nvidia'; outside one run: "
    "sudo apt install --reinstall nvidia-l4t-core"
)


def check_tensorrt(here: Surroundings) -> Check:
    """Import of TensorRT, in another process."""
    trial = here.trials["tensorrt"]
    if trial.works:
        return Check("tensorrt", "ok", f"TensorRT {trial.version} ({trial.file})")
    if not here.can_run_package:
        versions = ", ".join(f"Python {each.python}" for each in here.bindings if each.python) or "an older Python"
        return Check("tensorrt", "skipped", f"this board's TensorRT is for {versions}; see 'jetpack'")
    if trial.problem is not None:
        return Check(
            "tensorrt", _gravity(here), f"installed, but cannot be imported: {trial.problem}", _broken(here, trial.problem)
        )
    if here.machine.is_jetson:
        found, remedy = next(answer for reason in _REASONS if (answer := reason(here)) is not None)
        return Check("tensorrt", "error", found, remedy)
    if here.trials["tensorrt_rtx"].works:
        return Check("tensorrt", "skipped", "not installed; TensorRT-RTX is")
    if not here.has_gpu:
        return Check("tensorrt", "skipped", "not installed, and there is no GPU to run engines on")
    return Check(
        "tensorrt", "warning", "not installed: the GPU reads no plates",
        "Run 'pip install .[tensorrt]' in a clone of edgelpr; for a GeForce or RTX card rather 'pip install tensorrt-rtx-cu13'",
    )  # fmt: skip


def check_tensorrt_rtx(here: Surroundings) -> Check:
    """Import of TensorRT-RTX, in another process."""
    trial = here.trials["tensorrt_rtx"]
    if trial.works:
        return Check(
            "tensorrt-rtx",
            "ok",
            f"TensorRT-RTX {trial.version}{'' if here.probe.devices else ': builds engines; running them needs a GPU'}",
        )
    if trial.absent:
        why = "boards use TensorRT" if here.machine.is_jetson else "only GeForce and RTX cards use it"
        return Check("tensorrt-rtx", "skipped", f"not installed; {why}")
    return Check(
        "tensorrt-rtx", "warning", f"installed, but cannot be imported: {trial.problem}",
        "Run 'pip install --force-reinstall tensorrt-rtx-cu13', or tensorrt-rtx-cu12 for a driver of CUDA 12",
    )  # fmt: skip


def _gravity(here: Surroundings) -> CheckStatus:
    """What cannot be imported stops edgelpr only where it was to be used."""
    return "error" if here.has_gpu else "warning"


def _broken(here: Surroundings, problem: str) -> str:
    install = _JETPACK_INSTALL if here.machine.is_jetson else "pip install --force-reinstall tensorrt"
    if "libnvdla" in problem or "libcudla" in problem or "libnvos" in problem:
        return _BOARD_LIBRARIES
    if "libnvinfer" in problem or "libnvonnxparser" in problem:
        return f"The bindings lack the libraries that they are made for, or those are of another version. Run: {install}"
    if "libcudart" in problem or "libcudnn" in problem or "libcublas" in problem:
        return f"CUDA's libraries are missing. Run: {install}"
    if "empty folder" in problem:
        return "Remove that folder: it stands before the package"
    own = "; on a Jetson never by pip: 'pip uninstall tensorrt' shows JetPack's again" if here.machine.is_jetson else ""
    return f"Install it again for {here.python.text}{own}"


def _reason_hidden(here: Surroundings) -> tuple[str, str] | None:
    fitting = [each for each in here.bindings if each.python in (None, here.python.minor)]
    if not fitting:
        return None
    where = fitting[0].folder
    environment = here.python.environment
    if environment is not None and not here.python.sees_system:
        return (
            f"JetPack's bindings ({where}) are hidden by the virtual environment {environment}",
            "Make the environment anew: python3 -m venv --system-site-packages DIR; or set "
            f"'include-system-site-packages = true' in {environment}/pyvenv.cfg",
        )
    return (
        f"JetPack's bindings ({where}) are not on the path of {here.python.executable}",
        "Use the system's own Python: /usr/bin/python3 -m venv --system-site-packages DIR",
    )


def _reason_other_python(here: Surroundings) -> tuple[str, str] | None:
    versions = [each.python for each in here.bindings if each.python is not None]
    if not versions:
        return None
    return (
        f"JetPack's bindings are for Python {', '.join(versions)}, and this is {here.python.text}",
        f"Use that Python: python{versions[-1]} -m venv --system-site-packages DIR",
    )


def _reason_absent(here: Surroundings) -> tuple[str, str]:
    if here.machine.in_container:
        return "not in this container", "Base the image on nvcr.io/nvidia/l4t-jetpack, as export/docker/Dockerfile does"
    return "not installed", f"Run: {_JETPACK_INSTALL}; never 'pip install tensorrt' on a Jetson"


_REASONS: tuple[Callable[[Surroundings], tuple[str, str] | None], ...] = (_reason_hidden, _reason_other_python, _reason_absent)
