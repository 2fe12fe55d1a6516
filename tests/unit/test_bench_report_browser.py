"""Reports in a real browser: nothing fetched, nothing run, no complaint, and nothing wider than a phone."""

from __future__ import annotations

import pytest
from browser import CHROMIUM, Browser
from test_bench_report import EVIL, everything, evil_result

from edgelpr.benchmarks.report.composing import compose
from edgelpr.benchmarks.report.html import render_html

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; install the system's package 'chromium'")

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "report.html"
    path.write_text(render_html(compose([("a.json", everything())])), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [360, 1200])
def test_a_report_opens_from_disk_and_fits_its_window(browser, page, width) -> None:
    browser.open(page, width)
    assert browser.requested() == [page.as_uri()] and browser.complaints() == []
    assert browser.evaluate(OVERFLOW) <= 0
    assert browser.evaluate("document.querySelectorAll('svg').length") >= 7
    assert browser.evaluate("[...document.querySelectorAll('svg')].every(each => each.getBoundingClientRect().height > 50)")
    assert browser.evaluate(
        f"[...document.querySelectorAll('svg')].every(each => each.getBoundingClientRect().right <= {width})"
    )
    assert browser.evaluate("getComputedStyle(document.querySelector('th')).borderBottomStyle") == "solid"


def test_print_has_no_links_and_hides_nothing(browser, page) -> None:
    browser.open(page, 1200)
    browser.media("print")
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    browser.media("screen")


def test_the_texts_of_a_drawing_stay_inside_it(browser, page) -> None:
    browser.open(page, 1200)
    browser.evaluate(
        "outside = svg => { const a = svg.getBoundingClientRect(); return [...svg.querySelectorAll('text')].filter(text => {"
        "const b = text.getBoundingClientRect();"
        "return b.left < a.left - 1 || b.right > a.right + 1 || b.top < a.top - 1 || b.bottom > a.bottom + 1 }) }"
    )
    outside = "[...document.querySelectorAll('svg')].flatMap(svg => outside(svg).map(text => text.textContent))"
    assert browser.evaluate(outside) == []


def test_names_from_a_file_run_nothing(browser, tmp_path) -> None:
    path = tmp_path / "evil.html"
    path.write_text(render_html(compose([(EVIL, evil_result())], title=EVIL)), encoding="utf-8")
    browser.open(path, 800)
    assert browser.requested() == [path.as_uri()] and browser.complaints() == []
    assert browser.evaluate("document.querySelectorAll('svg').length") > 0
    assert browser.evaluate("document.scripts.length + document.images.length") == 0
    assert browser.evaluate("document.title") == " ".join(EVIL.split())
    assert browser.evaluate(OVERFLOW) <= 0
