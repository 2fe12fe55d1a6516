"""`edgelpr build`: a bundle's graph becomes a TensorRT engine for one GPU."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from edgelpr.cli.build_choices import Choices, choose, parse_batches, pick_backend, showing_log
from edgelpr.cli.options import bundle_argument
from edgelpr.cli.output import json_option, next_command, note, print_json
from edgelpr.errors import DeviceError, UsageError
from edgelpr.types import EngineBackend, HardwareCompatibility, Precision

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.engines.machine import Machine
    from edgelpr.engines.options import BuildOptions
    from edgelpr.engines.storing import StoredEngine


@click.command()
@bundle_argument
@click.option("--precision", type=click.Choice(get_args(Precision)), help="Which graph.  [default: the recipe's, else fp32]")
@click.option(
    "--backend",
    type=click.Choice(get_args(EngineBackend)),
    help="Inference engine.  [default: what is installed, tensorrt first]",
)
@click.option(
    "--batch",
    metavar="N|N,N,N",
    help="Smallest, usual and largest batch: all run, the usual one fastest; one number: no other.  [default: 1,1,32; for "
    "tracks 1,1,2]",
)
@click.option("--workspace", metavar="SIZE", help="Device memory for one layer, 512MiB or 2GiB.  [default: from what is free]")
@click.option(
    "--device",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which GPU, as CUDA numbers those that CUDA_VISIBLE_DEVICES leaves.",
)
@click.option("--level", type=int, help="0 builds quickly, 5 runs fast.  [default: TensorRT's own, 3]")
@click.option("--dla", type=int, metavar="CORE", help="Use this DLA core (Orin NX, AGX Orin); the GPU does what it cannot.")
@click.option("--version-compatible", is_flag=True, help="Later TensorRT runs the engine too; slower, and not on Jetson.")
@click.option(
    "--hardware-compatible",
    type=click.Choice(get_args(HardwareCompatibility)),
    help="Other GPUs run the engine too; slower, and not on Jetson.",
)
@click.option("--target", metavar="SM,...", help="TensorRT-RTX: GPUs to build for, as sm86,sm89; none need be here.")
@click.option("--recipe", metavar="NAME|FILE", help="Options for a board: orin-nano, desktop, ..., or your own YAML file.")
@click.option("--script", type=click.Path(path_type=Path), metavar="DIR", help="Only write graph and trtexec command there.")
@click.option(
    "--tensorrt-version", metavar="VERSION", help="Of the board that runs the script.  [default: the recipe's, else 8.5]"
)
@click.option(
    "--calib",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ranges for int8 on a DLA, from `edgelpr calibrate --tensorrt-cache`; with --script.",
)
@click.option("--force", is_flag=True, help="Build anew even where a fitting engine is there.")
@click.option("-v", "--verbose", is_flag=True, help="Show TensorRT's own log.")
@json_option
def command(
    bundle: Path,
    precision: Precision | None,
    backend: EngineBackend | None,
    batch: str | None,
    workspace: str | None,
    device: int,
    level: int | None,
    dla: int | None,
    version_compatible: bool,
    hardware_compatible: HardwareCompatibility | None,
    target: str | None,
    recipe: str | None,
    script: Path | None,
    tensorrt_version: str | None,
    calib: Path | None,
    force: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Build an engine from the graph of a BUNDLE, on the machine that is to read plates.

    An engine is for one GPU and one version of TensorRT, so it is built where it runs; after an upgrade build it again. It goes
    into the bundle's engines/, or into the user's cache where the bundle is read-only, with a record of what it is for. What is
    there and fits is not built again. Ctrl-C leaves nothing behind.

    The precision is in the graph: `edgelpr calibrate` makes those of fp16 and int8. An engine rounds otherwise than a CPU does:
    verify it on labelled plates before it reads.

    Where int8 and fp16 are both there after a build, both are timed for a second, and what int8 gains on this device is said.

    --batch counts crops; of a BUNDLE that reads tracks it counts these, of which `edgelpr track` reads one or two at once. A
    recipe's batches are of crops: add --batch 1,1,2 for tracks, which takes less device memory.

    Of several --target the oldest decides how the engine computes; TensorRT-RTX computes no int8 on sm75, so build for that one
    on its own.

    \b
      edgelpr build plates.elpr --precision int8
      edgelpr build plates.elpr --recipe orin-nano
      edgelpr build plates.elpr --precision fp16 --batch 1,8,32 --level 5
      edgelpr build plates.elpr --backend tensorrt-rtx --target sm86,sm89     without a GPU, for GeForce RTX 30 and 40
      edgelpr build plates.elpr --recipe xavier-nx --script for-the-board/    JetPack 4 and 5 build with trtexec
    """
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.engines.finding import options_for

    _check_usage(script, tensorrt_version, calib, device, target)
    given = _given(batch, workspace, level, dla, version_compatible, hardware_compatible, target)
    opened = Bundle.open(bundle)
    choices = choose(recipe, precision, backend, given, options_for(opened))
    if script is not None:
        _write_script(opened, choices, script, tensorrt_version, calib, as_json)
        return
    if choices.recipe is not None and choices.recipe.script_only:
        raise UsageError(f"{choices.recipe.board} cannot run this package; add --script DIR to build there with trtexec")
    with showing_log(verbose):
        _build(opened, choices, device, force, as_json)


