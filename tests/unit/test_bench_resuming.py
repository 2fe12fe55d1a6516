"""``edgelpr bench paper`` a second time with the same result: what is there and sound is not measured again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_bench import MILLISECOND, SteppingClock
from sample_results import MACHINE, PEAKS, make_model, make_result, make_run

from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.paper_table.earlier import Earlier, Key, read_earlier
from edgelpr.benchmarks.paper_table.table import paper_rows
from edgelpr.errors import UsageError

MODEL = make_model("stand-in, as published", "hpa-resnet18", weights_sha256="b" * 64)
KEY = Key("stand-in, as published", "b" * 64, "onnxruntime", "fp32")
NOTHING = Earlier()
SINGLE = ("single-stream", "network only")


def kept(tmp_path, *runs, **changes):
    path = tmp_path / "paper.json"
    write_bench_result(path, make_result(*runs, **changes))
    return path


def test_whole_runs_stay(tmp_path):
    path = kept(tmp_path, make_run(model=MODEL), make_run(scope="end to end", model=MODEL))
    found = read_earlier(path, MACHINE, "default", 1)
    assert found.has_all(KEY, [SINGLE, ("single-stream", "end to end")]) and found.when == "2030-01-01T00:00:00+00:00"
    assert found.find(KEY, "paper", "network only") is None
    assert found.find(KEY._replace(weights_sha256=None), *SINGLE) is None  # other weights of the same name


def test_the_run_that_was_cut_short_goes(tmp_path):
    path = kept(tmp_path, make_run(model=MODEL), make_run(scope="end to end", model=MODEL), interrupted=True)
    assert [run.scope for run in read_earlier(path, MACHINE, "default", 1).runs] == ["network only"]


def test_ctrl_c_while_nothing_was_timed_costs_no_run(tmp_path):
    runs = make_run(model=MODEL), make_run(scope="end to end", model=MODEL)
    found = read_earlier(kept(tmp_path, *runs, interrupted=True, cut_short=False), MACHINE, "default", 1)
    assert len(found.runs) == 2
    found = read_earlier(kept(tmp_path, *runs, interrupted=True, cut_short=True), MACHINE, "default", 1)
    assert [run.scope for run in found.runs] == ["network only"]


def test_ctrl_c_while_a_network_is_made_is_told_apart(tmp_path):
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.sources import Source

    def interrupted():
        raise KeyboardInterrupt

    runs = make_run(model=MODEL), make_run(scope="end to end", model=MODEL)
    done, _ = start(tmp_path, Source("hpa-resnet18", "stand-in", interrupted), Earlier(runs))
    assert done.result.interrupted and done.result.cut_short is False
    path = tmp_path / "paper.json"
    write_bench_result(path, done.result)
    assert read_earlier(path, done.result.machine, "default", 1).runs == runs


def test_a_disturbed_run_stays_only_until_it_was_measured_again(tmp_path):
    path = kept(tmp_path, make_run(model=MODEL, disturbances=("a storm",)))
    assert read_earlier(path, MACHINE, "default", 1).find(KEY, *SINGLE) is not None  # going on must not begin anew
    found = read_earlier(path, MACHINE, "default", 1, retakes=True)
    assert found.find(KEY, *SINGLE) is None and len(found.without([])) == 1
    assert found.without([make_run(model=MODEL)]) == ()


@pytest.mark.parametrize(("duration", "threads"), [("quick", 1), ("custom", 1), ("default", 2)])
def test_another_duration_or_other_threads_are_measured(tmp_path, duration, threads):
    assert not read_earlier(kept(tmp_path, make_run(model=MODEL)), MACHINE, duration, threads).usable


def test_runs_with_other_threads_stay_in_the_result(tmp_path):
    found = read_earlier(kept(tmp_path, make_run(model=MODEL)), MACHINE, "default", 2)
    assert len(found.without([make_run(model=MODEL, threads=2)])) == 1


def test_torch_on_another_device_is_measured_and_both_stay(tmp_path):
    path = kept(tmp_path, make_run(model=MODEL, backend="torch"), make_run(model=MODEL))
    key = KEY._replace(backend="torch")
    assert read_earlier(path, MACHINE, "default", 1).find(key, *SINGLE) is not None
    found = read_earlier(path, MACHINE, "default", 1, device="cuda")
    assert found.find(key, *SINGLE) is None and found.find(KEY, *SINGLE) is not None
    on_gpu = make_run(model=MODEL, backend="torch", device="A GPU", threads=None)
    assert len(found.without([on_gpu])) == 2
    again = Earlier((on_gpu,), 1)
    assert again.find(key, *SINGLE) is None and Earlier((on_gpu,), 1, device="cuda").find(key, *SINGLE) is on_gpu


def test_fresh_and_a_first_start_have_nothing(tmp_path):
    path = kept(tmp_path, make_run(model=MODEL))
    assert read_earlier(path, MACHINE, "default", 1, fresh=True).runs == ()
    assert read_earlier(tmp_path / "absent.json", MACHINE, "default", 1).runs == ()


def test_another_machine_is_refused_in_words(tmp_path):
    path = kept(tmp_path, make_run(model=MODEL))
    with pytest.raises(UsageError, match=r"another processor, cores than there is now.*--fresh"):
        read_earlier(path, {**MACHINE, "processor": "Other", "cores": 64}, "default", 1)


def tiny_source(calls):
    torch = pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.sources import Source
    from edgelpr.models.hpa import create
    from edgelpr.plates.loading import load_plate_format

    torch.manual_seed(0)
    network = create("hpa-nano", load_plate_format("aolp")).eval()
    return Source("hpa-resnet18", "stand-in", lambda: calls.append(1) or network)


def start(tmp_path, source, earlier=NOTHING, backends=("torch",), precisions=("fp32",)):
    from edgelpr.benchmarks.bench.duration import span_of
    from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.subject import Wanted

    surroundings = Surroundings(clock=SteppingClock(50 * MILLISECOND), root=tmp_path)
    wanted = Wanted(backends, precisions, 1, "cpu", earlier)
    told: list[str] = []
    span = replace(span_of("quick"), passes=3, seconds=0.02, least=1)
    measurement = Measurement(span, surroundings)
    return run_papers([source], wanted, measurement, told.append, lambda threads: PEAKS), told


def test_a_second_start_measures_what_is_missing(tmp_path):
    first, _ = start(tmp_path, tiny_source([]))
    cut = replace(first.result, runs=first.result.runs[:2])
    path = tmp_path / "paper.json"
    write_bench_result(path, cut)
    earlier = read_earlier(path, first.result.machine, "quick", 1)
    second, told = start(tmp_path, tiny_source([]), earlier)
    assert second.result.runs[:2] == cut.runs and len(second.result.runs) == 3
    assert (
        any(line.startswith("Going on: 2 runs are there already") for line in told)
        and "2 runs are of an earlier start" in second.result.notes[0]
    )
    write_bench_result(path, second.result)
    third, told = start(tmp_path, tiny_source([]), read_earlier(path, first.result.machine, "quick", 1))
    assert third.result.runs == second.result.runs and not any("timing" in line for line in told)
    assert set(third.eager) == set(first.eager)  # a projection needs them too


@pytest.mark.slow
def test_a_graph_whose_runs_are_there_is_not_exported_again(tmp_path):
    first, _ = start(tmp_path, tiny_source([]), backends=("onnxruntime",))
    earlier = Earlier(first.result.runs, 1, first.result.when)
    second, told = start(tmp_path, tiny_source([]), earlier, backends=("onnxruntime",))
    assert second.result.runs == first.result.runs and not any("exporting" in line for line in told)
    assert [each.name for each in second.graphs] == [each.name for each in first.graphs]


def test_what_was_not_reached_yet_is_not_lost(tmp_path):
    other = make_run(model=make_model("iq-stan-cn, exported", "iq-stan", frames=5))
    done, _ = start(tmp_path, tiny_source([]), Earlier((other,), 1, "2030"))
    assert done.result.runs[0] == other and len(done.result.runs) == 4


def test_a_row_says_whether_it_was_disturbed():
    result = make_result(make_run(disturbances=("a storm",)), make_run(scope="end to end"))
    rows = {row.architecture: row.disturbed for row in paper_rows([result])}
    assert rows["hpa-resnet18"] == "1 of 2 runs" and rows["hpa-resnet34"] is None
    assert paper_rows([make_result()])[0].disturbed == "no"
