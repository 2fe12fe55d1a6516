"""Reports: everything a result says, nothing fetched, nothing run, whatever the names in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sample_results import ACCURACY, MACHINE, PEAKS, make_model, make_result, make_run

from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.bench.result import BenchResult, Failure, Layer, Profile
from edgelpr.benchmarks.report.charts import distribution_chart
from edgelpr.benchmarks.report.composing import compose
from edgelpr.benchmarks.report.document import EMPTY, Table
from edgelpr.benchmarks.report.html import render_html
from edgelpr.benchmarks.report.markdown import render_markdown
from edgelpr.benchmarks.report.writing import write_report
from edgelpr.cli.main import run
from edgelpr.errors import DataError, UsageError

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>' onload=x javascript:alert(3) | **b** [l](http://evil.example)"
VOID = {"meta", "link", "br", "img", "hr", "input", "rect", "circle", "line", "path", "polyline"}


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text; complains of elements that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def everything() -> BenchResult:
    """A result that fills every section."""
    offline = [make_run("offline", batch=batch, plates=64, milliseconds=50 / batch + 20, count=9) for batch in (1, 4, 16)]
    profile = Profile("onnxruntime", "fp32", 1, tuple(Layer(f"conv {n}", "Conv", 10.0 * n) for n in range(1, 60)))
    return make_result(
        make_run(accuracy=ACCURACY),
        make_run(scope="end to end", milliseconds=3.0, warnings=("samples vary",), disturbances=("others ran",)),
        make_run(precision="int8", milliseconds=1.0, accuracy=ACCURACY),
        make_run("paper", backend="torch", milliseconds=9.0),
        make_run("cold-start", "end to end", count=3, milliseconds=900, parts_ms={"importing": 300.0}),
        *offline,
        failures=(Failure("offline", "end to end", 64, 3, "out of memory"),),
        profiles=(profile,),
        notes=("the power mode changed",),
    )


def test_every_section_is_there_when_it_has_figures() -> None:
    titles = [each.title for each in compose([("a.json", everything())]).sections]
    assert titles == [
        "What was measured",
        "Beside the papers",
        "Single stream",
        "Offline",
        "Papers' protocols and cold starts",
        "Accuracy and speed",
        "Layers",
        "Roofline, fp32, network only",
        "Warnings",
        "Environment",
    ]


def test_sections_without_figures_are_left_out() -> None:
    alone = make_result(make_run(model=make_model("mine", "hpa-nano", multiply_adds=None)), peaks=())
    titles = [each.title for each in compose([("a.json", alone)]).sections]
    assert titles == ["What was measured", "Single stream", "Environment"]
    nothing = compose([("a.json", replace(alone, runs=()))])
    assert "nothing was measured" in nothing.title and render_html(nothing)


def test_the_page_is_whole_and_fetches_nothing() -> None:
    text = render_html(compose([("a.json", everything())]))
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert {"table", "svg", "figure", "nav", "title"} <= tags
    assert not tags & {"script", "iframe", "object", "embed", "link", "img", "base", "form", "audio", "video", "source"}
    names = [name for _, attributes in page.elements for name in attributes]
    assert not [name for name in names if name.startswith("on") or name in ("src", "srcset", "style", "xlink:href")]
    assert {attributes["href"] for tag, attributes in page.elements if "href" in attributes} == {f"#s{n}" for n in range(1, 11)}
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert any(attributes.get("http-equiv") == "Content-Security-Policy" for _, attributes in page.elements)
    assert any(attributes.get("name") == "viewport" for _, attributes in page.elements) and "@media print" in text


def test_every_drawing_is_well_formed_and_says_what_it_is() -> None:
    drawings = re.findall(r"<svg.*?</svg>", render_html(compose([("a.json", everything())])), re.DOTALL)
    assert len(drawings) >= 7
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.find("title") is not None and "nan" not in drawing and "inf" not in drawing
        assert root.attrib["viewBox"].startswith("0 0 ")


def test_all_links_of_the_contents_lead_somewhere() -> None:
    page = Page(render_html(compose([("a.json", everything())])))
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {attributes["href"] for tag, attributes in page.elements if tag == "a"} == {f"#{target}" for target in targets}


def evil_result() -> BenchResult:
    """A result whose every free text is an attack."""
    layer = Profile(EVIL, EVIL, 1, (Layer(EVIL, EVIL, 5.0),))
    odd = make_run(
        model=make_model(EVIL, EVIL),
        backend=EVIL,
        runtime=EVIL,
        device=EVIL,
        precision=EVIL,
        warnings=(EVIL,),
        disturbances=(EVIL,),
        accuracy=replace(ACCURACY, data_sha256=EVIL),
    )
    known = make_run(model=make_model(EVIL), accuracy=ACCURACY)
    return make_result(
        odd,
        known,
        machine={EVIL: EVIL, "processor": EVIL, "nested": [{EVIL: [EVIL]}]},
        notes=(EVIL,),
        profiles=(layer,),
        failures=(Failure("offline", "end to end", 1, 0, EVIL),),
        edgelpr_version=EVIL,
        when=EVIL,
    )


def test_names_from_a_file_are_text_and_nothing_else() -> None:
    text = render_html(compose([(EVIL, evil_result())], title=EVIL))
    page = Page(text)
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") > 20
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert not list(ElementTree.fromstring(drawing).iter("script"))


def test_names_from_a_file_are_no_markdown() -> None:
    text = render_markdown(compose([(EVIL, evil_result())], title=EVIL))
    assert "<script" not in text.replace("\\<", "") and "<img" not in text.replace("\\<", "")
    assert "[l](" not in text and "**b**" not in text


@pytest.mark.parametrize("name", ["a|b", "a\nb", "`x`", "<b>", "a\\|b"])
def test_a_cell_of_markdown_stays_one_cell(name) -> None:
    document = compose([("a.json", make_result(make_run(model=make_model(name, None))))])
    lines = [line for line in render_markdown(document).splitlines() if line.startswith("| ")]
    for line in lines:
        assert line.endswith(" |")
        bars = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        assert bars in {len(part.header) + 1 for each in document.sections for part in each.parts if isinstance(part, Table)}


def test_figures_that_samples_do_not_support_are_empty() -> None:
    document = compose([("a.json", make_result(make_run(count=20)))])
    (single,) = [each for each in document.sections if each.title == "Single stream"]
    table = single.parts[0]
    assert isinstance(table, Table) and table.rows[0][1:4] == ("2.000", EMPTY, EMPTY)


def test_different_models_and_machines_are_said() -> None:
    other = make_result(make_run(model=make_model("another")), machine={**MACHINE, "processor": "Another CPU"})
    text = render_markdown(compose([("a.json", make_result()), ("b.json", other)]))
    assert "The results are of different models" in text and "different machines" in text
    alone = render_markdown(compose([("a.json", make_result())]))
    assert "different" not in alone


def test_an_interrupted_and_a_quick_result_are_marked() -> None:
    text = render_html(compose([("a.json", make_result(make_run(duration="quick"), interrupted=True))]))
    assert "a.json: was interrupted" in text and "quick ones" in text and 'class="warning"' in text


def test_two_runs_of_one_name_keep_their_own_figures() -> None:
    document = compose([("a.json", make_result(make_run(), make_run(milliseconds=8.0)))])
    (single,) = [each for each in document.sections if each.title == "Single stream"]
    table = single.parts[0]
    assert isinstance(table, Table) and len({row[0] for row in table.rows}) == 2
    assert [row[1] for row in table.rows] == ["2.000", "8.000"]


def test_a_clock_that_hardly_went_on_breaks_no_chart() -> None:
    chart = distribution_chart({"stopped": [0.0, 0.0, 0.0]})
    assert chart is not None and "nan" not in chart.svg
    assert Page(render_html(compose([("a.json", make_result(make_run(milliseconds=2e-6)))]))).elements


def test_impossible_numbers_from_a_file_break_no_report() -> None:
    odd = make_model(multiply_adds=-5, compulsory_bytes=0)
    runs = [
        make_run(model=odd, accuracy=replace(ACCURACY, plates=0)),
        make_run(summary=replace(make_run().summary, p50_ms=-1.0)),
        *(make_run("offline", batch=batch) for batch in (-1, 0, 5, 6)),
    ]
    layers = (Layer("odd", "Conv", -3.0), Layer("", "", 1.0))
    result = make_result(*runs, profiles=(Profile("x", "fp32", 0, layers),))
    text = render_html(compose([("a.json", result)]))
    assert Page(text).elements and "nan" not in text
    with pytest.raises(DataError, match="above 0"):
        replace(PEAKS, flops=0.0)


def test_the_command_writes_both_kinds(tmp_path, capsys) -> None:
    source = tmp_path / "mine.json"
    write_bench_result(source, everything())
    for name, mark in (("r.html", "<!DOCTYPE html>"), ("r.md", "# edgelpr bench")):
        assert run(["bench", "report", str(source), "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(mark)
    assert "r.md" in capsys.readouterr().err


def test_a_report_says_what_it_cannot_read(tmp_path, capsys) -> None:
    good, out = tmp_path / "good.json", tmp_path / "r.html"
    write_bench_result(good, make_result())
    text = good.read_text(encoding="utf-8")
    broken = {
        "cut.json": (text[:200], "cut short"),
        "newer.json": (text.replace('"schema": 1', '"schema": 99'), "Upgrade edgelpr"),
        "other.json": (json.dumps({"benchmark": "int8"}), "no result of 'edgelpr bench'"),
        "empty.json": ("", "not valid JSON"),
    }
    for name, (content, message) in broken.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert run(["bench", "report", str(good), str(tmp_path / name), "-o", str(out)]) == 1
        said = capsys.readouterr().err
        assert message in said and name in said and "Traceback" not in said
    assert run(["bench", "report", str(tmp_path / "absent.json"), "-o", str(out)]) == 1
    assert not out.exists()


def test_a_report_never_replaces_a_result(tmp_path) -> None:
    source = tmp_path / "mine.html"
    write_bench_result(source, make_result())
    before = source.read_bytes()
    with pytest.raises(UsageError, match="is one of the results"):
        write_report(source, [source])
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["r.pdf", "r", "r.json"])
def test_a_report_has_a_known_suffix(tmp_path, name) -> None:
    with pytest.raises(UsageError, match=r"ends in \.html or \.md"):
        write_report(tmp_path / name, [tmp_path / "a.json"])


def test_a_result_is_named_once(tmp_path) -> None:
    with pytest.raises(UsageError, match="named twice"):
        write_report(tmp_path / "r.md", [tmp_path / "a.json", tmp_path / "." / "a.json"])


def test_files_of_one_name_are_told_apart(tmp_path) -> None:
    sources = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        sources.append(tmp_path / folder / "a.json")
        write_bench_result(sources[-1], make_result())
    write_report(tmp_path / "r.md", sources)
    text = Path(tmp_path / "r.md").read_text(encoding="utf-8")
    assert "one/a.json" in text and "two/a.json" in text
