"""The README's figures are those of committed results, digit by digit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_results import make_result, make_run

from edgelpr.benchmarks.bench.files import read_bench_result, write_bench_result
from edgelpr.benchmarks.report.into import END, SHOWN, filled, marked, tables_of
from edgelpr.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"
ENGINE = "onnxruntime-1.31.1"
PAGES = ("README.md", "benchmarks/README.md")
START = "<!-- edgelpr bench report {} -->\n"


def load(name: str):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def section(title: str) -> list[str]:
    """Rows of the tables below a heading; none where the README has no such heading any more."""
    _, found, rest = README.partition(f"\n## {title}\n")
    return [line for line in rest.split("\n## ")[0].splitlines() if line.startswith("|")] if found else []


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def shown(milliseconds: float) -> str:
    return (
        f"{milliseconds:.0f}" if milliseconds >= 30 else f"{milliseconds:.1f}" if milliseconds >= 2 else f"{milliseconds:.2f}"
    )


@pytest.mark.parametrize("page", PAGES)
def test_marked_tables_are_what_the_command_writes(page) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert list(marked(text)) or page != "README.md", "README's own figures stand between marks"
    assert filled(text, (ROOT / page).parent) == text, f"run: edgelpr bench report --into {page}"


def test_the_latencies_are_those_of_the_first_run() -> None:
    latency = load(f"speed-fp32_{ENGINE}_AMD-EPYC_2-cores.json")["latency"]
    rows = {cells(line)[0]: cells(line)[1:] for line in section("Speed")}
    for name, key in (("decoded crop to text, end to end", "end_to_end"), ("network only, the bare session call", "session")):
        assert rows[name] == [f"{latency[key][each]:.2f} ms" for each in ("p50", "p90", "p99")]
    lprnet = f"{latency['lprnet']['p50']:.2f} ms: {latency['ratio_to_lprnet']:.2f} times as long"
    assert rows["a network of LPRNet's size, end to end, same run"][0] == lprnet


@pytest.mark.parametrize("network", ["hpa-resnet18", "hpa-resnet101", "hpa-nano"])
def test_the_gains_are_those_of_both_runs(network) -> None:
    runs = [load(f"speed-fp32_{ENGINE}_AMD-EPYC_2-cores{suffix}.json")["gains"] for suffix in ("", "_second-run")]
    expected = [f"`{network}`"]
    for batch in (1, 16):
        first, second = (
            next(gain for gain in gains if (gain["architecture"], gain["batch"]) == (network, batch)) for gains in runs
        )
        expected.append(f"{shown(first['plain']['p50'])} to {shown(first['rewritten']['p50'])} ms")
        expected.append(f"{first['ratio']:.2f}, {second['ratio']:.2f}")
    assert expected in [cells(line) for line in section("Speed")]


@pytest.mark.parametrize("path", sorted(RESULTS.glob("int8_*.json")), ids=lambda path: path.name.split("_")[1])
def test_the_times_of_int8_are_those_of_their_results(path) -> None:
    result = load(path.name)
    speed = {name: result["speed"][name] for name in ("plain fp32", "fp32", "int8")}
    plain, rewritten, int8 = (speed[name]["p50"] for name in speed)
    expected = [f"`{result['weights']}`", str(result["threads"]), f"{plain:.2f}", f"{rewritten:.2f}"]
    expected += [f"{int8:.2f} (p90 {speed['int8']['p90']:.2f})", f"{plain / int8:.2f}"]
    assert expected in [cells(line)[:6] for line in section("INT8 and fp16, behind a gate")]


def test_the_command_fills_a_page_and_then_leaves_it_alone(tmp_path, capsys) -> None:
    write_bench_result(tmp_path / "a.json", make_result(make_run(milliseconds=2.0)))
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{START.format('a.json')}old\n{END}\n\nafter\n", encoding="utf-8")
    assert run(["bench", "report", "--into", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith(f"{END}\n\nafter\n") and "old" not in text
    assert tables_of([("a.json", read_bench_result(tmp_path / "a.json"))]) in text and "2.000" in text
    assert filled(text, tmp_path) == text
    write_bench_result(tmp_path / "a.json", make_result(make_run(milliseconds=3.0)))
    assert filled(text, tmp_path) != text  # a result that changed is noticed
    assert "1 marked part" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no mark at all\n", "has no mark"),
        (START.format("a.json"), "has no end"),
        (START.format("a.json") + START.format("b.json") + END, "has no end"),
        (START.format("absent.json") + END, "absent.json"),
        (START.format("a.json:Offline") + END, "is not understood; expected '<!-- edgelpr bench report RESULT.json -->'"),
        (START.format("a.json: Speed") + END, "names 'Speed'; expected, after a colon, Beside the papers"),
    ],
)
def test_a_page_without_whole_marks_stays_as_it_is(tmp_path, capsys, text, message) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert run(["bench", "report", "--into", str(page)]) in (1, 2)
    assert message in capsys.readouterr().err and page.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("arguments", [[], ["a.json"], ["a.json", "--into", "p.md"], ["-o", "r.md", "--into", "p.md"]])
def test_a_report_goes_to_one_place(capsys, arguments) -> None:
    assert run(["bench", "report", *arguments]) == 2
    assert "or only a page with marks" in capsys.readouterr().err


def test_marks_name_their_results() -> None:
    (mark,) = marked(f"{START.format('a.json b.json')}x{END}")
    assert mark.results == ("a.json", "b.json") and mark.sections == SHOWN and mark.end - mark.start == 1
    (mark,) = marked(f"{START.format('a.json: Offline, Single stream')}x{END}")
    assert mark.results == ("a.json",) and mark.sections == ("Offline", "Single stream")


def test_only_the_sections_that_are_named(tmp_path) -> None:
    write_bench_result(tmp_path / "a.json", make_result(make_run(milliseconds=2.0), make_run("offline", batch=16)))
    text = filled(f"{START.format('a.json: Offline')}{END}", tmp_path)
    assert "Throughput" in text and "Latency of one plate" not in text and "As published" not in text
