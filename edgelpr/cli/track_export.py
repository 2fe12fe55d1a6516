"""``edgelpr export`` of a checkpoint of IQ-STAN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgelpr.cli.crops import read_crops
from edgelpr.cli.crops_only import refuse_crops_only
from edgelpr.cli.export_report import export_to_plain, print_export
from edgelpr.cli.output import next_command, note, print_json
from edgelpr.errors import DataError

if TYPE_CHECKING:
    from edgelpr.export.options import ExportOptions
    from edgelpr.models.iq_stan import IqStan
    from edgelpr.preprocessing.images import Image

_RENDERED = 15
_TENSORS = ("probabilities", "quality", "likeness", "temporal", "attention")


def export_tracks(
    path: Path, output: Path, options: ExportOptions, images: Path | None, crops_only: Mapping[str, object], as_json: bool
) -> None:
    """Export and report.

    Args:
        path: the checkpoint.
        output: bundle to write.
        options: of the export.
        images: real crops to check parity on; each begins a track of five of them.
        crops_only: values by name of options that only networks for single crops have.
        as_json: whether a machine reads along.

    Raises:
        UsageError: an option was given that only networks for single crops have.
        EdgelprError: as ``export_track_bundle`` says.
    """
    refuse_crops_only(crops_only)
    from edgelpr.export.tracks.exporting import export_track_bundle
    from edgelpr.models.iq_stan_checkpoint import load_iq_stan

    network = load_iq_stan(path)
    frames = _rendered(network) if images is None else _of_crops(read_crops(images, network.preprocessing))
    report = export_track_bundle(network, output, options, frames, note)
    if as_json:
        print_json(export_to_plain(report))
    else:
        kind = "rendered tracks" if images is None else "tracks of real crops"
        print_export(report, f"{len(frames)} {kind} with 1 to 5 frames", _TENSORS)
    next_command(f"edgelpr track {output} FRAMES...")


def _rendered(network: IqStan) -> Image:
    """(15, 5, 50, 150) uint8, always the same."""
    import numpy as np

    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.data.rendering.tracks.tracks import TrackRenderer

    try:
        renderer = TrackRenderer(Renderer(network.plate_format), network.preprocessing)
        return np.stack([network.preprocessing.batch(renderer.render(0, number).frames) for number in range(_RENDERED)])
    except DataError as error:
        raise DataError(f"no tracks can be rendered to check parity on ({error}); give real crops with --images") from error


def _of_crops(crops: Image) -> Image:
    """(N, 50, 150) to (N, 5, 50, 150): each crop with the four that follow it, going round."""
    import numpy as np

    from edgelpr.models.iq_stan import FRAMES

    frames: Image = crops[(np.arange(len(crops))[:, None] + np.arange(FRAMES)) % len(crops)]
    return frames
