"""A folder with a graph and a shell script that builds its engine with `trtexec`, for boards that cannot run this package."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgelpr.atomic import sync_folder
from edgelpr.bundle.assembling import temporary_beside
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import write_file
from edgelpr.bundle.graph import Graph
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.plain import plain
from edgelpr.engines.trtexec import Version, arguments, highest_opset, parse_version, takes_bytes
from edgelpr.errors import BuildError, UsageError
from edgelpr.types import Precision

SCRIPT = "build.sh"
"""Name of the script in the folder."""

_CALIBRATION = "calibration.cache"
_NO_FLOATS = "Graphs that read tracks take bytes alone: build without --dla, with TensorRT 8.5 (JetPack 5) or newer"
_PLACE = "/usr/src/tensorrt/bin/trtexec"  # where JetPack installs it, outside of PATH


def write_script(
    bundle: Bundle,
    precision: Precision,
    options: BuildOptions,
    folder: Path,
    tensorrt: str = "8.5",
    calibration: bytes | None = None,
) -> tuple[Path, ...]:
    """Write a folder to copy to a board: the graph, the script, a README. Whole or not at all.

    Args:
        bundle: opened.
        precision: of the engine.
        options: how to build it.
        folder: is created; its parent must exist.
        tensorrt: version on the board, ``8.2`` for JetPack 4.6, ``8.5`` for JetPack 5.
        calibration: ranges of the fp32 graph as a calibration cache, for int8 on a DLA only.

    Returns:
        The files.

    Raises:
        UsageError: a version or options that no script serves.
        BundleError: the bundle has no graph of that precision.
        BuildError: that TensorRT cannot read the bundle's graph, or the folder exists or cannot be written.
    """
    version = parse_version(tensorrt)
    on_dla = options.dla_core is not None
    by_ranges = on_dla and precision == "int8"
    if by_ranges != (calibration is not None):
        raise UsageError(
            "int8 on a DLA, and only that, wants a calibration cache; 'edgelpr calibrate BUNDLE --tensorrt-cache FILE "
            f"--tensorrt-version {tensorrt}' writes one"
        )
    if on_dla and not options.one_batch:
        raise UsageError(f"a DLA takes one batch size, not {options.batches[0]} to {options.batches[2]}; name one: --batch 1")
    graph = bundle.graph("fp32" if by_ranges else precision, "tensorrt")
    _check_readable(bundle, graph, version, tensorrt, on_dla)
    content: dict[str, bytes | Path] = {Path(graph.file).name: bundle.file(graph.file)}
    if calibration is not None:
        content[_CALIBRATION] = calibration
    engine = f"{re.sub(r'[^A-Za-z0-9]+', '-', bundle.manifest.name).strip('-') or 'plates'}-{precision}.engine"
    words = arguments(version, graph, precision, options, None if calibration is None else _CALIBRATION)
    with _new_folder(folder) as partial:
        sums = {name: write_file(partial / name, source)[0] for name, source in content.items()}
        write_file(partial / SCRIPT, _script(graph, engine, words, sums, tensorrt).encode("utf-8"))
        (partial / SCRIPT).chmod(0o755)
        write_file(partial / "README.md", _readme(bundle, graph, precision, engine, tensorrt).encode("utf-8"))
    return tuple(folder / name for name in (*content, SCRIPT, "README.md"))


def _check_readable(bundle: Bundle, graph: Graph, version: Version, tensorrt: str, on_dla: bool) -> None:
    floats = on_dla or not takes_bytes(version)
    highest = highest_opset(version)
    export = f"edgelpr export CHECKPOINT -o NAME.elpr --opset {min(graph.opset, highest)}" + " --no-rewrite decode" * floats
    then = "" if graph.precision == "fp32" else ", then 'edgelpr calibrate NAME.elpr'"
    if graph.opset > highest:
        raise BuildError(
            f"{bundle.file(graph.file)}: is opset {graph.opset}; TensorRT {tensorrt} reads {highest} at most. Export the "
            f"checkpoint for it: {export}{then}"
        )
    if floats and graph.input_dtype != "float32":
        who = "a DLA" if on_dla else f"TensorRT {tensorrt}"
        remedy = f"Export the checkpoint for it: {export}{then}" if graph.frames is None else _NO_FLOATS
        raise BuildError(f"{bundle.file(graph.file)}: takes {graph.input_dtype}; {who} takes float32 only. {remedy}")


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name when the body is through; whatever fails, nothing stays."""
    if folder.exists() or folder.is_symlink():
        raise BuildError(f"{folder}: exists already; name a folder that is to be made")
    try:
        with temporary_beside(folder) as partial:
            partial.mkdir()
            yield partial
            partial.rename(folder)
            sync_folder(folder.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BuildError(f"{folder}: cannot be written ({reason}); its parent must exist and have room") from error


def _script(graph: Graph, engine: str, words: list[str], sums: Mapping[str, str], tensorrt: str) -> str:
    quoted = " \\\n    ".join(shlex.quote(word) for word in (f"--onnx={Path(graph.file).name}", *words))
    listed = "\n".join(f"{digest}  {name}" for name, digest in sums.items())
    return f"""#!/bin/sh
# Builds {engine} with the trtexec of TensorRT {tensorrt}; run it on the board that is to use the engine.
# TRTEXEC=/path/to/trtexec names another trtexec; further arguments are passed on to it.
set -eu
cd -- "$(dirname -- "$0")"
trtexec=${{TRTEXEC:-{_PLACE}}}
if ! command -v "$trtexec" >/dev/null; then
    trtexec=trtexec
fi
if ! command -v "$trtexec" >/dev/null; then
    echo 'trtexec was not found; install TensorRT from JetPack (sudo apt install tensorrt), or set TRTEXEC' >&2
    exit 1
fi
sha256sum -c - <<'SUMS'
{listed}
SUMS
partial={shlex.quote(engine + ".partial")}
trap 'rm -f "$partial"' EXIT
"$trtexec" \\
    {quoted} \\
    "--saveEngine=$partial" "$@"
mv "$partial" {shlex.quote(engine)}
echo {shlex.quote("built: " + engine)}
"""


def _readme(bundle: Bundle, graph: Graph, precision: Precision, engine: str, tensorrt: str) -> str:
    inputs = ", ".join(f"`{plain(str(each))}`" for each in graph.inputs)
    return (
        f"`sh {SCRIPT}` on the board builds `{engine}` ({precision}) for its GPU, with the trtexec of TensorRT {tensorrt}.\n"
        f"Input: {inputs}; outputs: {', '.join(graph.outputs)}; "
        f"`edgelpr inspect {plain(bundle.path.name)}` says what goes in and what comes out.\n"
        "An engine is for one GPU and one version of TensorRT: build it again after either changed.\n"
    )
