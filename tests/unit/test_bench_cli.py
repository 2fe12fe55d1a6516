"""``edgelpr bench``: what it prints, keeps and refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import stub_engine
from sample_bench import sample_result, sample_run
from stub_engine import PLATES, draw_crop

from edgelpr.benchmarks.bench import measuring
from edgelpr.benchmarks.bench.files import read_bench_result, write_bench_result
from edgelpr.benchmarks.bench.sampling import take
from edgelpr.cli.main import run
from edgelpr.errors import BackendError

BRIEF = ["--duration", "0.02", "--threads", "1"]


@pytest.fixture
def images(tmp_path):
    """Four crops that the stub reads."""
    for number in range(4):
        draw_crop(tmp_path / "crops" / f"{number}.png", number)
    return str(tmp_path / "crops")


@pytest.fixture
def stub(monkeypatch):
    """A bundle without a network."""
    stub_engine.install(monkeypatch)
    monkeypatch.setattr("edgelpr.benchmarks.bench.opening.load_backend", lambda *arguments: stub_engine.StubEngine())
    # One colour a crop: enough for the stub, and refused as blank otherwise.
    monkeypatch.setattr("edgelpr.benchmarks.bench.crops.np.ptp", lambda image: 1)


def kept(tmp_path, name, *runs, **changes):
    path = tmp_path / name
    write_bench_result(path, sample_result(*runs, **changes))
    return str(path)


def test_json_is_the_result_file(stub, images, tmp_path, capsys):
    output = tmp_path / "out" / "result.json"
    arguments = ["bench", "stub.elpr", "--images", images, *BRIEF, "-o", str(output)]
    assert run([*arguments, "--scenario", "single-stream", "--scenario", "paper", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads(output.read_text("utf-8"))
    result = read_bench_result(output)
    assert [(each.scenario, each.scope) for each in result.runs] == [
        ("single-stream", "network only"), ("single-stream", "end to end"), ("paper", "network only"),
    ]  # fmt: skip
    assert [each.transfers for each in result.runs] == ["none", None, "none"]
    assert result.runs[0].duration == "custom" and result.runs[0].crops.source == "crops"
    assert {"before", "after", "processor", "power_mode"} <= set(result.machine)
    assert f"Next: edgelpr bench compare {output} OTHER.json" in printed.err


def test_the_table_and_the_next_command(stub, images, capsys):
    assert run(["bench", "stub.elpr", "--images", images, *BRIEF, "--scope", "end-to-end", "--batch", "4"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].split("  ")[0] == "scenario"
    assert "single-stream  end to end      1" in printed.out
    assert "offline        end to end      4" in printed.out
    assert "network only" not in printed.out
    assert "stub: stub engine, 1 thread, fp32" in printed.out
    assert "-o result.json" in printed.err


def test_accuracy_is_of_the_same_engine(stub, images, tmp_path, capsys):
    lines = [f"crops/{number}.png,{PLATES[number] if number else '京B00000'}" for number in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,plate", *lines]), encoding="utf-8")
    labels = ["--images", images, "--labels", str(tmp_path / "labels.csv")]
    assert run(["bench", "stub.elpr", *labels, *BRIEF, "--scenario", "single-stream", "--scope", "network", "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["runs"][0]["accuracy"]
    assert (accuracy["plates"], accuracy["correct"]) == (4, 3)


def test_ctrl_c_writes_what_there_is(stub, images, tmp_path, capsys, monkeypatch):
    def interrupted(call, items, clock, limit, progress):
        taken = take(call, items, clock, replace(limit, most=5))
        taken.interrupted = True
        return taken

    monkeypatch.setattr(measuring, "take", interrupted)
    output = tmp_path / "result.json"
    assert run(["bench", "stub.elpr", "--images", images, *BRIEF, "-o", str(output)]) == 130
    result = read_bench_result(output)
    assert result.interrupted and len(result.runs) == 1 and len(result.runs[0].samples_ns) == 5
    assert "marked as interrupted" in capsys.readouterr().err


def test_a_process_that_is_killed_loses_the_scenario_in_progress(stub, images, tmp_path, monkeypatch):
    class Killed(BaseException):
        """Nobody catches it, as nobody catches a kill."""

    def killed(call, *arguments):
        calls.append(call)
        if len(calls) == 3:
            raise Killed
        return take(call, *arguments)

    calls, output = [], tmp_path / "result.json"
    monkeypatch.setattr(measuring, "take", killed)
    with pytest.raises(Killed):
        run(["bench", "stub.elpr", "--images", images, *BRIEF, "-o", str(output)])
    result = read_bench_result(output)
    assert len(result.runs) == 2 and result.interrupted and result.cut_short is False


def test_a_disk_that_is_full_for_a_while_costs_nothing(stub, images, tmp_path, capsys, monkeypatch):
    from edgelpr.cli import bench_job
    from edgelpr.errors import DataError

    tries = []

    def write(path, result):
        tries.append(len(result.runs))
        if len(tries) == 1:
            raise DataError(f"{path}: cannot be written (no space)")
        write_bench_result(path, result)

    monkeypatch.setattr(bench_job, "write_bench_result", write)
    output = tmp_path / "result.json"
    assert run(["bench", "stub.elpr", "--images", images, *BRIEF, "--scenario", "single-stream", "-o", str(output)]) == 0
    assert tries == [1, 2, 2] and len(read_bench_result(output).runs) == 2
    assert "Not kept yet" in capsys.readouterr().err and not read_bench_result(output).interrupted


def test_a_model_that_fails_half_way_leaves_a_valid_file(stub, images, tmp_path, capsys, monkeypatch):
    calls = []

    def failing(call, *arguments):
        calls.append(call)
        taken = take(call, *arguments)
        taken.error = BackendError("out of device memory") if len(calls) == 2 else None
        return taken

    monkeypatch.setattr(measuring, "take", failing)
    output = tmp_path / "result.json"
    assert run(["bench", "stub.elpr", "--images", images, *BRIEF, "-o", str(output)]) == 1
    result = read_bench_result(output)
    assert (len(result.runs), result.failures[0].scope, len(calls)) == (1, "end to end", 2)
    assert "single-stream, end to end, batch 1 failed after" in capsys.readouterr().err


def test_a_real_bundle_with_profile_and_cold_start(tiny_bundle, capsys):
    arguments = ["bench", "run", str(tiny_bundle.path), "--quick", "--scenario", "cold-start", "--profile", "--threads", "1"]
    assert run(arguments) == 0
    printed = capsys.readouterr()
    assert "cold-start  end to end      1" in printed.out
    assert "cold start: importing" in printed.out
    assert "Quick: these figures show that it works" in printed.out
    assert "ReduceMean" in printed.out and "##" in printed.out


def test_a_fresh_process_closes_what_it_opened(tiny_bundle, tmp_path, monkeypatch):
    from edgelpr.benchmarks.bench.cold_child import _times
    from edgelpr.runtime.recognizer import Recognizer

    closed, close = [], Recognizer.close
    monkeypatch.setattr(Recognizer, "close", lambda self: closed.append(self) or close(self))
    np.savez(tmp_path / "plate.npz", np.zeros((24, 94, 3), np.uint8))
    found = _times({"bundle": str(tiny_bundle.path), "plate": str(tmp_path / "plate.npz"), "tracks": False, "threads": 1})
    assert list(found)[:3] == ["importing", "opening", "first_reading"] and len(closed) == 1
    assert set(found) - {"importing", "opening", "first_reading"} in (set(), {"ran", "waited"})


def test_a_bundle_that_a_fresh_process_cannot_open(tmp_path):
    from edgelpr.benchmarks.bench.cold import take_cold_starts

    crop = np.zeros((24, 94, 3), np.uint8)
    taken = take_cold_starts({"bundle": str(tmp_path / "absent.elpr")}, [crop], 1)
    assert taken.samples == []
    assert "absent.elpr: no such bundle" in str(taken.error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quick", "--official"], "exclude each other"),
        (["--duration", "0"], "expected more than 0"),
        (["--duration", "inf"], "and that it ends"),
        (["--scenario", "paper", "--scope", "end-to-end"], "'paper' is measured network only"),
        (["--scenario", "cold-start", "--scope", "network"], "'cold-start' is measured end to end"),
        (["--batch", "0"], "--batch"),
        (["-o", "."], "is a directory"),
    ],
)
def test_wrong_usage(stub, images, arguments, message, capsys):
    assert run(["bench", "stub.elpr", "--images", images, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_backend_that_cannot_be_profiled():
    from edgelpr.benchmarks.bench.profiling import check_profiled
    from edgelpr.errors import UsageError

    with pytest.raises(UsageError, match="'peer' does not tell its layers' times"):
        check_profiled("peer", "fp32")
    with pytest.raises(UsageError, match="one CUDA graph"):
        check_profiled("torch", "fp16")


def test_a_folder_without_crops_and_an_absent_bundle(stub, tmp_path, capsys, monkeypatch):
    assert run(["bench", "stub.elpr", "--images", str(tmp_path)]) == 1
    assert "no image in this folder" in capsys.readouterr().err
    monkeypatch.undo()
    assert run(["bench", str(tmp_path / "absent.elpr")]) == 1
    assert "no such bundle" in capsys.readouterr().err


def test_options_may_come_before_the_bundle_and_help_is_the_groups(stub, images, capsys):
    assert run(["bench", "--images", images, *BRIEF, "--scenario", "offline", "--scope", "network", "stub.elpr"]) == 0
    capsys.readouterr()
    assert run(["bench"]) == 2
    assert run(["bench", "--help"]) == 0
    assert "compare" in capsys.readouterr().out
    assert run(["bench", "run", "--help"]) == 0
    assert "--scenario" in capsys.readouterr().out


def test_comparing_prints_ratios_and_what_is_compared(tmp_path, capsys):
    first = kept(tmp_path, "a.json")
    second = kept(tmp_path, "b.json", sample_run(tuple(range(500, 600)), precision="int8"))
    assert run(["bench", "compare", first, second]) == 0
    printed = capsys.readouterr().out
    assert "above 1 is faster" in printed and "1.90" in printed
    assert "Compared: precision is fp32 in one, int8 in the other" in printed
    assert run(["bench", "compare", first, second, first, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [each["second"] for each in values] == [second, first]
    assert values[1]["runs"][0]["ratios"]["median"]["value"] == 1.0


def test_a_build_fails_where_a_ratio_is_surely_below(tmp_path, capsys):
    first = kept(tmp_path, "a.json")
    slower = kept(tmp_path, "b.json", sample_run(tuple(range(1500, 1600))))
    assert run(["bench", "compare", first, slower, "--fail-below", "0.9"]) == 1
    assert "slower than 0.9 times" in capsys.readouterr().err
    assert run(["bench", "compare", first, slower, "--fail-below", "0.5"]) == 0
    assert run(["bench", "compare", first, first, "--fail-below", "0.9"]) == 0


def test_what_does_not_compare_is_refused(tmp_path, capsys):
    first = kept(tmp_path, "a.json")
    second = kept(tmp_path, "b.json", sample_run(scope="end to end"))
    assert run(["bench", "compare", first, second]) == 1
    assert "not comparable: scope is network only in one, end to end in the other" in capsys.readouterr().err
    assert run(["bench", "compare", first, second, "--across", "scope"]) == 0
    assert run(["bench", "compare", first, second, "--across", "colour"]) == 2
    assert run(["bench", "compare", first]) == 2
    assert run(["bench", "compare", first, first, "--fail-below", "0"]) == 2


def test_an_interrupted_and_a_disturbed_result_are_named(tmp_path, capsys):
    first = kept(tmp_path, "a.json", interrupted=True)
    second = kept(tmp_path, "b.json", sample_run(disturbances=("the machine was asleep for 9.0 s",)))
    assert run(["bench", "compare", first, second]) == 0
    printed = capsys.readouterr().err
    assert "a.json was interrupted" in printed
    assert "b.json was disturbed, so its figures may be too slow: single-stream, network only" in printed


def test_truncated_and_newer_results_are_refused(tmp_path, capsys):
    first = kept(tmp_path, "a.json")
    (tmp_path / "cut.json").write_bytes((tmp_path / "a.json").read_bytes()[:-30])
    values = json.loads((tmp_path / "a.json").read_text("utf-8")) | {"schema": 9}
    (tmp_path / "newer.json").write_text(json.dumps(values), encoding="utf-8")
    assert run(["bench", "compare", first, str(tmp_path / "cut.json")]) == 1
    assert "perhaps cut short" in capsys.readouterr().err
    assert run(["bench", "compare", first, str(tmp_path / "newer.json")]) == 1
    assert "Upgrade edgelpr" in capsys.readouterr().err


def test_the_self_check_reports_and_keeps(tmp_path, capsys, monkeypatch):
    from edgelpr.benchmarks.bench.overhead import Overhead

    monkeypatch.setattr(
        "edgelpr.benchmarks.bench.overhead.measure_overhead", lambda clock, samples: Overhead(samples, 0.5, 0.001, 0.004)
    )
    assert run(["bench", "self-check", "--samples", "10", "-o", str(tmp_path / "overhead.json")]) == 0
    assert "0.40%" in capsys.readouterr().out
    values = json.loads((tmp_path / "overhead.json").read_text("utf-8"))
    assert (values["benchmark"], values["passed"], values["loop_share"]) == ("bench-overhead", True, 0.004)
    monkeypatch.setattr(
        "edgelpr.benchmarks.bench.overhead.measure_overhead", lambda clock, samples: Overhead(samples, 0.5, 0.001, 0.04)
    )
    assert run(["bench", "self-check"]) == 1
    assert "adds more than 2%" in capsys.readouterr().err
