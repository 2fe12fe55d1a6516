"""The papers' table: published figures beside ours, empty cells where nothing was measured, projections under their name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sample_bench import MILLISECOND, SteppingClock
from sample_results import ACCURACY, PEAKS, make_model, make_result, make_run

from edgelpr.benchmarks.boards import find_board
from edgelpr.benchmarks.paper import HPA
from edgelpr.benchmarks.paper_table.document import paper_section
from edgelpr.benchmarks.paper_table.projecting import project, projection_section
from edgelpr.benchmarks.paper_table.published import CARD, PUBLISHED
from edgelpr.benchmarks.paper_table.table import bound_ms, paper_rows
from edgelpr.benchmarks.report.document import EMPTY, Table, Text
from edgelpr.benchmarks.roofline import Layer, Measured, Rates, Work
from edgelpr.cli.main import run
from edgelpr.errors import ExportError

EAGER = make_model("hpa-resnet18 (random weights), as published")
TORCH = {"backend": "torch", "runtime": "torch 9.9, eager"}


def rows_of(*runs):
    return {row.architecture: row for row in paper_rows([make_result(*runs)])}


def test_the_published_figures_are_the_papers() -> None:
    assert [each.frames_per_second for each in PUBLISHED.values()] == [191, 158, 106, 57, 31.85]
    for name, each in PUBLISHED.items():
        if name.startswith("hpa"):
            assert each.frames_per_second == HPA[name, "shared"].frames_per_second and each.machine is not None
    track = PUBLISHED["iq-stan"]
    assert track.machine is None and track.protocol is None  # the paper names neither
    assert pytest.approx(track.frames_per_second, abs=0.01) == 5 / 0.157


def test_what_was_not_measured_is_empty() -> None:
    rows = paper_rows([make_result(make_run(model=make_model("mine", "hpa-nano")))])
    assert [row.architecture for row in rows] == list(PUBLISHED)
    assert all(row.model is None and row.ratio is None and row.bound_ms is None for row in rows)
    table = paper_section(rows).parts[1]
    assert isinstance(table, Table) and set(table.rows[0][2:]) == {EMPTY}


def test_each_protocol_has_its_own_figure() -> None:
    row = rows_of(
        make_run("paper", model=EAGER, milliseconds=1.0, **TORCH),
        make_run("paper-synchronised", model=EAGER, milliseconds=4.0, **TORCH),
        make_run(model=EAGER, milliseconds=5.0, **TORCH),
    )["hpa-resnet18"]
    assert row.paper_fps == pytest.approx(1000) and row.synchronised_fps == pytest.approx(250)
    assert row.ratio == pytest.approx(1000 / 191) and row.honest_ratio == pytest.approx(200 / 191)
    assert row.p50_ms == pytest.approx(5.0) and row.end_to_end_p90_ms is None


def test_a_track_of_five_frames_counts_as_five() -> None:
    row = rows_of(make_run(model=make_model("iq-stan", "iq-stan"), milliseconds=100.0))["iq-stan"]
    assert row.honest_ratio == pytest.approx(50 / 31.85)


def test_work_share_and_bound_come_from_the_peaks() -> None:
    row = rows_of(make_run(milliseconds=8.0), make_run(scope="end to end"))["hpa-resnet18"]
    assert row.gflop == pytest.approx(0.2) and row.peak_share == pytest.approx(0.25) and row.bound_ms == pytest.approx(2.0)
    int8 = rows_of(make_run(precision="int8", milliseconds=8.0))["hpa-resnet18"]
    assert int8.peak_share == pytest.approx(0.0625) and int8.bound_ms == pytest.approx(0.5)
    fp16 = rows_of(make_run(precision="fp16"))["hpa-resnet18"]
    assert fp16.peak_share is None and fp16.bound_ms is None  # no peak of it was measured
    assert bound_ms(make_model(), "fp32", None) is None and bound_ms(make_model(multiply_adds=None), "fp32", PEAKS) is None


def test_a_bound_by_memory_counts_fewer_bytes_for_fewer_bits() -> None:
    heavy = make_model(multiply_adds=1, compulsory_bytes=80_000_000)
    assert bound_ms(heavy, "fp32", PEAKS) == pytest.approx(4.0) and bound_ms(heavy, "int8", PEAKS) == pytest.approx(1.0)


def test_accuracy_is_of_the_very_model() -> None:
    rows = paper_rows([make_result(make_run(accuracy=ACCURACY), make_run(precision="int8"))])
    first, second = [row for row in rows if row.architecture == "hpa-resnet18"]
    assert (first.accuracy, first.accuracy_of) == (0.99, "198 of 200") and second.accuracy is None


def test_a_processors_figures_come_with_the_words_for_them() -> None:
    def words(device):
        found = paper_section(paper_rows([make_result(make_run(device=device))]))
        return " ".join(part.text for part in found.parts if isinstance(part, Text))

    assert "on a processor, not on a GPU" in words("CPU") and "on a processor, not on a GPU" not in words("NVIDIA X")
    assert "never waits" in words("NVIDIA X") and "4 %" in words("NVIDIA X")


def test_batches_have_no_place_in_the_table() -> None:
    assert rows_of(make_run("offline", batch=16))["hpa-resnet18"].model is None


HERE = Rates(200e9, 20e9, "measured")


def measured(count: int) -> list[Measured]:
    found = []
    for number in range(1, count + 1):
        work = Work(tuple(Layer("conv", 20_000_000 * number, 400_000) for _ in range(10 + number % 3)), 1_000_000)
        found.append(Measured(f"net {number}", work, 1.3 * sum(layer.operations for layer in work.layers) / HERE.flops + 1e-4))
    return found


def test_a_projection_is_called_one_and_says_what_is_not_known() -> None:
    eager = dict(zip(("hpa-resnet18", "hpa-resnet34", "iq-stan"), measured(3)))
    found = project(find_board("orin-nano"), measured(5), eager, HERE, "some machine", find_board(CARD))
    assert found is not None and len(found.rows) == 5 and all(row.projected_ms >= row.bound_ms > 0 for row in found.rows)
    assert [name for name, _, _ in found.tried] == ["HPA, ResNet-18", "HPA, ResNet-34"]  # IQ-STAN's machine is not stated
    plain = found.to_dict()
    assert plain["label"] == "projected" and plain["validated_on_boards"] is False and plain["rows"][0]["label"] == "projected"
    section = projection_section(found)
    text = " ".join(part.text for part in section.parts if isinstance(part, Text))
    assert section.title.startswith("Projected to Jetson Orin Nano") and "Unvalidated for boards" in text
    assert f"{found.fit.largest_error:.0%}" in section.title and "advertised 40 sparse TOPS are not used" in text
    tried = section.parts[-1]
    assert isinstance(tried, Table) and tried.rows[0][2] == "191.0"


def test_too_little_to_project_from() -> None:
    card = find_board(CARD)
    assert project(card, measured(1), {}, HERE, "m", card) is None
    few = project(card, measured(3), {}, HERE, "m", card)
    assert few is not None and few.tried == () and EMPTY in projection_section(few).title


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--board", "nano"], "board 'nano' is unknown"),
        (["--network", "alexnet"], "network 'alexnet' is in neither paper"),
        (["--quick", "--seconds", "3"], "exclude each other"),
    ],
)
def test_a_mistake_is_told_before_anything_is_timed(capsys, arguments, message) -> None:
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    assert run(["bench", "paper", *arguments]) == 2
    assert message in capsys.readouterr().err


def tiny_source(architecture: str, card=()):
    torch = pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.sources import Source
    from edgelpr.models.hpa import create
    from edgelpr.plates.loading import load_plate_format

    torch.manual_seed(0)
    network = create("hpa-nano", load_plate_format("aolp")).eval()
    return Source(architecture, "stand-in", lambda: network, card=card)


def measurement_of(tmp_path):
    from edgelpr.benchmarks.bench.duration import span_of
    from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings

    return Measurement(span_of("custom", 0.02), Surroundings(clock=SteppingClock(50 * MILLISECOND), root=tmp_path))


def test_eager_networks_are_timed_by_every_protocol(tmp_path) -> None:
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.subject import Wanted

    told: list[str] = []
    wanted = Wanted(backends=("torch",))
    done = run_papers([tiny_source("hpa-resnet18")], wanted, measurement_of(tmp_path), told.append, lambda threads: PEAKS)
    assert [each.scenario for each in done.result.runs] == ["paper", "paper-synchronised", "single-stream"]
    assert {each.scope for each in done.result.runs} == {"network only"} and not done.result.failures
    assert done.result.peaks == (PEAKS,) and set(done.eager) == {"hpa-resnet18"} and not done.graphs
    (row,) = [row for row in paper_rows([done.result]) if row.model is not None]
    assert row.model == "stand-in, as published" and row.ratio is not None and row.bound_ms is not None


def test_iq_stan_is_timed_with_five_frames(tmp_path) -> None:
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.sources import choose_sources
    from edgelpr.benchmarks.paper_table.subject import EAGER, Wanted
    from edgelpr.benchmarks.paper_table.subjects import subjects_of

    (source,) = choose_sources(["iq-stan"], [])
    (subject,) = subjects_of(source, Wanted(backends=("torch",)), tmp_path, lambda line: None)
    assert subject.scenarios == EAGER and subject.model.name == "iq-stan (random weights), as published"
    assert 0.6e9 < subject.model.multiply_adds < 0.9e9 and subject.model.frames == 5
    reader = subject.open()
    track = np.random.default_rng(0).integers(0, 256, (5, 40, 120), dtype=np.uint8)
    frames = reader.prepare(reader.network_input([track]))
    assert frames.shape == (1, 5, 50, 150) and not frames[0, 0].equal(frames[0, 4])
    assert reader.run_network(frames).shape[:2] == (1, 6)


def test_ctrl_c_keeps_what_was_measured(tmp_path) -> None:
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.subject import Wanted

    def say(line: str) -> None:
        if line.startswith("second"):
            raise KeyboardInterrupt

    sources = [tiny_source("hpa-resnet18"), tiny_source("hpa-resnet34")]
    object.__setattr__(sources[1], "title", "second")
    done = run_papers(sources, Wanted(backends=("torch",)), measurement_of(tmp_path), say, lambda threads: PEAKS)
    assert done.result.interrupted and len(done.result.runs) == 3


def test_an_engine_that_fails_leaves_what_was_measured_before(tmp_path) -> None:
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.subject import Wanted

    def broken():
        raise ExportError("the graph cannot be exported")

    sources = [tiny_source("hpa-resnet18"), tiny_source("hpa-resnet34")]
    object.__setattr__(sources[1], "make", broken)
    kept, wanted = [], Wanted(backends=("torch",))
    with pytest.raises(ExportError):
        run_papers(sources, wanted, measurement_of(tmp_path), lambda line: None, lambda threads: PEAKS, kept.append)
    assert [len(each.runs) for each in kept] == [3, 3, 3] and "cannot be exported" in kept[-1].notes[-1]


@pytest.mark.slow
def test_exported_graphs_are_timed_plain_rewritten_and_in_fewer_bits(tmp_path) -> None:
    pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.subject import Wanted

    card = [{"backend": "onnxruntime", "precision": "fp32", "plates": 200, "correct": 198, "data_sha256": "d" * 64}]
    wanted = Wanted(backends=("onnxruntime",))
    measurement = measurement_of(tmp_path)
    done = run_papers([tiny_source("hpa-resnet18", card)], wanted, measurement, lambda line: None, lambda threads: PEAKS)
    single = [each for each in done.result.runs if each.scope == "network only"]
    assert [(each.model.name.split(", ")[1], each.precision) for each in single] == [
        ("plain export", "fp32"),
        ("rewritten", "fp32"),
        ("rewritten", "fp16"),
        ("rewritten", "int8"),
    ]
    assert [each.accuracy is not None for each in single] == [False, True, False, False]
    plain, rewritten = (each.model.multiply_adds for each in single[:2])
    assert plain > rewritten and [each.name for each in done.graphs] == ["stand-in, plain export", "stand-in, rewritten"]
    json.dumps(done.result.to_dict(), allow_nan=False)


def test_a_card_gives_the_accuracy_of_one_engine_and_precision() -> None:
    entry = {"backend": "onnxruntime", "precision": "fp32", "plates": 40, "correct": 37, "data_sha256": "e" * 64}
    source = tiny_source("hpa-resnet18", [entry, {**entry, "plates": 195, "correct": 194}, {"backend": "onnxruntime"}])
    found = source.accuracy("onnxruntime", "fp32")
    assert (found.correct, found.plates) == (194, 195)
    assert source.accuracy("torch", "fp32") is None and source.accuracy("onnxruntime", "int8") is None
