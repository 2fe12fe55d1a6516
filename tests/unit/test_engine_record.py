"""The record of an engine is read strictly, and decides by itself whether the engine may be loaded."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from sample_stored import ORIN, record_of

from edgelpr.engines.auditing.audit import EngineAudit
from edgelpr.engines.command import build_command
from edgelpr.engines.matching import explain, mismatches, remarks
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.record import SCHEMA, EngineRecord, read_record
from edgelpr.engines.target import Target
from edgelpr.errors import BundleError, EngineError

AUDIT = EngineAudit("log", 3, {"int8": 1, "fp16": 1, "fp32": 0, "other": 1, "unknown": 0}, 1, 2, "int8", 4, 3, 1, 1 << 20)
CARD = Target("tensorrt-rtx", "1.7.1.116", "NVIDIA GeForce RTX 3060", ("sm86",), None)


@pytest.fixture
def record(tiny_bundle):
    return record_of(tiny_bundle, b"a plan", notes=("slow",), audit=AUDIT)


def differing(record, here, precision="fp32", batch=None, graph=None):
    return [item.what for item in mismatches(record, here, graph or record.graph_sha256, precision, batch)]


def test_a_record_survives_its_file(record, tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(record.to_json())
    assert read_record(path) == record


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": SCHEMA + 1}, "newer than"),
        ({"schema": None}, "no engine record"),
        ({"surplus": 1}, "unknown key surplus"),
        ({"graph_file": "../fp32.onnx"}, "leaves the bundle"),
        ({"plan_sha256": "0" * 63}, "hash"),
        ({"plan_bytes": 0}, "1 byte"),
        ({"plan_bytes": True}, "whole number"),
        ({"precision": "fp8"}, "one of fp32"),
        ({"built": "yesterday"}, "UTC"),
        ({"seconds": -1}, "negative"),
        ({"options": {}}, "missing key"),
        ({"audit": {"layers": 1}}, "missing key"),
        ({"driver_version": "12.6"}, "whole number"),
    ],
)
def test_a_record_with_a_mistake_is_refused(record, change, words, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(record.to_dict() | change), encoding="utf-8")
    with pytest.raises(EngineError, match=words):
        read_record(path)


EVIL = "slow\x1b[2J\x1b[H"


@pytest.mark.parametrize(
    "change",
    [
        {"notes": [EVIL]},
        {"edgelpr_version": EVIL},
        {"graph_file": EVIL},
        {"built": EVIL},
        {EVIL: 1},
        {"precision": EVIL},
        *({"target": {name: EVIL}} for name in ("tensorrt_version", "gpu", "l4t", "board", EVIL)),
        {"target": {"compute_capabilities": [EVIL]}},
        {"options": {"targets": [EVIL]}},
    ],
)
def test_what_would_steer_a_terminal_is_refused_and_not_repeated(record, change, tmp_path):
    path, values = tmp_path / "x.json", record.to_dict()
    for key, value in change.items():
        values[key] = values[key] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        read_record(path)
    assert str(caught.value).isprintable() and str(path) in str(caught.value)


@pytest.mark.parametrize("version", ["9" * 5000, "10." + "3" * 10, "10" + ".1" * 60])
def test_a_version_that_is_none_is_refused(record, version, tmp_path):
    path, values = tmp_path / "x.json", record.to_dict()
    values["target"]["tensorrt_version"] = version
    values["options"]["version_compatible"] = True
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(EngineError, match=r"x\.json.*expected one such as 10\.3\.0"):
        read_record(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 1, "schema": 1}', b"\xff\xfe", b" " * (5 << 20)])
def test_what_is_no_json_is_refused(content, tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(EngineError):
        read_record(path)


def test_every_key_is_needed(record):
    for key in record.to_dict():
        with pytest.raises(BundleError):
            EngineRecord.from_dict({name: value for name, value in record.to_dict().items() if name != key})


def test_the_same_machine_and_graph_fit(record):
    assert differing(record, ORIN, batch=32) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"tensorrt_version": "10.3.0.26"}, "version"),
        ({"tensorrt_version": "10.4.0"}, "version"),
        ({"gpu": "NVIDIA Thor"}, "GPU"),
        ({"multiprocessors": 16}, "GPU"),
        ({"board": "Jetson AGX Orin"}, "GPU"),
        ({"compute_capabilities": ("sm86",)}, "GPU"),
        ({"backend": "tensorrt-rtx"}, "inference engine"),
    ],
)
def test_another_machine_does_not_fit(record, changes, what):
    assert differing(record, dataclasses.replace(ORIN, **changes)) == [what]


def test_a_board_that_a_container_hides_does_not_stand_in_the_way(record):
    assert differing(record, dataclasses.replace(ORIN, board=None)) == []


def test_another_precision_network_or_batch_does_not_fit(record):
    assert differing(record, ORIN, "int8", 33, "0" * 64) == ["precision", "network", "batch"]
    assert differing(dataclasses.replace(record, options=BuildOptions(batches=(2, 4, 8))), ORIN, batch=1) == ["batch"]


@pytest.mark.parametrize(
    ("built", "version", "fits"),
    [
        ("10.3.0", "10.3.0", True),
        ("10.3.0", "10.9.0", True),
        ("10.3.0", "10.2.9", False),
        ("10.3.0", "11.4.0.106", True),
        ("8.6.1", "10.3.0", True),
        ("8.6.1", "11.4.0.106", False),
        ("11.4.0.106", "10.3.0", False),
        ("11.4.0.106", "12.0.0", False),
        ("unknown", "10.3.0", False),
    ],
)
def test_a_version_compatible_engine_runs_on_the_later_versions_that_nvidia_names(record, built, version, fits):
    here, old = dataclasses.replace(ORIN, tensorrt_version=version), dataclasses.replace(ORIN, tensorrt_version=built)
    lasting = dataclasses.replace(record, target=old, options=BuildOptions(version_compatible=True))
    assert (differing(lasting, here) == []) is fits
    assert (differing(dataclasses.replace(lasting, options=BuildOptions()), here) == []) is (built == version)


@pytest.mark.parametrize(
    ("compatibility", "capability", "fits"),
    [
        ("ampere-plus", "sm80", True),
        ("ampere-plus", "sm120", True),
        ("ampere-plus", "sm75", False),
        ("same-compute-capability", "sm87", True),
        ("same-compute-capability", "sm86", False),
    ],
)
def test_a_hardware_compatible_engine_runs_on_other_gpus(record, compatibility, capability, fits):
    wide = dataclasses.replace(record, options=BuildOptions(hardware_compatibility=compatibility))
    here = dataclasses.replace(ORIN, gpu="another", compute_capabilities=(capability,))
    assert (differing(wide, here) == []) is fits


def test_tensorrt_rtx_looks_at_the_capability_and_not_at_the_name(record):
    built = dataclasses.replace(record, target=dataclasses.replace(CARD, gpu="", compute_capabilities=("sm89", "sm86")))
    assert differing(built, CARD) == []
    assert differing(built, dataclasses.replace(CARD, compute_capabilities=("sm120",))) == ["GPU"]
    assert differing(built, dataclasses.replace(CARD, tensorrt_version="1.7.1.117")) == ["version"]


def test_jetson_linux_alone_is_a_remark(record):
    later = dataclasses.replace(ORIN, l4t="R36.5.0")
    assert differing(record, later) == [] and remarks(record, ORIN) == ()
    assert "R36.4.3" in remarks(record, later)[0] and "R36.5.0" in remarks(record, later)[0]


def test_the_explanation_names_both_sides_and_the_command(record):
    found = mismatches(record, dataclasses.replace(ORIN, gpu="Thor", compute_capabilities=("sm110",)), "0" * 64, "fp32")
    command = build_command(Path("my plates.elpr"), "fp32", "tensorrt")
    text = explain(Path("x.plan"), found, command)
    assert "built for Orin (sm87, Jetson Orin Nano, 8 SMs), here Thor (sm110, Jetson Orin Nano, 8 SMs)" in text
    assert text.endswith("edgelpr build 'my plates.elpr' --precision fp32")


def test_the_command_repeats_every_option():
    options = BuildOptions((1, 4, 8), 512 << 20, 5, 1, True, "ampere-plus", ("sm86", "sm89"))
    assert build_command(Path("a.elpr"), "int8", "tensorrt-rtx", options, force=True).split()[2:] == [
        *("a.elpr", "--precision", "int8", "--backend", "tensorrt-rtx", "--batch", "1,4,8", "--workspace", "512MiB"),
        *("--level", "5", "--dla", "1", "--version-compatible", "--hardware-compatible", "ampere-plus"),
        *("--target", "sm86,sm89", "--force"),
    ]
