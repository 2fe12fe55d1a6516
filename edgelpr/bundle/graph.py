"""What the manifest says about one ONNX graph: enough to feed it and to read what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

from edgelpr.bundle.checking import checked_keys, chosen, texts, typed
from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.errors import BundleError
from edgelpr.types import GraphTarget, Precision, Rewrite

InputType = Literal["uint8", "float32"]
"""What a graph takes: grey crops 0 to 255, or planes scaled to 0..1."""

FRAMES, PRESENT = "frames", "present"
"""Inputs of a graph that reads tracks; ``present`` is (N, F) uint8, 1 for a frame that is there, 0 for one that is not."""

TRACK_EXTRAS = ("quality", "likeness", "temporal", "attention")
"""Outputs that a graph for tracks may have after classes and probabilities, in this order."""

TRACKS_AT_ONCE = 2
"""Rows that reading gives a graph for tracks at once: newcomers of two times as many frames are scored together."""

_OF_TRACKS = ("frames", "confidence")

# The first that a bundle has is taken. The backend torch is absent: it computes with the weights, not with a graph.
_TARGETS: Mapping[str, tuple[GraphTarget, ...]] = {
    "onnxruntime": ("cpu", "any"),
    "tensorrt": ("tensorrt", "any"),
    "tensorrt-rtx": ("tensorrt", "any"),
}


def targets_of(backend: str) -> tuple[GraphTarget, ...]:
    """What a graph may be made for so that a backend runs it, the preferred one first; empty for one that runs none."""
    return _TARGETS.get(backend, ())


class GraphInput(NamedTuple):
    """Something that a graph takes."""

    name: str
    """As in the ONNX file."""

    dtype: InputType
    """Of its elements."""

    shape: tuple[int | None, ...]
    """With the batch first, which is None: any number."""

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {'x'.join('N' if side is None else str(side) for side in self.shape)}"


@dataclass(frozen=True)
class Graph:
    """One ONNX file of a bundle; N crops, P positions, S classes, H x W input, h x w maps.

    A graph that reads tracks takes N of them, F frames each.

    Raises:
        BundleError: fields that contradict each other.
    """

    file: str
    """Path inside the bundle, with forward slashes."""

    precision: Precision
    """Arithmetic of the graph."""

    opset: int
    """Version of the ONNX operators."""

    rewrites: tuple[Rewrite, ...]
    """Exact rewrites that the export applied."""

    input_name: str
    """Name of the input; a graph that reads tracks takes ``present`` as well."""

    input_dtype: InputType
    """``uint8`` with the rewrite ``decode``, else ``float32``."""

    input_shape: tuple[int | None, ...]
    """(None, H, W) for uint8, (None, C, H, W) for float32, C = 1 after the grey fold, else 3, (None, F, H, W) uint8 for tracks;
    None: any N."""

    outputs: tuple[str, ...]
    """``classes`` (N, P) int32 and ``probabilities`` (N, P) float32, or ``logits`` (N, P, S) float32; then perhaps
    ``maps`` (N, P, h, w) float32, the HPA maps without background.

    For tracks ``classes`` and ``probabilities``, then perhaps ``quality`` (N, F) 0 to 1, ``likeness`` (N, F, F) 0 to 1 of the
    plates that every two frames show, ``temporal`` (N, F, h, w) weights 0 to 2, ``attention`` (N, P, F, w) shares that sum to 1
    over F and w, all float32 and 0 for frames that are absent, where likeness is 1."""

    multiply_adds: int
    """Multiply-adds of one crop, or of one track."""

    made_for: GraphTarget = "any"
    """Which engine it was made for; a bundle has at most one graph for a precision and an engine."""

    frames: int | None = None
    """F, frames of a track that are read together; None: each crop is read alone."""

    confidence: TrackConfidence | None = None
    """Of tracks: how outputs become a probability that the plate is right; None: the product of the probabilities is taken."""

    def __post_init__(self) -> None:
        if self.frames is None:
            self._check_for_crops()
        else:
            self._check_for_tracks(self.frames)

    def _check_for_crops(self) -> None:
        decodes = "decode" in self.rewrites
        results = ("classes", "probabilities") if decodes else ("logits",)
        if self.outputs not in (results, (*results, "maps")):
            raise BundleError(f"{self.file}: outputs are {list(self.outputs)}; expected {list(results)}, perhaps with maps")
        if self.confidence is not None:
            raise BundleError(f"{self.file}: reads crops and has coefficients of a track's confidence; expected none")
        if self.input_dtype != ("uint8" if decodes else "float32"):
            raise BundleError(f"{self.file}: input is {self.input_dtype}, which contradicts the rewrites {list(self.rewrites)}")
        wanted = (None,) if decodes else (None, 1 if "grey-fold" in self.rewrites else 3)
        if self.input_shape[:-2] != wanted or not all(side is not None and side > 0 for side in self.input_shape[-2:]):
            raise BundleError(f"{self.file}: input shape is {list(self.input_shape)}; expected {[*wanted, 'H', 'W']}")

    def _check_for_tracks(self, frames: int) -> None:
        if self.rewrites != ("decode",) or (self.input_name, self.input_dtype) != (FRAMES, "uint8"):
            found = f"{self.input_name} {self.input_dtype}, rewrites {list(self.rewrites)}"
            raise BundleError(f"{self.file}: reads tracks and has the input {found}; expected {FRAMES} uint8, decode alone")
        size = self.input_shape[2:]
        if self.input_shape[:2] != (None, frames) or frames < 1 or len(size) != 2 or None in size:
            raise BundleError(f"{self.file}: input shape is {list(self.input_shape)}; expected {[None, frames, 'H', 'W']}")
        extras = self.outputs[2:]
        known = [name for name in TRACK_EXTRAS if name in extras]
        weighs_unscored = "temporal" in extras and "quality" not in extras
        if self.outputs[:2] != ("classes", "probabilities") or list(extras) != known or weighs_unscored:
            wanted = f"classes, probabilities, then perhaps {', '.join(TRACK_EXTRAS)}, no temporal without quality"
            raise BundleError(f"{self.file}: outputs are {list(self.outputs)}; expected {wanted}")

    @property
    def inputs(self) -> tuple[GraphInput, ...]:
        """All that it takes, in order: pictures first, then for tracks which frames are there."""
        pictures = GraphInput(self.input_name, self.input_dtype, self.input_shape)
        return (pictures,) if self.frames is None else (pictures, GraphInput(PRESENT, "uint8", (None, self.frames)))

    @property
    def height_width(self) -> tuple[int | None, ...]:
        """Height and width of the input in pixels."""
        return self.input_shape[-2:]

    @property
    def channels(self) -> int:
        """Planes of a float32 input: 1 after the grey fold, else 3."""
        return 1 if "grey-fold" in self.rewrites else 3

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back. Of crops without what only tracks have."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        plain["confidence"] = None if self.confidence is None else self.confidence.to_list()
        return {key: value for key, value in plain.items() if self.frames is not None or key not in _OF_TRACKS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "graph") -> Graph:
        """Build from plain values.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit; ``made_for`` may be missing, as in
                bundles of schema 1, and ``frames`` and ``confidence``, as for crops.
        """
        optional = {"made_for": "any"} | dict.fromkeys(_OF_TRACKS)
        values = checked_keys(optional | typed(values, dict, where), [field.name for field in fields(cls)], where)
        frames, confidence = values["frames"], values["confidence"]
        rewrites = texts(values["rewrites"], f"{where}: rewrites")
        shape = typed(values["input_shape"], list, f"{where}: input_shape")
        return cls(
            file=typed(values["file"], str, f"{where}: file"),
            precision=chosen(values["precision"], get_args(Precision), f"{where}: precision"),
            opset=typed(values["opset"], int, f"{where}: opset"),
            rewrites=tuple(chosen(name, get_args(Rewrite), f"{where}: rewrites") for name in rewrites),
            input_name=typed(values["input_name"], str, f"{where}: input_name"),
            input_dtype=chosen(values["input_dtype"], get_args(InputType), f"{where}: input_dtype"),
            input_shape=tuple(None if side is None else typed(side, int, f"{where}: input_shape") for side in shape),
            outputs=texts(values["outputs"], f"{where}: outputs"),
            multiply_adds=typed(values["multiply_adds"], int, f"{where}: multiply_adds"),
            made_for=chosen(values["made_for"], get_args(GraphTarget), f"{where}: made_for"),
            frames=None if frames is None else typed(frames, int, f"{where}: frames"),
            confidence=None if confidence is None else TrackConfidence.from_list(confidence, f"{where}: confidence"),
        )
