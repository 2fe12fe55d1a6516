"""Files and folders that cannot be written, parts of pages between marks."""

from __future__ import annotations

import pytest

from edgelpr.benchmarks.marks import Marks
from edgelpr.data.writing import make_folder, write_file
from edgelpr.errors import DataError, TrainingError, UsageError

MARKS = Marks("counter", r"(\d+)", ("NUMBER", "DIGITS"))


def counted(said) -> str:
    return f"{int(said[1]) + 1}\n"


def test_a_folder_that_cannot_be_made_says_why_and_what_it_is_for(tmp_path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/x: the folder cannot be made \(Not a directory\)"):
        make_folder(tmp_path / "file" / "x")
    with pytest.raises(DataError, match=r"file/x/y: cannot be written \(Not a directory\)"):
        write_file(tmp_path / "file" / "x" / "y", b"")


def test_the_folder_of_a_run_has_a_message_of_its_own(tmp_path) -> None:
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    from edgelpr.training import state

    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"file: cannot be made a folder for the run \(File exists\)"):
        state.make_folder(tmp_path / "file")


def test_each_part_is_written_anew_and_the_rest_stays() -> None:
    text = f"a <!-- counter 1 -->\n<!-- counter 5 -->\nold\n{MARKS.end}\nb\n<!-- counter 7 -->\n{MARKS.end}\n<!-- other -->\n"
    first, second = MARKS.parts(text)
    assert text[first.start : first.end] == "old\n" and text[second.start : second.end] == ""
    assert MARKS.filled(text, counted) == text.replace("old", "6").replace("<!-- counter 7 -->\n", "<!-- counter 7 -->\n8\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- counter x -->\n<!-- end of counter -->", "understood; expected '<!-- counter NUMBER -->', or '<!-- counter D"),
        ("<!-- counter 1 -->\nold", "'<!-- counter 1 -->' has no end; expected a line '<!-- end of counter -->'"),
        ("<!-- counter 1 -->\n<!-- counter 2 -->\n<!-- end of counter -->", "'<!-- counter 1 -->' has no end"),
        ("<!-- counter 1 -->", "is not understood"),
    ],
)
def test_a_page_with_a_broken_mark_is_named_and_stays(tmp_path, text, message) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"page.md: the mark .*{message}"):
        MARKS.write_into(page, counted)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_is_written_only_where_something_changes(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- counter 1 -->\n{MARKS.end}\n", encoding="utf-8")
    assert MARKS.write_into(page, counted) == 1
    before = page.stat().st_ino
    assert MARKS.write_into(page, counted) == 1 and page.stat().st_ino == before
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(UsageError, match="has no mark; put '<!-- counter NUMBER -->' and '<!-- end of counter -->'"):
        MARKS.write_into(page, counted)
    with pytest.raises(UsageError, match=r"absent\.md: cannot be read"):
        MARKS.write_into(tmp_path / "absent.md", counted)
