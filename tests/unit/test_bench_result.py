"""Result files: whole, strict, and refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_bench import sample_result, sample_run

from edgelpr.benchmarks.bench.files import read_bench_result, write_bench_result
from edgelpr.benchmarks.bench.result import Failure, Layer, Profile, result_schema
from edgelpr.benchmarks.bench.run import Accuracy, CacheAudit
from edgelpr.errors import DataError

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    """A result that has everything."""
    run = sample_run(
        cache_audit=CacheAudit(1.0, 1.05, 0.05),
        warnings=("a",),
        gpu_ms={"compute": 1.0},
        energy_joules_per_plate=0.001,
        accuracy=Accuracy(10, 9, "c" * 64),
    )
    layers = (Layer("conv1", "Conv", 12.5),)
    result = sample_result(
        run,
        interrupted=True,
        failures=(Failure("offline", "network only", 16, 3, "out of memory"),),
        profiles=(Profile("onnxruntime", "fp32", 1, layers),),
    )
    write_bench_result(tmp_path / "result.json", result)
    return tmp_path / "result.json"


def edit(path, change):
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")


def test_what_is_written_is_read_back(path):
    result = read_bench_result(path)
    assert result.interrupted and result.runs[0].accuracy == Accuracy(10, 9, "c" * 64)
    write_bench_result(path.with_name("again.json"), result)
    assert path.with_name("again.json").read_bytes() == path.read_bytes()


def test_what_older_results_do_not_say_is_not_known(path):
    def age(values):
        del values["cut_short"], values["failures"][0]["model"]

    edit(path, age)
    result = read_bench_result(path)
    assert result.cut_short is None and result.failures[0].model is None
    assert str(result.failures[0]) == "offline, network only, batch 16 failed after 3 calls (out of memory)"


def test_the_published_schema_is_that_of_the_code():
    published = json.loads((REPOSITORY / "benchmarks" / "bench-result.schema.json").read_text("utf-8"))
    assert published == result_schema()


def test_a_result_has_the_properties_of_the_schema(path):
    values, schema = json.loads(path.read_text("utf-8")), result_schema()
    assert set(values) == set(schema["properties"])
    assert set(values["runs"][0]) == set(schema["properties"]["runs"]["items"]["properties"])
    assert {"schema", "kind", "machine", "runs"} <= set(schema["required"])


def test_a_newer_schema_is_refused_and_says_what_to_do(path):
    edit(path, lambda values: values.update(schema=2, edgelpr_version="0.9.0", something_new=1))
    with pytest.raises(DataError, match=r"schema 2, written by edgelpr 0\.9\.0; this version reads up to 1\. Upgrade edgelpr"):
        read_bench_result(path)


def test_truncated_json_is_refused(path):
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="perhaps cut short"):
        read_bench_result(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(kind="speed"), "is no result of 'edgelpr bench'"),
        (lambda values: values.update(schema="1"), "schema is '1'; expected 1"),
        (lambda values: values.update(extra=1), "unknown key extra"),
        (lambda values: values["runs"][0].pop("device"), "runs 1: missing key device"),
        (lambda values: values["runs"][0].update(batch="1"), "batch: expected integer, found str '1'"),
        (lambda values: values["runs"][0].update(batch=True), "batch: expected integer, found bool 'True'"),
        (lambda values: values["runs"][0].update(scenario="server"), "expected one of single-stream, offline"),
        (lambda values: values["runs"][0]["summary"].update(p50_ms=None), "p50_ms: expected number"),
        (lambda values: values["runs"][0].update(samples_ns=[]), "expected at least one sample"),
        (lambda values: values["runs"][0].update(samples_ns=[1, -1]), "each above 0 ns"),
        (lambda values: values["runs"][0].update(samples_ns=[0, 0]), "each above 0 ns"),
        (lambda values: values["runs"][0].update(plates=0), "plates is 0 of 100 samples; expected as many"),
        (lambda values: values["runs"][0].update(plates=150), "plates is 150 of 100 samples; expected as many"),
        (lambda values: values["runs"][0].update(transfers="some"), "transfers: expected one of included, excluded, none"),
        (lambda values: values["runs"][0].update(samples_ns=3), "samples_ns: expected a list"),
        (lambda values: values.update(runs={}), "runs: expected a list"),
        (lambda values: values.update(machine=[]), "machine: expected an object"),
    ],
)
def test_what_does_not_fit_is_named(path, change, message):
    edit(path, change)
    with pytest.raises(DataError, match=message):
        read_bench_result(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p50_ms", 0.001040),
        ("p90_ms", 0.002),
        ("p90_ms", None),
        ("p99_ms", 0.0011),  # of 100 samples, which support none
        ("mean_ms", 0.001055),
        ("plates_per_second", 953000.0),
        ("variation", 0.0),
    ],
)
def test_a_figure_that_is_not_that_of_the_samples_is_refused_by_name(path, name, value):
    edit(path, lambda values: values["runs"][0]["summary"].update({name: value}))
    run = r"runs 1 \(single-stream, network only, plates\)"
    with pytest.raises(
        DataError, match=f"{run}: {name} is {value} in its summary, and .* by its 100 samples; the file was changed"
    ):
        read_bench_result(path)


def test_a_unit_of_the_last_digit_is_no_change(path):
    def change(values):
        for name, unit in (("mean_ms", 1e-6), ("plates_per_second", 1e-3), ("variation", -1e-4)):
            values["runs"][0]["summary"][name] += unit

    edit(path, change)
    assert read_bench_result(path).runs


def test_committed_results_are_read():
    folder = REPOSITORY / "benchmarks" / "results"
    found = [read_bench_result(path) for path in (*folder.glob("bench_*.json"), *folder.glob("paper_*.json"))]
    assert len(found) >= 3 and all(result.runs for result in found)


def test_a_number_that_is_none_is_refused(path):
    path.write_text(path.read_text("utf-8").replace('"p50_ms": ', '"p50_ms": NaN, "x": '), encoding="utf-8")
    with pytest.raises(DataError, match="NaN is no number"):
        read_bench_result(path)


def test_another_json_file_and_an_absent_one(tmp_path):
    (tmp_path / "list.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(DataError, match="is no result of 'edgelpr bench'"):
        read_bench_result(tmp_path / "list.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_bench_result(tmp_path / "absent.json")
