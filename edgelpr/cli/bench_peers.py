"""Options of ``edgelpr bench run`` that put other people's readers beside ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from edgelpr.errors import UsageError
from edgelpr.types import PeerLayout, Scenario, Scope

if TYPE_CHECKING:
    from edgelpr.benchmarks.bench.crops import Rotation
    from edgelpr.benchmarks.bench.measuring import Measurement
    from edgelpr.benchmarks.peer_reader import CallablePeer, OnnxPeer

_F = TypeVar("_F", bound=Callable[..., Any])


def peer_options(function: _F) -> _F:
    """``peers: tuple[Path, ...]``, ``peer_inputs: tuple[str, ...]``, ``peer_layout``, ``peer_callables: tuple[str, ...]``."""
    for option in (
        click.option(
            "--peer-callable",
            "peer_callables",
            multiple=True,
            metavar="MODULE:FUNCTION",
            help="Also time a Python function from a list of crops (BGR) to a list of texts; end to end. Its code is run.",
        ),
        click.option(
            "--peer-layout",
            type=click.Choice(get_args(PeerLayout)),
            help="Order of the peers' input: batch, channels, rows, columns. Read from their shape without it.",
        ),
        click.option(
            "--peer-input",
            "peer_inputs",
            multiple=True,
            metavar="WxH",
            help="Width and height, like 94x24, for peers that take any: one for all, or one a --peer in their order.",
        ),
        click.option(
            "--peer",
            "peers",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE.onnx",
            help="Also time another reader's network, in ONNX Runtime on the CPU, under the same rules; may be repeated.",
        ),
    ):
        function = option(function)
    return function


@dataclass(frozen=True)
class Peers:
    """Other readers that the user named."""

    files: tuple[Path, ...] = ()
    """ONNX files."""

    inputs: tuple[str, ...] = ()
    """None, one for all, or one a file: ``94x24``."""

    layout: PeerLayout | None = None
    """Where their shape does not tell."""

    callables: tuple[str, ...] = ()
    """``module:function``."""

    def __post_init__(self) -> None:
        if len(self.inputs) not in (0, 1, len(self.files)):
            raise UsageError(
                f"--peer-input was given {len(self.inputs)} times for {len(self.files)} peers; give it once, or once for each"
            )
        if (self.inputs or self.layout) and not self.files:
            raise UsageError("--peer-input and --peer-layout are for --peer; name its file")

    def open(self, threads: int | None) -> list[OnnxPeer | CallablePeer]:
        """Open all, so that a mistake is told before anything is measured.

        Args:
            threads: of the processor, as many as ours has; None: one.

        Raises:
            UsageError: a name that leads nowhere, or a graph that takes no picture.
            BackendError: a graph that ONNX Runtime refuses.
        """
        from edgelpr.benchmarks.peer_input import parse_peer_size
        from edgelpr.benchmarks.peer_reader import open_callable_peer, open_onnx_peer

        sizes = [parse_peer_size(text) for text in self.inputs]
        found: list[OnnxPeer | CallablePeer] = []
        for number, path in enumerate(self.files):
            size = None if not sizes else sizes[number if len(sizes) > 1 else 0]
            found.append(open_onnx_peer(path, threads or 1, size, self.layout))
        return [*found, *map(open_callable_peer, self.callables)]


def measure_peers(
    measurement: Measurement,
    peers: list[OnnxPeer | CallablePeer],
    rotation: Rotation,
    wanted: list[tuple[Scenario, Scope]],
    batch: int,
    frames: int = 1,
) -> None:
    """Time peers by the scenarios that they can be timed by: not a cold start, and a function end to end alone.

    Beside a network that reads tracks, a peer reads each frame by itself, one track after the other.

    Args:
        measurement: collects the runs.
        peers: opened; this closes them.
        rotation: the crops that ours reads.
        wanted: scenarios and scopes.
        batch: of ``offline``; a graph of one batch size is given that.
        frames: of a plate in the rotation.
    """
    from edgelpr.benchmarks.bench.assembling import Subject
    from edgelpr.benchmarks.bench.each_frame import EachFrame

    left_out = ("cold-start",) if frames == 1 else ("cold-start", "offline")
    for peer in peers:
        size = peer.batch or batch
        measurement.notes.append(f"{peer.name}: another reader, {peer.remark}")
        model = replace(peer.model, frames=frames)
        subject = Subject(peer if frames == 1 else EachFrame(peer), model, rotation, size)
        try:
            for scenario, scope in wanted:
                if not measurement.stopped and scenario not in left_out and scope in peer.scopes:
                    measurement.measure(subject, scenario, scope)
        finally:
            peer.close()
