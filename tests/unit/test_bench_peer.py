"""Strangers' readers: what a graph takes is read from the graph, and what it leaves open is asked for."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edgelpr.benchmarks.bench.files import read_bench_result
from edgelpr.benchmarks.peer_input import PeerInput, describe_peer_input, parse_peer_size
from edgelpr.benchmarks.peer_reader import open_callable_peer, open_onnx_peer
from edgelpr.cli.main import run
from edgelpr.data.writing import write_image
from edgelpr.errors import BackendError, UsageError


def taking(*shape: object, kind: str = "tensor(float)", name: str = "x") -> list[SimpleNamespace]:
    return [SimpleNamespace(name=name, type=kind, shape=list(shape))]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 3, 24, 94), ("nchw", 3, 24, 94, 1)),
        (("batch", 1, 48, 168), ("nchw", 1, 48, 168, None)),
        ((None, 64, 128, 3), ("nhwc", 3, 64, 128, None)),
        (("n", 50, 160), ("nhw", 1, 50, 160, None)),
    ],
)
def test_a_shape_that_fits_one_layout_is_taken(shape, expected) -> None:
    found = describe_peer_input(taking(*shape), "peer.onnx")
    assert (found.layout, found.channels, found.height, found.width, found.batch) == expected


def test_what_the_shape_leaves_open_is_not_guessed() -> None:
    open_size = taking("n", 3, "h", "w")
    with pytest.raises(UsageError, match="--peer-input"):
        describe_peer_input(open_size, "peer.onnx")
    found = describe_peer_input(open_size, "peer.onnx", size=(320, 48))
    assert (found.width, found.height) == (320, 48)
    with pytest.raises(UsageError, match="could be nchw or nhwc; say which with --peer-layout"):
        describe_peer_input(taking(1, 3, 24, 3), "peer.onnx")
    assert describe_peer_input(taking(1, 3, 24, 3), "peer.onnx", layout="nhwc").height == 3
    with pytest.raises(UsageError, match="takes pictures of 94x24"):
        describe_peer_input(taking(1, 3, 24, 94), "peer.onnx", size=(100, 24))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([*taking(1, 3, 24, 94), *taking(1, name="length")], r"takes 2 inputs \(x, length\)"),
        (taking(1, 3, 24, 94, kind="tensor(int64)"), r"tensor\(int64\)"),
        (taking(1, 10), "not a picture's"),
        (taking(8, 3, 24, 94), "takes batches of 8 alone"),
        (taking(1, 7, 24, 94), "not a picture's"),
    ],
)
def test_what_takes_no_picture_is_refused(inputs, message) -> None:
    with pytest.raises(UsageError, match=message):
        describe_peer_input(inputs, "peer.onnx")


def test_a_layout_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="is not nhwc; it could be nchw"):
        describe_peer_input(taking(1, 3, 24, 94), "peer.onnx", layout="nhwc")


@pytest.mark.parametrize("text", ["94", "94x", "0x24", "94x00", "axb", "94x24x3", "-1x5", "99999x24"])
def test_a_size_has_width_and_height(text) -> None:
    with pytest.raises(UsageError, match="expected width x height"):
        parse_peer_size(text)


def test_a_size_is_width_first() -> None:
    assert parse_peer_size("94x24") == (94, 24)


@pytest.mark.parametrize(("layout", "shape"), [("nchw", (2, 3, 4, 6)), ("nhwc", (2, 4, 6, 3))])
def test_crops_are_laid_out_and_scaled(layout, shape) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 4, 6), dtype=np.uint8)
    fed = PeerInput("x", "float32", layout, 3, 4, 6, None).feed(crops)
    assert fed.shape == shape and fed.dtype == np.float32 and fed.min() >= 0 and fed.max() <= 1
    plane = fed[:, 1] if layout == "nchw" else fed[..., 1]
    assert np.allclose(plane, crops / 255)
    assert PeerInput("x", "uint8", layout, 3, 4, 6, None).feed(crops).dtype == np.uint8


def test_a_colour_graph_sees_colours_end_to_end() -> None:
    crop = np.zeros((4, 6, 3), np.uint8)
    crop[..., 2] = 255
    fed = PeerInput("x", "float32", "nchw", 3, 4, 6, None).prepare(crop)
    assert fed.shape == (1, 3, 4, 6) and fed[0, 2].min() == 1 and fed[0, 0].max() == 0
    assert PeerInput("x", "uint8", "nhw", 1, 2, 3, None).prepare(crop).shape == (1, 2, 3)


def test_a_strangers_graph_is_run(tmp_path) -> None:
    pytest.importorskip("onnx", reason="writing a graph needs the extra 'export'")
    path = tmp_path / "peer.onnx"
    path.write_bytes(_graph([None, 1, 4, 6]))
    peer = open_onnx_peer(path, threads=1)
    crops = [np.full((9, 30, 3), 255, np.uint8), np.zeros((20, 60), np.uint8)]
    batch = peer.network_input(crops)
    assert batch.shape == (2, 4, 6)
    (means,) = peer.run_network(peer.prepare(batch))
    assert means.ravel().tolist() == [1, 0]
    assert peer.read(crops) == ["", ""] and "1 thread" in peer.description and peer.backend == "peer"
    peer.close()
    with pytest.raises(BackendError, match="closed"):
        peer.read(crops)


def test_a_graph_of_one_batch_size_fails_in_one_line(tmp_path) -> None:
    pytest.importorskip("onnx", reason="writing a graph needs the extra 'export'")
    path = tmp_path / "peer.onnx"
    path.write_bytes(_graph([1, 1, 4, 6]))
    peer = open_onnx_peer(path, threads=1)
    with pytest.raises(BackendError, match=r"failed on float32 \(2, 1, 4, 6\)") as raised:
        peer.run_network(peer.prepare(np.zeros((2, 4, 6), np.uint8)))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_graph_is_refused(tmp_path) -> None:
    path = tmp_path / "peer.onnx"
    with pytest.raises(UsageError, match="no such file"):
        open_onnx_peer(path, threads=1)
    path.write_bytes(b"not a graph")
    with pytest.raises(BackendError, match="does not open it"):
        open_onnx_peer(path, threads=1)


def test_peers_are_timed_beside_a_bundle(bundle, images, tmp_path, monkeypatch, capsys) -> None:
    pytest.importorskip("onnx", reason="writing a graph needs the extra 'export'")
    (tmp_path / "peer.onnx").write_bytes(_graph([1, 1, 4, 6]))
    (tmp_path / "beside_reader.py").write_text("def read(crops): return ['' for _ in crops]\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    result = tmp_path / "result.json"
    arguments = ["bench", str(bundle), "--images", str(images), "--duration", "0.001", "--threads", "1", "-o", str(result)]
    peers = ["--peer", str(tmp_path / "peer.onnx"), "--peer-callable", "beside_reader:read"]
    assert run([*arguments, *peers, "--scenario", "single-stream"]) == 0
    found = read_bench_result(result)
    assert [(each.model.name, each.scope) for each in found.runs] == [
        ("tiny", "network only"),
        ("tiny", "end to end"),
        ("peer.onnx", "network only"),
        ("peer.onnx", "end to end"),
        ("beside_reader:read", "end to end"),
    ]
    assert len({each.crops.sha256 for each in found.runs}) == 1 and found.runs[2].model.graph_sha256 is not None
    assert any("preprocessing is generic" in each for each in found.notes)
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:6]]
    assert rows == ["tiny", "tiny", "peer.onnx", "peer.onnx", "beside_reader:read"]


@pytest.mark.parametrize(
    ("peers", "message"),
    [
        (["--peer", "absent.onnx"], "absent.onnx: no such file"),
        (["--peer-input", "94x24"], "are for --peer"),
        (["--peer", "a.onnx", "--peer-input", "94x24", "--peer-input", "9x2"], "given 2 times for 1 peers"),
        (["--peer-callable", "nowhere_at_all:read"], "cannot be imported"),
    ],
)
def test_a_mistake_in_a_peer_is_told_before_anything_is_measured(bundle, images, tmp_path, capsys, peers, message) -> None:
    out = tmp_path / "result.json"
    assert run(["bench", str(bundle), "--images", str(images), "--duration", "0.001", "-o", str(out), *peers]) == 2
    assert message in capsys.readouterr().err and not out.exists()


@pytest.fixture
def images(tmp_path):
    """Three crops that differ."""
    folder = tmp_path / "crops"
    folder.mkdir()
    for number in range(3):
        write_image(folder / f"{number}.png", np.random.default_rng(number).integers(0, 256, (20, 60, 3), dtype=np.uint8))
    return folder


def test_a_function_is_a_reader(tmp_path, monkeypatch) -> None:
    (tmp_path / "my_reader.py").write_text(
        "def read(crops): return [str(crop.shape[0]) for crop in crops]\n"
        "def short(crops): return []\n"
        "def broken(crops): raise RuntimeError('two\\nlines')\n"
        "number = 3\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    crops = [np.zeros((9, 30, 3), np.uint8)]
    assert open_callable_peer("my_reader:read").read(crops) == ["9"]
    with pytest.raises(UsageError, match="timed end to end"):
        open_callable_peer("my_reader:read").run_network(crops)
    with pytest.raises(BackendError, match="returned 0 results for 1 crop;"):
        open_callable_peer("my_reader:short").read(crops)
    with pytest.raises(BackendError, match=r"failed on 1 crop \(two lines\)"):
        open_callable_peer("my_reader:broken").read(crops)
    with pytest.raises(UsageError, match="is a int"):
        open_callable_peer("my_reader:number")
    sys.modules.pop("my_reader", None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", r"returned None for 2 crops; expected a list with a text for each"),
        ("return [None] * len(crops)", r"returned None as the reading of a crop; expected a text"),
        ("return [b'A'] * len(crops)", r"returned a value of the type bytes as the reading"),
        ("return [('A', 0.9)] * len(crops)", r"a value of the type tuple"),
        ("return 'AB'", r"returned a value of the type str for 2 crops"),  # as many letters as crops
        ("raise SystemExit(3)", r"failed on 2 crops \(SystemExit: 3\)"),
        ("import asyncio; raise asyncio.CancelledError", r"failed on 2 crops \(CancelledError"),
    ],
)
def test_what_is_no_reading_is_refused_in_one_sentence(tmp_path, monkeypatch, body, message) -> None:
    (tmp_path / "odd_reader.py").write_text(f"def read(crops): {body}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BackendError, match=message):
        open_callable_peer("odd_reader:read").read([np.zeros((9, 30, 3), np.uint8)] * 2)
    sys.modules.pop("odd_reader", None)


def test_ctrl_c_in_a_function_is_ctrl_c(tmp_path, monkeypatch) -> None:
    (tmp_path / "slow_reader.py").write_text("def read(crops): raise KeyboardInterrupt\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        open_callable_peer("slow_reader:read").read([np.zeros((9, 30, 3), np.uint8)])
    sys.modules.pop("slow_reader", None)


def test_a_module_that_ends_the_program_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "ending_reader.py").write_text("import sys; sys.exit(0)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=r"cannot be imported \(SystemExit: 0\)"):
        open_callable_peer("ending_reader:read")


def test_a_peer_that_ends_the_program_costs_no_run_before_it(bundle, images, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "leaving_reader.py").write_text(
        "calls = []\n"
        "def read(crops):\n"
        "    calls.append(1)\n"
        "    if len(calls) > 4: raise SystemExit(0)\n"
        "    return ['' for _ in crops]\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    result = tmp_path / "result.json"
    arguments = ["bench", str(bundle), "--images", str(images), "--duration", "0.001", "--threads", "1", "-o", str(result)]
    peer = ["--peer-callable", "leaving_reader:read", "--scenario", "single-stream", "--scope", "end-to-end"]
    assert run([*arguments, *peer]) == 1
    sys.modules.pop("leaving_reader", None)
    found = read_bench_result(result)
    assert [each.model.name for each in found.runs] == ["tiny"] and not found.interrupted
    (failure,) = found.failures
    assert (failure.model, failure.calls) == ("leaving_reader:read", 4) and "SystemExit: 0" in failure.error
    assert "leaving_reader:read: single-stream, end to end, batch 1 failed after 4 calls" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["json", ":dumps", "json:", "no_such_module_here:read", "json:no_such", "..x:y"])
def test_a_name_that_leads_nowhere_is_refused(name) -> None:
    with pytest.raises(UsageError, match="--peer-callable"):
        open_callable_peer(name)


def _graph(shape: list[int | None]) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2, 3], keepdims=0)],
        "peer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0]])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
