"""Opening a bundle: every file is checked before anything is done with it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelpr.bundle.files import MANIFEST, hash_file, list_files
from edgelpr.bundle.manifest import Graph, Manifest
from edgelpr.errors import BundleError
from edgelpr.types import Precision

_MANIFEST_LIMIT = 4 << 20
_LARGEST_NUMBER = 1 << 63
_AGAIN = "copy the bundle again from where it was exported, or export it again"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were all present, unaltered and alone when it was opened.

    Opening reads JSON and hashes files; nothing in a bundle is executed.
    """

    path: Path
    """The folder."""

    manifest: Manifest
    """What it holds."""

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Bundle:
        """Open a bundle and check it: the manifest, every size, every hash, nothing missing, nothing extra.

        Raises:
            BundleError: not a bundle, written by a newer edgelpr, incomplete, altered, or pointing outside its folder.
        """
        folder = Path(path)
        try:
            _check_folder(folder)
            present = set(list_files(folder))
            manifest = Manifest.from_dict(read_json(folder / MANIFEST), str(folder / MANIFEST))
            _check_files(folder, manifest, present - {MANIFEST})
        except OSError as error:
            name = error.filename or folder
            raise BundleError(f"{name}: cannot be read ({error.strerror or error}); check its permissions") from error
        return cls(folder, manifest)

    def graph(self, precision: Precision, backend: str = "onnxruntime") -> Graph:
        """The graph of a precision that an inference engine runs; whether it reads crops or tracks, ``manifest.frames`` says.

        Args:
            precision: the arithmetic.
            backend: the engine; a graph that was made for it is taken before one made for any.

        Raises:
            BundleError: the bundle has none, and the message lists those it has.
        """
        graph = self.manifest.graph(precision, backend)
        if graph is None:
            raise BundleError(f"{self.path}: has no {precision} graph for {backend}; graphs present: {self._graphs()}")
        return graph

    def track_graph(self, precision: Precision = "fp32", backend: str = "onnxruntime") -> Graph:
        """The same of a bundle that reads tracks.

        Raises:
            BundleError: the bundle reads crops, or has no such graph.
        """
        self.check_reads_tracks()
        return self.graph(precision, backend)

    def check_reads_tracks(self) -> None:
        """Refuse a bundle that reads crops, where tracks are read.

        Raises:
            BundleError: it reads crops.
        """
        if self.manifest.frames is None:
            raise BundleError(
                f"{self.path}: this bundle reads single crops, not tracks; use: edgelpr read {self.path} IMAGE..., or export a "
                "checkpoint of iq-stan"
            )

    def check_reads_crops(self) -> None:
        """Refuse a bundle that reads tracks, where single crops are read.

        Raises:
            BundleError: it reads tracks.
        """
        if self.manifest.frames is not None:
            raise BundleError(f"{self.path}: this bundle reads tracks; use: edgelpr track {self.path} FRAMES...")

    def _graphs(self) -> str:
        graphs = [f"{graph.precision} for {graph.made_for}" for graph in self.manifest.graphs]
        return f"{', '.join(graphs)}; 'edgelpr calibrate' adds fp16 and int8" if graphs else "none"

    def file(self, relative: str) -> Path:
        """Where a file of the bundle lies.

        Raises:
            BundleError: the manifest does not list it.
        """
        if relative not in self.manifest.files:
            raise BundleError(f"{self.path}: has no file '{relative}'; files present: {', '.join(sorted(self.manifest.files))}")
        return self.path / relative


def read_json(path: Path) -> Any:
    """The value of a JSON file of at most 4 MiB, in which no key stands twice and every number is finite.

    Raises:
        BundleError: too large, or not such a file.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(_MANIFEST_LIMIT + 1)
    return parse_json(content, str(path))


def parse_json(content: bytes, where: str) -> Any:
    """The value of JSON of at most 4 MiB, in which no key stands twice and every number is finite.

    Args:
        content: the text, as UTF-8.
        where: what to call it in the message.

    Raises:
        BundleError: too large, or not such a text.
    """
    if len(content) > _MANIFEST_LIMIT:
        raise BundleError(f"{where}: larger than {_MANIFEST_LIMIT >> 20} MiB, which no file of a bundle's JSON is; {_AGAIN}")
    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_float=_finite, parse_int=_whole, parse_constant=_finite
        )
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where}: not valid JSON ({error}); {_AGAIN}") from error


def check_graph_files(manifest: Manifest, where: str) -> None:
    """Check that every graph is a file of the manifest.

    Raises:
        BundleError: a graph without its file.
    """
    for graph in manifest.graphs:
        if graph.file not in manifest.files:
            raise BundleError(f"{where}: the {graph.precision} graph '{graph.file}' is not among the files; export again")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key stands twice among {', '.join(keys)}")
    return dict(pairs)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) >= _LARGEST_NUMBER:
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _check_folder(folder: Path) -> None:
    expected = "expected a folder NAME.elpr written by 'edgelpr export'"
    if not folder.exists():
        raise BundleError(f"{folder}: no such bundle; {expected}")
    if not folder.is_dir():
        what = "an ONNX file" if folder.suffix == ".onnx" else "a file"
        raise BundleError(f"{folder}: is {what}, not a bundle; {expected}")
    if not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder}: is a folder without {MANIFEST}, so not a bundle; {expected}")


def _check_files(folder: Path, manifest: Manifest, present: set[str]) -> None:
    check_graph_files(manifest, str(folder / MANIFEST))
    for relative in manifest.files:
        if relative not in present:
            raise BundleError(f"{folder / relative}: is missing from the bundle; {_AGAIN}")
    for relative in sorted(present - set(manifest.files)):
        raise BundleError(f"{folder / relative}: is not in the bundle's manifest; remove it, or {_AGAIN}")
    for relative, record in manifest.files.items():
        path = folder / relative
        size = path.stat().st_size
        if size != record.bytes:
            raise BundleError(f"{path}: was altered or cut short: {size} bytes, expected {record.bytes}; {_AGAIN}")
        if hash_file(path) != (record.sha256, record.bytes):
            raise BundleError(f"{path}: was altered: its content does not match its hash in the manifest; {_AGAIN}")
