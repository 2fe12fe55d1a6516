"""OpenCV and NumPy: one of each, that fit each other."""

from __future__ import annotations

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.doctor.versions import numbers

_WHEELS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_OLDEST_NUMPY = (1, 23)
_NUMPY_SIGNS = ("numpy", "NumPy", "_ARRAY_API")


def check_opencv(here: Surroundings) -> Check:
    """Whether OpenCV can be imported, and is there once."""
    trial = here.trials["cv2"]
    wheels = [each.name for each in here.python.installed(*_WHEELS) if not each.from_system]
    if not trial.works:
        return Check("opencv", "error", trial.problem or "not installed", _remedy(here, trial.problem))
    found = f"OpenCV {trial.version}"
    if here.machine.is_jetson and wheels and _jetpack_has_it(here):
        return Check(
            "opencv", "warning", f"{found}; {' and '.join(wheels)} by pip stands before JetPack's own",
            f"Run: pip uninstall -y {' '.join(wheels)}",
        )  # fmt: skip
    if len(wheels) > 1:
        return Check(
            "opencv", "warning", f"{found}; {' and '.join(wheels)} are installed over each other",
            f"Run 'pip uninstall -y {' '.join(wheels)}', then: pip install opencv-python-headless",
        )  # fmt: skip
    return Check("opencv", "ok", found)


def check_numpy(here: Surroundings) -> Check:
    """Whether NumPy can be imported and is new enough; Ubuntu 22.04 brings 1.21."""
    trial = here.trials["numpy"]
    if not trial.works:
        return Check("numpy", "error", trial.problem or "not installed", "Run: pip install 'numpy>=1.23,<2'")
    if numbers(str(trial.version))[:2] < _OLDEST_NUMPY:
        return Check("numpy", "error", f"NumPy {trial.version}, older than 1.23", "Run: pip install 'numpy>=1.23,<2'")
    return Check("numpy", "ok", f"NumPy {trial.version}")


def _jetpack_has_it(here: Surroundings) -> bool:
    return any(name in here.machine.packages for name in ("libopencv-python", "python3-opencv"))


def _remedy(here: Surroundings, problem: str | None) -> str:
    if problem is not None and any(sign in problem for sign in _NUMPY_SIGNS):
        return "This OpenCV was compiled for another NumPy. Run: pip install 'numpy>=1.23,<2'"
    if here.machine.is_jetson:
        return "Run 'sudo apt install nvidia-opencv', and use an environment made with 'python3 -m venv --system-site-packages'"
    if problem is not None and "libGL" in problem:
        return "Run 'pip uninstall -y opencv-python', then: pip install opencv-python-headless"
    return "Run: pip install opencv-python-headless"
