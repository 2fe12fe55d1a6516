"""``edgelpr read``: what it accepts, prints, saves, and does about broken files."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import stub_engine
from stub_engine import PLATES, StubEngine, draw_crop

from edgelpr.cli.images import wanted_images
from edgelpr.cli.main import run
from edgelpr.cli.saving import place_drawings
from edgelpr.errors import BundleError, DataError

UNIT = Path(__file__).parent


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    stub_engine.install(monkeypatch)


@pytest.fixture
def crops(tmp_path):
    """Three crops in two folders, and a file that is no image."""
    for name, number in (("b.png", 1), ("a.jpg", 0), ("more/c.png", 2)):
        draw_crop(tmp_path / "crops" / name, number)
    (tmp_path / "crops" / "notes.txt").write_text("no image")
    return tmp_path / "crops"


def read_json(capsys, *arguments):
    code = run(["read", "stub.elpr", *map(str, arguments), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_table(crops, capsys):
    assert run(["read", "stub.elpr", str(crops / "a.jpg"), str(crops / "b.png")]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "plate         confidence  file",
        f"皖A12345          0.4305  {crops}/a.jpg",
        f"京B67890          0.4305  {crops}/b.png",
    ]
    assert "stub engine, 1 thread, fp32" in printed.err
    assert "Next: edgelpr read" in printed.err


def test_json_lines_are_those_promised(crops, capsys):
    (crops / "b.png").write_bytes(b"broken")
    code, (good, bad) = read_json(capsys, crops / "a.jpg", crops / "b.png")
    assert code == 1
    assert list(good) == ["file", "plate", "confidence", "characters", "backend", "precision"]
    assert (good["file"], good["plate"]) == (f"{crops}/a.jpg", PLATES[0])
    assert (good["backend"], good["precision"]) == ("onnxruntime", "fp32")
    assert [character["text"] for character in good["characters"]] == list(PLATES[0])
    assert all(list(character) == ["text", "confidence", "box"] for character in good["characters"])
    assert all(len(character["box"]) == 4 for character in good["characters"])
    assert list(bad) == ["file", "error"]
    assert "not an image" in bad["error"]


def test_folders_patterns_and_repeats(crops, capsys, monkeypatch):
    everything = [f"{crops}/a.jpg", f"{crops}/b.png", f"{crops}/more/c.png"]
    repeated, mixed = [crops / "a.jpg", crops, crops / "a.jpg"], [f"{crops}/*.[jp]*g", crops / "more"]
    for arguments in ([crops], repeated, mixed, [f"{crops}/**/*.*g"]):
        code, lines = read_json(capsys, *arguments)
        assert (code, sorted(line["file"] for line in lines)) == (0, everything)
    monkeypatch.chdir(crops)
    assert [line["file"] for line in read_json(capsys, "*.png")[1]] == ["b.png"]


def test_a_name_with_brackets_is_a_name_first(crops, capsys):
    draw_crop(crops / "x[1].png", 3)
    assert [line["plate"] for line in read_json(capsys, crops / "x[1].png")[1]] == [PLATES[3]]


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_lists(crops, capsys, monkeypatch, separator):
    listed = separator.join([f"{crops}/b.png", "", f"{crops}/more"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed.encode())))
    expected = [PLATES[1], PLATES[2]]
    assert [line["plate"] for line in read_json(capsys, "-")[1]] == expected
    (crops / "list.txt").write_bytes(b"\xef\xbb\xbf" + listed.encode())
    assert [line["plate"] for line in read_json(capsys, "--from-file", crops / "list.txt")[1]] == expected
    with pytest.raises(DataError, match="list of images cannot be read"):
        wanted_images([], str(crops / "absent.txt"))


def test_no_image_is_an_error(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for argument in (tmp_path / "empty", f"{tmp_path}/*.png"):
        assert run(["read", "stub.elpr", str(argument)]) == 1
        assert "Error: no image found" in capsys.readouterr().err
    assert run(["read", "stub.elpr"]) == 2
    assert "IMAGE" in capsys.readouterr().err


def test_what_is_absent_is_reported_and_the_rest_read(crops, capsys):
    code, lines = read_json(capsys, crops / "absent.png", crops / "b.png", f"{crops}/*.bmp")
    assert code == 1
    assert [line.get("plate") for line in lines] == [None, PLATES[1], None]
    assert "No such file" in lines[0]["error"]
    assert "no file matches" in lines[2]["error"]


def test_a_thousand_files_some_broken(tmp_path, capsys):
    pictures = [draw_crop(tmp_path / f"{number}.png", number).read_bytes() for number in range(4)]
    (tmp_path / "many").mkdir()
    broken = {7: b"", 500: b"\xff\xd8\xff not a jpeg", 501: pictures[0][:40], 999: b"text"}
    for number in range(1000):
        (tmp_path / "many" / f"{number:04}.png").write_bytes(broken.get(number, pictures[number % 4]))
    code, lines = read_json(capsys, tmp_path / "many")
    assert code == 1
    assert [Path(line["file"]).stem for line in lines] == [f"{number:04}" for number in range(1000)]
    assert [number for number, line in enumerate(lines) if "error" in line] == sorted(broken)
    assert all(line["plate"] == PLATES[number % 4] for number, line in enumerate(lines) if number not in broken)
    assert run(["read", "stub.elpr", str(tmp_path / "many")]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("Error: ") == 4
    assert "4 of 1000 could not be read" in printed.err
    assert len(printed.out.splitlines()) == 997


def test_save_draws_every_reading(crops, tmp_path, capsys):
    draw_crop(crops / "more" / "A.png", 3)
    (crops / "broken.png").write_bytes(b"broken")
    assert run(["read", "stub.elpr", str(crops), "--save", str(tmp_path / "drawn" / "here")]) == 1
    names = sorted(path.name for path in (tmp_path / "drawn" / "here").iterdir())
    assert names == ["A-2-reading.png", "a-reading.png", "b-reading.png", "c-reading.png"]
    drawing = cv2.imread(str(tmp_path / "drawn" / "here" / "a-reading.png"))
    assert drawing.shape[1] == 820
    picture = drawing[56:250, 10:810]
    assert len({tuple(pixel) for pixel in picture.reshape(-1, 3)}) > 8  # the flat crop is tinted where maps are high


def test_save_into_something_that_is_no_folder(crops, capsys):
    assert run(["read", "stub.elpr", str(crops), "--save", str(crops / "a.jpg" / "x")]) == 1
    assert "folder cannot be made" in capsys.readouterr().err


def test_drawings_never_replace_an_image_or_each_other(tmp_path):
    images = [tmp_path / "x.jpg", tmp_path / "x.png", tmp_path / "x-reading.png", tmp_path / "sub" / "X.png"]
    places = list(place_drawings(tmp_path, images).values())
    assert len({str(place).lower() for place in places} | {str(image).lower() for image in images}) == 8


def test_bundle_that_cannot_be_opened(crops, capsys, monkeypatch):
    def refuse(path):
        raise BundleError(f"{path}: no such bundle")

    monkeypatch.setattr("edgelpr.bundle.bundle.Bundle.open", refuse)
    assert run(["read", "stub.elpr", str(crops)]) == 1
    assert "Error: stub.elpr: no such bundle" in capsys.readouterr().err


def test_interrupt_keeps_what_was_read(crops, capsys, monkeypatch):
    def run_once(self, batch, calls=[]):  # noqa: B006 - counts calls on purpose
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, batch)

    original = StubEngine.run
    monkeypatch.setattr(StubEngine, "run", run_once)
    assert run(["read", "stub.elpr", str(crops), "--batch-size", "1", "--json"]) == 130
    printed = capsys.readouterr()
    assert [json.loads(line)["plate"] for line in printed.out.splitlines()] == [PLATES[0], PLATES[1]]
    assert "Interrupted" in printed.err
    assert "Traceback" not in printed.err


def process(folder: Path, **options) -> subprocess.Popen[str]:
    """The command as a process of its own, with a slow stub, reading a folder."""
    script = (
        "import time, pytest, stub_engine\nfrom edgelpr.cli.main import main\n"
        "stub_engine.install(pytest.MonkeyPatch())\nfast = stub_engine.StubEngine.run\n"
        "stub_engine.StubEngine.run = lambda self, batch: (time.sleep(0.05), fast(self, batch))[1]\nmain()\n"
    )
    command = [sys.executable, "-c", script, "read", "stub.elpr", str(folder), "--batch-size", "1"]
    paths = os.pathsep.join([str(UNIT), str(UNIT.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, encoding="utf-8", env=environment, **pipes, **options)


def test_a_broken_image_is_one_line_of_ours(tiny_bundle, tmp_path):
    whole = draw_crop(tmp_path / "broken.bmp").read_bytes()
    (tmp_path / "broken.bmp").write_bytes(whole[: len(whole) // 2])
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_LOG_LEVEL"}
    command = [sys.executable, "-m", "edgelpr", "read", str(tiny_bundle.path), str(tmp_path / "broken.bmp")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if "broken.bmp" in line or "OpenCV" in line] == [
        f"Error: {tmp_path / 'broken.bmp'}: not an image, or damaged; expected a whole JPEG, PNG, BMP, TIFF, PPM or WebP file"
    ]


@pytest.fixture
def many(tmp_path):
    for number in range(200):
        draw_crop(tmp_path / "many" / f"{number:03}.png")
    return tmp_path / "many"


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_ctrl_c_in_a_process(many):
    reading = process(many)
    assert reading.stdout is not None
    assert reading.stdout.readline().startswith("plate")
    reading.stdout.readline()
    time.sleep(0.1)
    reading.send_signal(signal.SIGINT)
    _, errors = reading.communicate(timeout=20)
    assert reading.returncode == 130
    assert "Interrupted" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")
def test_a_closed_pipe_is_quiet(many):
    reading = process(many)
    assert reading.stdout is not None
    assert reading.stderr is not None
    reading.stdout.readline()
    reading.stdout.close()
    errors = reading.stderr.read()
    reading.stderr.close()
    assert reading.wait(timeout=20) in (1, 141)  # 1 where click itself notices first
    assert [word for word in ("Traceback", "Error", "Exception") if word in errors] == []
