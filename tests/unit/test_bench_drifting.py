"""A text in less time than the network alone takes: said wherever such figures are shown."""

from __future__ import annotations

import pytest
from sample_bench import MILLISECOND, SPAN, SteppingClock
from sample_results import PEAKS, make_model, make_result, make_run

from edgelpr.benchmarks.bench.drifting import drifts
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.paper_table.document import paper_section
from edgelpr.benchmarks.paper_table.table import paper_rows
from edgelpr.benchmarks.report.composing import compose
from edgelpr.benchmarks.report.document import Table, Text
from edgelpr.benchmarks.report.markdown import render_markdown

NETWORK, WHOLE = make_run(milliseconds=7.08), make_run(scope="end to end", milliseconds=6.67)


def test_a_median_and_a_p90_below_the_networks_are_found():
    assert [(drift.figure, round(drift.end_to_end_ms, 2)) for drift in drifts([WHOLE, NETWORK])] == [
        ("p50", 6.67),
        ("p90", 7.2),
    ]
    assert drifts([NETWORK, make_run(scope="end to end", milliseconds=7.1)]) == []
    few = [make_run(milliseconds=7.08, count=20), make_run(scope="end to end", milliseconds=6.67, count=20)]
    assert [drift.figure for drift in drifts(few)] == ["p50"]  # there is no p90 of 20 samples


@pytest.mark.parametrize("other", [{"precision": "int8"}, {"backend": "torch"}, {"threads": 2}, {"model": make_model("other")}])
def test_only_one_model_in_one_way_is_held_against_itself(other):
    assert drifts([NETWORK, make_run(scope="end to end", milliseconds=1.0, **other)]) == []


def test_the_papers_table_marks_the_cells_and_says_why():
    section = paper_section(paper_rows([make_result(NETWORK, WHOLE)]))
    table = next(part for part in section.parts if isinstance(part, Table) and "variation" in part.header)
    row = dict(zip(table.header, table.rows[0]))
    assert row["end to end p50 ms"] == "6.67 (below network only)" and row["end to end p90 ms"].endswith("(below network only)")
    warnings = [part.text for part in section.parts if isinstance(part, Text) and part.warning]
    assert len(warnings) == 1 and "varied by more than they differ" in warnings[0]
    sound = paper_section(paper_rows([make_result(NETWORK)]))
    assert not [part for part in sound.parts if isinstance(part, Text) and part.warning]


def test_five_frames_are_marked_alike():
    track = make_model("iq-stan-cn, exported", "iq-stan", frames=5)
    runs = (make_run(model=track, milliseconds=7.0), make_run(scope="end to end", model=track, milliseconds=6.0))
    section = paper_section(paper_rows([make_result(*runs)]), [make_result(*runs)])
    table = next(part for part in section.parts if isinstance(part, Table) and "reader" in part.header)
    row = dict(zip(table.header, table.rows[0]))
    assert row["end to end p50 ms"] == "6.00 (below network only)" and row["plate format"] == "cn"


def test_a_report_warns_of_them():
    text = render_markdown(compose([("a.json", make_result(NETWORK, WHOLE))]))
    assert "end to end has a p50 of 6.67 ms, network only one of 7.08 ms" in text and "one after the other" in text
    assert "one after the other" not in render_markdown(compose([("a.json", make_result(NETWORK))]))


def test_variation_and_plate_format_stand_in_the_papers_table():
    section = paper_section(paper_rows([make_result(NETWORK)]))
    table = next(part for part in section.parts if isinstance(part, Table) and "variation" in part.header)
    row = dict(zip(table.header, table.rows[0]))
    assert row["variation"] == f"{NETWORK.summary.variation:.1%}" and row["plate format"] == "cn"


def test_a_result_has_a_note_of_them_once_whichever_starts_they_are_of(tmp_path):
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.earlier import Earlier
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.subject import Wanted

    measurement = Measurement(SPAN, Surroundings(SteppingClock(50 * MILLISECOND), tmp_path))
    measurement.runs += [NETWORK, WHOLE]
    assert sum("one after the other" in note for note in measurement.result().notes) == 2
    earlier = Earlier((NETWORK,), 1, "2030")
    measurement.runs[:] = [WHOLE]
    done = run_papers([], Wanted(earlier=earlier), measurement, lambda line: None, lambda threads: PEAKS)
    assert sum("one after the other" in note for note in done.result.notes) == 2
