"""Which machine, system, Python and processor this is."""

from __future__ import annotations

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.runtime.instructions import has_exact_int8, instruction_set

_OLDEST_PYTHON = (3, 10)
_SCRIPT = "On a PC run 'edgelpr build BUNDLE --script DIR', then on this board what it writes: trtexec builds the engine"


def check_machine(here: Surroundings) -> Check:
    """Board or desktop, and its GPU."""
    machine = here.machine
    gpus = ", ".join(
        f"{device.name} (compute capability {_capability(device.compute_capability)})" for device in here.probe.devices
    )
    if machine.is_jetson:
        what = machine.board.text if machine.board is not None else "a Jetson that does not name its model"
    elif machine.board is not None:
        what = f"{machine.board.text}, not NVIDIA's"
    else:
        what = f"a desktop or server ({here.architecture})"
    inside = ", in a container" if machine.in_container else ""
    return Check("machine", "ok", f"{what}{inside}, {f'GPU {gpus}' if gpus else 'no GPU that a driver answers for'}")


def check_jetpack(here: Surroundings) -> Check:
    """L4T and JetPack; one that is not known is no fault."""
    machine = here.machine
    if not machine.is_jetson:
        return Check("jetpack", "skipped", "not a Jetson board")
    l4t = machine.l4t
    if l4t is None:
        return Check("jetpack", "skipped", "no L4T is named, as in a container that is not based on it")
    if not here.can_run_package:
        found = f"{l4t.text}: its Python is older than 3.10 and its TensorRT is for that alone, so edgelpr cannot use it"
        return Check("jetpack", "error", found, _SCRIPT)
    if l4t.jetpack_major is None:
        return Check(
            "jetpack", "warning", f"{l4t.text}: not among those this version knows",
            "Where the other checks are well, nothing. Then see whether it reads well: edgelpr verify BUNDLE --data LABELS.csv",
        )  # fmt: skip
    return Check("jetpack", "ok", l4t.text)


def check_python(here: Surroundings) -> Check:
    """Whether this Python is new enough."""
    if here.python.version[:2] < _OLDEST_PYTHON:
        return Check(
            "python", "error", here.python.text, "Use Python 3.10 or newer; JetPack 6 brings 3.10, JetPack 7 brings 3.12"
        )
    return Check("python", "ok", here.python.text)


def check_processor(here: Surroundings) -> Check:
    """Name and instructions, which decide whether int8 reads alike here."""
    name = instruction_set(here.root / "proc/cpuinfo", here.architecture)
    exact = (
        "int8 sums are exact"
        if has_exact_int8(name)
        else "int8 sums may saturate: an approval from another processor may not hold"
    )
    return Check("processor", "ok", f"{here.machine.processor or 'without a name'}, {name}: {exact}")


def _capability(pair: tuple[int, int]) -> str:
    return f"{pair[0]}.{pair[1]}"
