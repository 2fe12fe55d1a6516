"""The peak of the processor, measured at every start of ``edgelpr bench paper``: the most that was ever reached is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_bench import MILLISECOND, SPAN, SteppingClock
from sample_results import MACHINE, PEAKS, make_result, make_run

pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")

from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.result import Peaks
from edgelpr.benchmarks.paper_table import peaks as peaks_module
from edgelpr.benchmarks.paper_table.earlier import read_earlier
from edgelpr.benchmarks.paper_table.peaks import highest_peaks
from edgelpr.benchmarks.paper_table.peaks_table import peaks_origin, peaks_table
from edgelpr.benchmarks.paper_table.running import run_papers
from edgelpr.benchmarks.paper_table.subject import Wanted
from edgelpr.benchmarks.rates import MeasuredRates
from edgelpr.benchmarks.roofline import Rates

LOWER = replace(PEAKS, flops=90e9, int8_operations=300e9, bytes_per_second=15e9)
ON_GPU = Peaks("A GPU", 1e12, None, 1e11, "made up")


def start(tmp_path, earlier, measured):
    measurement = Measurement(SPAN, Surroundings(SteppingClock(50 * MILLISECOND), tmp_path))
    return run_papers([], Wanted(earlier=earlier), measurement, lambda line: None, measured).result


def kept(tmp_path, peaks=PEAKS):
    write_bench_result(tmp_path / "paper.json", make_result(make_run(), peaks=(peaks, ON_GPU)))
    return tmp_path / "paper.json"


def test_what_the_earlier_start_reached_stays_and_is_noted():
    peaks, notes = highest_peaks(LOWER, (ON_GPU, PEAKS), "2030")
    assert peaks == PEAKS
    assert len(notes) == 1 and "peak of CPU in fp32, int8, memory is of an earlier start, as the result of 2030" in notes[0]


def test_what_this_start_reached_is_kept_without_a_word():
    assert highest_peaks(PEAKS, (LOWER,), "2030") == (PEAKS, [])
    assert highest_peaks(PEAKS, (PEAKS,), "2030") == (PEAKS, [])
    assert highest_peaks(PEAKS, (), "") == (PEAKS, [])


def test_each_rate_is_the_higher_one():
    peaks, notes = highest_peaks(replace(LOWER, bytes_per_second=30e9), (PEAKS,), "2030")
    assert peaks == replace(PEAKS, bytes_per_second=30e9)
    assert "in fp32, int8 is of" in notes[0]


@pytest.mark.parametrize(("now", "before"), [(None, 300e9), (300e9, None), (300e9, 200e9)])
def test_an_int8_rate_that_one_start_did_not_measure(now, before):
    peaks, notes = highest_peaks(replace(PEAKS, int8_operations=now), (replace(PEAKS, int8_operations=before),), "2030")
    assert peaks.int8_operations == 300e9 and bool(notes) == (now is None)


@pytest.mark.parametrize("other", [{"source": "made up, 2 threads"}, {"device": "A GPU"}])
def test_other_threads_and_other_devices_do_not_mix(other):
    assert highest_peaks(LOWER, (replace(PEAKS, **other),), "2030") == (LOWER, [])


def test_a_run_that_goes_on_keeps_the_higher_peaks(tmp_path):
    earlier = read_earlier(kept(tmp_path), MACHINE, "default", 1)
    result = start(tmp_path, earlier, lambda threads: LOWER)
    assert result.peaks == (PEAKS,)
    assert "fp32, int8, memory is of an earlier start, as the result of 2030-01-01" in result.notes[-1]
    assert start(tmp_path, read_earlier(kept(tmp_path, LOWER), MACHINE, "default", 1), lambda threads: PEAKS).peaks == (PEAKS,)


def test_fresh_drops_them(tmp_path):
    result = start(tmp_path, read_earlier(kept(tmp_path), MACHINE, "default", 1, fresh=True), lambda threads: LOWER)
    assert result.peaks == (LOWER,) and result.notes == ()


def test_ctrl_c_while_they_are_measured_loses_none(tmp_path):
    def stop(threads):
        raise KeyboardInterrupt

    result = start(tmp_path, read_earlier(kept(tmp_path), MACHINE, "default", 1), stop)
    assert result.interrupted and result.peaks == (PEAKS,) and len(result.runs) == 1


def test_they_are_measured_with_the_threads_of_this_start(tmp_path):
    asked: list[int] = []
    measurement = Measurement(SPAN, Surroundings(SteppingClock(50 * MILLISECOND), tmp_path))
    run_papers([], Wanted(threads=3), measurement, lambda line: None, lambda threads: asked.append(threads) or PEAKS)
    assert asked == [3]


def dated(peaks, date):
    return replace(peaks, measured=dict.fromkeys(("fp32", "int8", "memory"), date))


def test_each_peak_keeps_the_date_of_the_start_that_reached_it():
    now, before = dated(replace(LOWER, bytes_per_second=30e9), "2031"), dated(PEAKS, "2030")
    peaks, _ = highest_peaks(now, (before,), "2030")
    assert peaks.measured == {"fp32": "2030", "int8": "2030", "memory": "2031"}
    assert highest_peaks(dated(LOWER, "2031"), (PEAKS,), "2030")[0].measured is None  # an older result does not say


def test_peaks_of_a_result_that_called_itself_the_same_run_are_the_same_device_and_way():
    old = replace(PEAKS, source="measured in the same run, 2 threads: products")
    peaks, _ = highest_peaks(replace(LOWER, source="measured, 2 threads: products"), (old,), "2030")
    assert peaks.flops == PEAKS.flops and "same run" not in peaks.source


def test_the_same_run_is_only_spoken_of_where_it_is_true():
    assert "same run" not in peaks_origin(replace(PEAKS, source="measured in the same run, 2 threads: products"), "2030")
    assert peaks_origin(dated(PEAKS, "2031"), "2030") == "made up; 2031, in the same run"
    assert "2029, at the latest" in peaks_origin(dated(PEAKS, "2029"), "2030")
    mixed = replace(PEAKS, measured={"fp32": "2029", "int8": "2031", "memory": "2031"})
    assert "fp32 2029, int8 and memory 2031, at the latest" in peaks_origin(mixed, "2030")


def test_a_peak_that_is_measured_is_dated(monkeypatch):
    rates = MeasuredRates(Rates(1e9, 1e9, "made up"), None)
    monkeypatch.setattr(peaks_module, "measure_rates", lambda threads: rates)
    found = peaks_module.processor_peaks(1)
    assert set(found.measured) == {"fp32", "memory"} and min(found.measured.values()) > "2025"


def test_the_table_says_when_each_peak_was_measured():
    (row,) = peaks_table([make_result(peaks=(dated(PEAKS, "2031-05-01"),))]).rows
    assert row[:4] == ("CPU", "100.0", "400.0", "20.0") and "2031-05-01, in the same run" in row[4]
    assert peaks_table([make_result(peaks=())]) is None