def _check_usage(
    script: Path | None, tensorrt_version: str | None, calib: Path | None, device: int, target: str | None
) -> None:
    if script is None and (tensorrt_version is not None or calib is not None):
        raise UsageError("--tensorrt-version and --calib are about a script for another board; add --script DIR")
    if device and (script is not None or target is not None):
        raise UsageError("--device is about a GPU of this machine, and --script and --target are about others; leave one out")


def _given(
    batch: str | None,
    workspace: str | None,
    level: int | None,
    dla: int | None,
    version_compatible: bool,
    hardware_compatible: HardwareCompatibility | None,
    target: str | None,
) -> dict[str, Any]:
    """What the command line says, as fields of ``BuildOptions``."""
    from edgelpr.engines.workspace import parse_size

    found = {
        "batches": None if batch is None else parse_batches(batch),
        "workspace_bytes": None if workspace is None else parse_size(workspace),
        "level": level,
        "dla_core": dla,
        "version_compatible": version_compatible or None,
        "hardware_compatibility": hardware_compatible,
        "targets": None if target is None else tuple(part.strip().lower() for part in target.split(",")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _build(bundle: Bundle, choices: Choices, device: int, force: bool, as_json: bool) -> None:
    from edgelpr.cli.progress import Steps
    from edgelpr.engines.building import BuiltPlan, build_plan
    from edgelpr.engines.ensuring import ensure_engine
    from edgelpr.engines.features import has_monitor, in_words

    backend = pick_backend(choices)
    bundle.graph(choices.precision, backend)  # before minutes of work
    machine = _machine(backend, choices.options, device)
    for line in () if choices.recipe is None else choices.recipe.remarks(machine.target(choices.options)):
        note(f"Warning: {line}")
    built: list[BuiltPlan] = []

    def build(*arguments: Any, **named: Any) -> BuiltPlan:
        where = machine.target(choices.options).hardware
        steps.note(f"Building {choices.precision} with {in_words(machine.module, backend)} for {where}")
        if not has_monitor(machine.module):
            steps.note("It shows no progress and takes minutes; Ctrl-C takes effect after it, twice ends it at once")
        built.append(build_plan(*arguments, **named))
        return built[-1]

    with Steps("Building") as steps, _current(device):
        stored = ensure_engine(
            bundle,
            choices.precision,
            choices.options,
            machine=machine,
            force=force,
            build=build,
            note=steps.note,
            progress=steps.reach,
        )
    _report(stored, bool(built), as_json)
    if built and _runs_here(stored, machine):
        from edgelpr.cli.build_compare import compare_precisions

        compare_precisions(bundle, stored, machine.target(), device)
    _name_next(bundle, stored, machine, device)


@contextmanager
def _current(device: int) -> Iterator[None]:
    """TensorRT builds for the GPU that is current: the first where nobody says otherwise, which takes no package for CUDA."""
    from edgelpr.runtime.executing.machinery import Machinery

    if not device:
        yield
        return
    gpu = Machinery().open_device(device)
    try:
        gpu.activate()
        yield
    finally:
        gpu.close()


def _machine(backend: EngineBackend, options: BuildOptions, device: int) -> Machine:
    """This machine; for other GPUs none need be here."""
    from edgelpr.cuda.probing import probe
    from edgelpr.engines.machine import Machine
    from edgelpr.engines.memory import free_memory
    from edgelpr.engines.modules import load_tensorrt
    from edgelpr.runtime.executing.machinery import Machinery

    if options.targets:
        devices = probe().devices
        return Machine(load_tensorrt(backend), backend, devices[0] if devices else None)
    machinery = Machinery()
    try:
        machine = machinery.machine(backend, device)
    except DeviceError as error:
        if backend == "tensorrt":
            raise
        raise DeviceError(f"{error}. Without a GPU, name those to build for, as in --target sm86,sm89") from error
    free = None if machine.facts is None else free_memory(machine.facts, machinery.open_device)
    return replace(machine, free_bytes=free)


def _report(stored: StoredEngine, built: bool, as_json: bool) -> None:
    from edgelpr.engines.workspace import size_in_words

    record = stored.record
    if as_json:
        print_json({"engine": str(stored.path), "built_now": built, **record.to_dict()})
        return
    click.echo(f"engine     {stored.path}, {size_in_words(record.plan_bytes)}")
    click.echo(f"for        {record.target.software} on {record.target.hardware}")
    click.echo(f"precision  {record.precision}, of {record.graph_file}")
    click.echo(f"batches    {record.options.batches_in_words}")
    click.echo(
        f"built      {f'in {record.seconds:.1f} s' if built else f'earlier, at {record.built} (--force builds it anew)'}"
    )
    if record.audit is not None:
        click.echo(f"audit      {record.audit.in_words}")
    for line in () if built else record.notes:  # those of a build were said as it went
        click.echo(f"note       {line}")


def _name_next(bundle: Bundle, stored: StoredEngine, machine: Machine, device: int) -> None:
    from edgelpr.engines.finding import find_engines
    from edgelpr.runtime.executing.use import EngineUse

    record, target = stored.record, stored.record.target
    use = EngineUse(device=device, dla=record.options.dla_core)
    labels = "labels.csv" if bundle.manifest.frames is None else "tracks.csv"
    words = ["edgelpr", "verify", str(bundle.path), "--data", labels, "--backend", target.backend, *use.words]
    verify = shlex.join([*words, "--precision", record.precision, "--build"])  # fp32 is what the others are held against
    here = _runs_here(stored, machine)
    if here:
        taken = find_engines(bundle, machine.target(), record.precision, trust=True, dla=use.dla)[0]
        if taken.path != stored.path:
            note(f"{taken.path.name} comes before this one: remove it to verify this one and to read with it")
        elif use.dla is not None:
            note(f"Reading takes it with --dla {use.dla}, and without that where there is no engine for the GPU alone")
    next_command(verify if here else f"copy {bundle.path} to a machine with such a GPU, and there: {verify}")


def _runs_here(stored: StoredEngine, machine: Machine) -> bool:
    return machine.facts is not None and machine.facts.sm in stored.record.target.compute_capabilities


def _write_script(
    bundle: Bundle, choices: Choices, folder: Path, version: str | None, calib: Path | None, as_json: bool
) -> None:
    from edgelpr.engines.script import SCRIPT, write_script

    recipe = choices.recipe
    tensorrt = version or ("8.5" if recipe is None or recipe.backend != "tensorrt" else recipe.tensorrt)
    calibration = None if calib is None else calib.read_bytes()
    files = write_script(bundle, choices.precision, choices.options, folder, tensorrt, calibration)
    if as_json:
        print_json({"files": [str(path) for path in files], "precision": choices.precision, "tensorrt": tensorrt})
    else:
        for path in files:
            click.echo(f"written  {path}")
    note(f"For TensorRT {tensorrt}; copy the folder to the board")
    next_command(f"sh {shlex.quote(f'{folder.name}/{SCRIPT}')}, on the board")
