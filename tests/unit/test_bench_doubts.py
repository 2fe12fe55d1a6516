"""What a comparison guards beside the figures: copies, weights, engines, and the state of the machine."""

from __future__ import annotations

import pytest
from sample_bench import MACHINE, sample_result, sample_run

from edgelpr.benchmarks.bench.comparing import compare_results
from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.bench.run import Model
from edgelpr.cli.main import run
from edgelpr.errors import DataError

GPU = {
    "clock_mhz": 1980,
    "memory_clock_mhz": 2600,
    "temperature": 50,
    "power_limit_watts": 700.0,
    "processes": [],
}
STATE = {"power_mode": "15W", "temperatures": {"cpu": 45.0}, "governors": ["schedutil"], "gpu_clock": None, "gpus": [GPU]}


def gpu_run(**changes):
    return sample_run(**{"backend": "tensorrt", "device": "Orin", "threads": None, "transfers": "included"} | changes)


def model(**changes):
    return Model("plates", "hpa-nano", "cn", **{"graph_sha256": "a" * 64} | changes)


def compare(first, second, *across):
    return compare_results(sample_result(first), sample_result(second), across, ("a.json", "b.json"))


def warnings_of(before, after, run=None):
    """Of two results of machines in these states."""
    results = [sample_result(run or gpu_run(), machine=MACHINE | {"before": {}, "after": each}) for each in (before, after)]
    return [line for line in compare_results(*results, names=("a.json", "b.json")).warnings if "copies" not in line]


def test_copies_left_out_in_one_are_refused_by_name_and_may_be_let_through():
    torch = gpu_run(backend="torch", transfers="excluded")
    with pytest.raises(DataError, match=r"transfers is excluded in one, included in the other.*--across transfers"):
        compare(torch, gpu_run())
    fields = [each.field for each in compare(torch, gpu_run(), "transfers").compared[0].differences]
    assert fields == ["transfers", "backend"]
    with pytest.raises(DataError, match="transfers is none in one, excluded in the other"):
        compare(sample_run(transfers="none"), torch)


def test_a_processor_has_nothing_to_copy_and_an_older_result_does_not_tell():
    assert [each.field for each in compare(sample_run(transfers="none"), gpu_run()).compared[0].differences] == ["backend"]
    found = compare(gpu_run(transfers=None), gpu_run())
    assert found.compared[0].differences == ()
    assert "a.json does not tell whether copies to and from the GPU are in its 'network only'" in found.warnings[0]
    assert compare(sample_run(), sample_run(transfers="none")).warnings == ()


def test_copies_that_are_included_are_said(tmp_path, capsys):
    for name in ("a.json", "b.json"):
        write_bench_result(tmp_path / name, sample_result(gpu_run()))
    assert run(["bench", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    assert f"'network only' includes copies to and from the GPU in {tmp_path / 'b.json'}" in capsys.readouterr().err
    whole = gpu_run(scope="end to end", transfers=None)
    assert compare(whole, whole).warnings == ()


def test_other_weights_are_refused_whatever_the_precision():
    one, other = (sample_run(model=model(weights_sha256=each * 64)) for each in "bc")
    with pytest.raises(DataError, match=r"weights is b{12} in one, c{12} in the other.*--across weights"):
        compare(one, other)
    with pytest.raises(DataError, match="weights is"):
        compare(one, sample_run(precision="int8", model=model(weights_sha256="c" * 64)))
    assert compare(one, sample_run(model=model())).compared  # not known of one


def test_an_engine_built_anew_is_named_and_warned_of_but_compared():
    one, other = (gpu_run(model=model(engine_sha256=each * 64)) for each in "bc")
    found = compare(one, other)
    assert [each.text for each in found.compared[0].differences] == ["engine is bbbbbbbbbbbb in one, cccccccccccc in the other"]
    assert "plates, fp32: the engine was built anew" in found.warnings[-1]
    assert not any("built" in line for line in compare(one, one).warnings)
    int8 = compare(one, gpu_run(precision="int8", model=model(engine_sha256="c" * 64)))
    assert [each.field for each in int8.compared[0].differences] == ["precision"]
    assert not any("built" in line for line in int8.warnings)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"gpus": [GPU | {"clock_mhz": 300}]}, "GPU clocks differ: GPU 0 1980 MHz in a.json, 300 MHz in b.json"),
        ({"gpus": [GPU | {"memory_clock_mhz": 400}]}, "memory of GPU 0 2600 MHz in a.json, 400 MHz in b.json"),
        ({"gpus": [GPU | {"temperature": 81}]}, "temperatures differ: GPU 0 50 °C in a.json, 81 °C in b.json"),
        ({"gpus": [GPU | {"power_limit_watts": 300.0}]}, "power limits differ: GPU 0 700 W in a.json, 300 W in b.json"),
        (
            {"gpus": [GPU | {"processes": ["process 7, 4096 MiB"]}]},
            "other processes were on a GPU in b.json: process 7, 4096 MiB",
        ),
        ({"temperatures": {"cpu": 70.0}}, "temperatures differ: cpu 45 °C in a.json, 70 °C in b.json"),
        ({"governors": ["powersave"]}, "clock governors differ: schedutil in a.json, powersave in b.json"),
    ],
)
def test_another_state_is_warned_of(changes, sentence):
    (found,) = warnings_of(STATE, STATE | changes)
    assert sentence in found
    assert warnings_of(STATE, STATE) == []


def test_a_power_mode_that_changed_is_warned_of():
    changed = sample_result(gpu_run(), machine=MACHINE | {"before": STATE, "after": STATE | {"power_mode": "MAXN"}})
    found = compare_results(changed, changed, names=("a.json", "b.json")).warnings
    assert "the power mode changed in b.json: 15W to MAXN" in found


def test_a_gpu_that_rests_before_measuring_has_no_other_clock():
    resting = STATE | {"gpus": [GPU | {"clock_mhz": 210}]}
    results = [sample_result(gpu_run(), machine=MACHINE | {"before": each, "after": STATE}) for each in (resting, STATE)]
    assert not any("clocks" in line for line in compare_results(*results).warnings)


def test_a_gpu_that_has_no_part_does_not_matter_and_an_older_state_is_no_fault():
    busy = STATE | {"gpus": [GPU | {"clock_mhz": 300, "processes": ["process 7, 4096 MiB"]}]}
    assert warnings_of(STATE, busy, sample_run()) == []
    assert warnings_of({}, {"gpus": None, "temperatures": [], "gpu_clock": {"current": None}}) == []


def test_readers_tell_whether_they_copy(monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is what one of them runs")
    from edgelpr.benchmarks.bench.each_frame import EachFrame
    from edgelpr.benchmarks.bench.torch_reader import TorchReader

    class Network(torch.nn.Module):
        def to(self, device):
            return self

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    on_gpu = TorchReader(Network(), "cuda:0")
    assert (on_gpu.transfers, TorchReader(Network()).transfers) == ("excluded", "none")
    assert EachFrame(on_gpu).transfers == "excluded"
