"""Trying to import a package in a process of its own: a broken TensorRT can end the process that imports it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass

PATIENCE = 60.0
"""Seconds; the first import of TensorRT from an SD card takes several."""

_LONGEST = 300
# The child looks where this process would, and not in the folder that it was started in.
_CODE = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
name = sys.argv[2]
try:
    module = importlib.import_module(name)
except ModuleNotFoundError as error:
    if error.name is None or not f"{name}.".startswith(f"{error.name}."):
        raise
    print(json.dumps({"absent": True}))
    sys.exit()
if getattr(module, "__file__", None) is None:
    raise ImportError(f"only an empty folder of that name, {list(module.__path__)}")
providers = module.get_available_providers() if hasattr(module, "get_available_providers") else []
version = str(getattr(module, "__version__", "unknown"))
print()
print(json.dumps({"version": version, "file": module.__file__, "providers": providers}))
"""


@dataclass(frozen=True)
class Trial:
    """How importing a package ended."""

    version: str | None = None
    """As the package writes it itself; None where it could not be imported."""

    file: str | None = None
    """What was imported."""

    providers: tuple[str, ...] = ()
    """Of ONNX Runtime: what it computes on."""

    problem: str | None = None
    """Why it could not be imported although it is installed, in one line."""

    @property
    def works(self) -> bool:
        """Whether it was imported."""
        return self.version is not None

    @property
    def absent(self) -> bool:
        """Whether it is not installed for this Python."""
        return self.version is None and self.problem is None


def try_import(name: str, patience: float = PATIENCE) -> Trial:
    """Import a package in another process of this Python; never fails.

    Args:
        name: of the module.
        patience: seconds to wait.
    """
    command = [sys.executable, "-c", _CODE, json.dumps([entry for entry in sys.path if entry]), name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return Trial(problem=f"importing it took longer than {patience:.0f} s")
    except OSError as error:
        return Trial(problem=f"another process of {sys.executable} cannot be started ({error.strerror or error})")
    if done.returncode < 0:
        return Trial(problem=f"importing it crashed the process ({_signal(-done.returncode)})")
    if done.returncode:
        return Trial(problem=_last_line(done.stderr) or f"importing it ended with code {done.returncode}")
    return _read(_last_line(done.stdout))


def _read(line: str) -> Trial:
    try:
        answer = json.loads(line)
        if "absent" in answer:
            return Trial()
        return Trial(answer["version"], answer["file"], tuple(answer["providers"]))
    except (ValueError, KeyError, TypeError):
        return Trial(problem=f"importing it gave no usable answer ({line!r})")


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:_LONGEST] if lines else ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
