"""The command line that builds an engine, for messages."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from edgelpr.engines.options import BuildOptions
from edgelpr.types import EngineBackend, Precision

_DEFAULT = BuildOptions()
_MIB = 1 << 20


def build_command(
    bundle: Path,
    precision: Precision,
    backend: EngineBackend,
    options: BuildOptions | None = None,
    *,
    default: BuildOptions = _DEFAULT,
    device: int = 0,
    force: bool = False,
) -> str:
    """`edgelpr build` with the same options, quoted for a shell.

    Args:
        bundle: its folder.
        precision: of the engine.
        backend: of the engine.
        options: those that are the default are left out; None: all of them.
        default: what this bundle's engines are built with by default, as ``finding.options_for`` has it.
        device: number of the GPU.
        force: whether to build although there is a fitting engine.
    """
    words = ["edgelpr", "build", str(bundle), "--precision", precision]
    words += [] if backend == "tensorrt" else ["--backend", backend]
    words += ["--device", str(device)] if device else []
    words += [*_words(options or default, default), *(["--force"] if force else [])]
    return shlex.join(words)


def options_in_words(options: BuildOptions, default: BuildOptions = _DEFAULT) -> str:
    """The options as the command line takes them: ``--batch 1,1,8 --level 5``; ``default`` as for ``build_command``."""
    return shlex.join(_words(options, default)) or "the defaults"


def _words(options: BuildOptions, default: BuildOptions) -> Iterator[str]:
    if options.batches != default.batches:
        yield from ("--batch", ",".join(map(str, options.batches)))
    if options.workspace_bytes is not None:
        size = options.workspace_bytes
        yield from ("--workspace", str(size) if size % _MIB else f"{size // _MIB}MiB")
    if options.level is not None:
        yield from ("--level", str(options.level))
    if options.dla_core is not None:
        yield from ("--dla", str(options.dla_core))
    if options.version_compatible:
        yield "--version-compatible"
    if options.hardware_compatibility != "none":
        yield from ("--hardware-compatible", options.hardware_compatibility)
    if options.targets:
        yield from ("--target", ",".join(options.targets))
