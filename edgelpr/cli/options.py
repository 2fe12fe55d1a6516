"""Options and arguments that several commands share, so that they look the same everywhere.

Each is a decorator; the comment names the parameter the command receives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click
from click.core import ParameterSource

from edgelpr.types import BackendChoice, BackendName, LabelFormat, Precision

_F = TypeVar("_F", bound=Callable[..., Any])


def bundle_argument(function: _F) -> _F:
    """``bundle: Path``, checked by the bundle's own opening, whose messages say more."""
    return click.argument("bundle", type=click.Path(path_type=Path))(function)


def backend_option(function: _F) -> _F:
    """``backend: BackendName``."""
    return click.option(
        "--backend",
        type=click.Choice(get_args(BackendName)),
        default="onnxruntime",
        show_default=True,
        help="Inference engine.",
    )(function)


def backend_choice_option(function: _F) -> _F:
    """``backend: BackendChoice``."""
    return click.option(
        "--backend",
        type=click.Choice(get_args(BackendChoice)),
        default="onnxruntime",
        show_default=True,
        help="Inference engine; auto takes the fastest that is ready on this machine, and says which and why.",
    )(function)


def engine_use_options(function: _F) -> _F:
    """``use: EngineUse``, of ``--build``, ``--device``, ``--dla`` and ``--trust-engines``, for backends that run engines."""

    @wraps(function)
    def with_use(*given: Any, build: bool, device: int, dla: int | None, trust_engines: bool, **named: Any) -> Any:
        from edgelpr.runtime.executing.use import EngineUse

        return function(*given, use=EngineUse(build, device, trust_engines=trust_engines, dla=dla), **named)

    build = click.option(
        "--build",
        is_flag=True,
        help="With tensorrt or tensorrt-rtx: build an engine where none fits this machine. It takes minutes, once.",
    )
    device = click.option(
        "--device",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="With tensorrt or tensorrt-rtx: which GPU, as CUDA numbers those that CUDA_VISIBLE_DEVICES leaves.",
    )
    dla = click.option(
        "--dla",
        type=click.IntRange(min=0),
        metavar="CORE",
        help="With tensorrt: read with the engine for this DLA core (Orin NX, AGX Orin; fp16, int8).  [default: the GPU alone]",
    )
    trust = click.option(
        "--trust-engines",
        is_flag=True,
        help="With tensorrt or tensorrt-rtx: also load an engine that brings code for the processor (one built with "
        "--version-compatible) and was not built here by you. Only for a bundle whose maker you trust like a program's.",
    )
    return build(device(dla(trust(cast(_F, with_use)))))


def precision_option(function: _F) -> _F:
    """``precision: Precision``."""
    return click.option(
        "--precision",
        type=click.Choice(get_args(Precision)),
        default="fp32",
        show_default=True,
        help="Which graph of the bundle.",
    )(function)


def allow_unapproved_option(function: _F) -> _F:
    """``allow_unapproved: bool``."""
    return click.option(
        "--allow-unapproved",
        is_flag=True,
        help="Use fp16 or int8 even where 'edgelpr verify' has not approved it on this backend and processor.",
    )(function)


def threads_option(function: _F) -> _F:
    """``threads: int | None``; None leaves the choice to the engine."""
    return click.option(
        "--threads", type=click.IntRange(min=1), default=None, show_default="the engine's choice", help="Processor threads."
    )(function)


def batch_size_option(function: _F) -> _F:
    """``batch_size: int``, 1 to 256, what the exported graphs take."""
    return click.option(
        "--batch-size", type=click.IntRange(1, 256), default=16, show_default=True, help="Crops read at a time."
    )(function)


def label_format_option(function: _F) -> _F:
    """``label_format: LabelFormat``."""
    return click.option(
        "--format",
        "label_format",
        type=click.Choice(get_args(LabelFormat)),
        default="csv",
        show_default=True,
        help="How labels are stored: a CSV with columns image,plate; file names; or as that data set is laid out.",
    )(function)


def rectify_option(function: _F) -> _F:
    """``rectify: bool``."""
    return click.option(
        "--rectify", is_flag=True, help="Straighten plates by their corners where the labels give them (CCPD, CLPD)."
    )(function)


def plate_format_option(
    default: str | None = None, help_text: str = "Built-in plate format, or your own YAML file."
) -> Callable[[_F], _F]:
    """``plate_format: str``, or ``str | None`` without a default; ``load_plate_format`` takes it.

    Args:
        default: a built-in name.
        help_text: what the format is for in this command.
    """
    return click.option(
        "--plate-format", default=default, show_default=default is not None, metavar="NAME|FILE", help=help_text
    )


def weights_option(function: _F) -> _F:
    """``weights: Path | None``: a folder that is searched before the package's and the repository's."""
    return click.option(
        "--weights",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        envvar="EDGELPR_WEIGHTS",
        show_envvar=True,
        help="Folder with weights of your own, searched first.",
    )(function)


def overwrite_option(function: _F) -> _F:
    """``overwrite: bool``."""
    return click.option(
        "--overwrite", is_flag=True, help="Replace what is there; it stays whole until the new one is complete."
    )(function)


def glyph_options(function: _F) -> _F:
    """``glyphs: tuple[Path, ...]``, ``fonts: tuple[Path, ...]``, ``font_share: float``; see ``GlyphSources``."""
    for option in reversed(
        (
            click.option(
                "--glyphs",
                type=click.Path(path_type=Path),
                multiple=True,
                help="Folder of glyph images named STYLE_CHARACTER.jpg; may be repeated.",
            ),
            click.option(
                "--font",
                "fonts",
                type=click.Path(path_type=Path),
                multiple=True,
                help="Font file; may be repeated.  [default: the letters in the package]",
            ),
            click.option(
                "--font-share",
                type=click.FloatRange(0, 1),
                default=0.08,
                show_default=True,
                help="Share of plates drawn with a font where --glyphs is given too.",
            ),
        )
    ):
        function = option(function)
    return function


def tracks_option(function: _F) -> _F:
    """``tracks: bool``, for bundles that read tracks."""
    return click.option(
        "--tracks",
        is_flag=True,
        help="For iq-stan: each folder with images is a track, frames of one plate. Without it a track is made from each crop.",
    )(function)


def hardness_option(function: _F) -> _F:
    """``hardness: float``, of tracks that are made from single crops."""
    return click.option(
        "--hardness",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        metavar="SHARE",
        help="For iq-stan: how much the frames of tracks made from single crops are damaged, 0 to 1.",
    )(function)


def given_options(context: click.Context, *names: str) -> list[str]:
    """Those of a command's parameters that the user gave, by name."""
    return [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]


def making_options(function: _F) -> _F:
    """``hardness: float`` and ``seed: int``, of tracks that are made from labelled crops."""
    seed = click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="For iq-stan: of tracks made of crops."
    )
    return hardness_option(seed(function))
