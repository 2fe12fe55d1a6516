"""`edgelpr build` from the command line."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.building import Bench
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt
from doubles.plans import open_fake_plan
from sample_engines import install, machinery_of

from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.build_choices import parse_batches
from edgelpr.cli.main import run
from edgelpr.cuda.probing import Probe
from edgelpr.engines.speaking import LOGGER
from edgelpr.errors import UsageError

GIB = 1 << 30


class Board:
    """A machine with a GPU and TensorRT, both stand-ins."""

    def __init__(self, monkeypatch, version="10.3.0", backends=("tensorrt",), bench=None, **machine) -> None:
        self.cuda, self.bench = FakeCuda(GIB), bench or Bench()
        self.module = executing_tensorrt(version, self.cuda, self.bench)
        machinery = replace(machinery_of(self.module, self.cuda, **machine), open_device=lambda index: FakeCuda(GIB))
        monkeypatch.setattr("edgelpr.runtime.executing.machinery.Machinery", lambda: machinery)
        monkeypatch.setattr("edgelpr.engines.modules.installed_backends", lambda: backends)


@pytest.fixture
def board(monkeypatch):
    return Board(monkeypatch)


def plan_in(bundle: Path) -> dict:
    plans = list((bundle / "engines").glob("*.plan"))
    assert len(plans) == 1
    return open_fake_plan(plans[0].read_bytes())[0]


def test_an_engine_is_built_and_told_about(bundle, board, capsys):
    assert run(["build", str(bundle)]) == 0
    out, err = capsys.readouterr()
    expected = rf"""engine     {re.escape(str(bundle))}/engines/fp32-tensorrt-\S+\.plan, [\d.]+ MiB
for        TensorRT 10\.3\.0 on Orin \(nvgpu\) \(sm87, 8 SMs\)
precision  fp32, of fp32\.onnx
batches    1 to 32, fastest at 1
built      in \d+\.\d s
audit      0 of 0 convolutions and matrix products in fp32; [^\n]+
"""
    assert re.fullmatch(expected, out)
    assert "Backend: TensorRT, which is installed\n" in err
    assert "Building fp32 with TensorRT 10.3.0 for Orin (nvgpu) (sm87, 8 SMs)\n" in err
    assert f"Next: edgelpr verify {bundle} --data labels.csv --backend tensorrt --precision fp32 --build\n" in err
    assert plan_in(bundle)["workspace"] == GIB * 3 // 4
    assert Bundle.open(bundle)


def test_what_is_there_and_fits_is_not_built_again(bundle, board, capsys):
    assert [run(["build", str(bundle)]), run(["build", str(bundle)])] == [0, 0]
    assert len(board.bench.builds) == 1
    assert "built      earlier, at 20" in capsys.readouterr().out
    assert run(["build", str(bundle), "--force"]) == 0
    assert len(board.bench.builds) == 2


@pytest.mark.parametrize("spoil", [lambda plan: plan[:-1], lambda plan: plan[:-1] + b"?"], ids=["cut", "altered"])
def test_a_damaged_engine_is_said_by_inspect_and_built_anew(bundle, board, capsys, spoil):
    assert run(["build", str(bundle)]) == 0
    (path,) = (bundle / "engines").glob("*.plan")
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    capsys.readouterr()
    assert run(["inspect", str(bundle)]) == 0
    out, err = capsys.readouterr()
    assert "Engines, each" not in out
    assert re.search(rf"^Warning: {re.escape(str(path))}: is damaged: .*; build it again$", err, re.M)
    assert run(["inspect", str(bundle), "--json"]) == 0
    engines = json.loads(capsys.readouterr().out)["engines"]
    assert all("does not match the hash" in engine["damage"] for engine in engines)
    assert run(["build", str(bundle)]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^built      in \d", out, re.M) and path.read_bytes() == whole and len(board.bench.builds) == 2
    assert run(["inspect", str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engines"][0]["damage"] is None


def test_the_text_of_a_record_does_not_reach_the_terminal_raw(bundle, board, capsys):
    assert run(["build", str(bundle)]) == 0
    (path,) = (bundle / "engines").glob("*.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | {"notes": ["\x1b[2Jall is well"]}), encoding="utf-8")
    capsys.readouterr()
    assert run(["inspect", str(bundle)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and "control characters" in err


def test_the_default_precision_is_what_the_help_says(bundle, board, capsys):
    assert run(["build", "--help"]) == 0
    (said,) = re.findall(r"the\s+recipe's,\s+else\s+(fp32|fp16|int8)\]", capsys.readouterr().out)
    assert run(["build", str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == said


def test_options_reach_the_builder(bundle, board):
    options = ["--batch", "2,4,8", "--workspace", "256MiB", "--level", "5", "--version-compatible"]
    assert run(["build", str(bundle), *options, "--hardware-compatible", "ampere-plus"]) == 0
    facts = plan_in(bundle)
    assert [shape[0] for shape in facts["profile"]["crops"]] == [2, 4, 8]
    assert (facts["workspace"], facts["level"], facts["version_compatible"]) == (256 << 20, 5, True)
    assert facts["hardware_compatibility"] == "AMPERE_PLUS"


def test_json_is_the_record_with_the_place(bundle, board, capsys):
    assert run(["build", str(bundle), "--json", "--batch", "8"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["engine"]).is_file() and found["built_now"]
    assert found["precision"] == "fp32" and found["options"]["batches"] == [8, 8, 8]
    assert found["target"]["compute_capabilities"] == ["sm87"]


def test_another_gpu_is_current_while_it_builds_and_is_in_every_command(bundle, monkeypatch, capsys):
    opened, current = [], []
    board = Board(monkeypatch, bench=Bench(during=lambda: current.append([gpu.is_current for gpu in opened])))
    second = FakeCuda(GIB, index=1)
    machinery = replace(
        machinery_of(board.module, second),
        require_driver=lambda *asked: Probe("libcuda.so.1", 0, 12060, (board.cuda.facts, second.facts)),
        open_device=lambda index: opened.append(FakeCuda(GIB, index=index)) or opened[-1],
    )
    install(monkeypatch, machinery)
    assert run(["read", str(bundle), "x.png", "--backend", "tensorrt", "--device", "1"]) == 1
    (named,) = re.findall(r"Build one: (edgelpr build \S+ --precision fp32 --device 1)$", capsys.readouterr().err, re.M)
    assert run(named.split()[1:]) == 0
    assert current[0][-1] and {gpu.facts.index for gpu in opened} == {1} and all(gpu.closed for gpu in opened)
    assert "--backend tensorrt --device 1 --precision fp32 --build" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--script", "x"], ["--target", "sm86"]])
def test_a_gpu_of_this_machine_is_none_of_another_machine(bundle, board, capsys, more):
    assert run(["build", str(bundle), "--device", "1", *more]) == 2
    assert "--device is about a GPU of this machine" in capsys.readouterr().err


def test_both_engines_installed_are_named(bundle, monkeypatch, capsys):
    Board(monkeypatch, backends=("tensorrt", "tensorrt-rtx"))
    assert run(["build", str(bundle)]) == 0
    assert "Backend: TensorRT, which is installed (installed as well: --backend tensorrt-rtx)" in capsys.readouterr().err


def test_the_oldest_says_that_it_cannot_be_stopped(bundle, monkeypatch, capsys):
    Board(monkeypatch, version="8.6.1")
    assert run(["build", str(bundle)]) == 0
    assert "It shows no progress and takes minutes; Ctrl-C takes effect after it" in capsys.readouterr().err


def test_verbose_shows_the_log_of_tensorrt(bundle, board, capsys):
    before = list(LOGGER.handlers)
    assert run(["build", str(bundle), "-v"]) == 0
    assert "[DEBUG] begins" in capsys.readouterr().err
    assert before == LOGGER.handlers
    assert run(["build", str(bundle), "--force"]) == 0
    assert "begins" not in capsys.readouterr().err


def test_ctrl_c_leaves_nothing(bundle, monkeypatch, capsys):
    presses = [lambda: os.kill(os.getpid(), signal.SIGINT)]
    Board(monkeypatch, bench=Bench(during=lambda: presses.pop()() if presses else None))
    assert run(["build", str(bundle)]) == 130
    assert capsys.readouterr().err.endswith("Interrupted\n")
    assert [path.name for path in (bundle / "engines").iterdir()] == [".lock"]
    assert run(["build", str(bundle)]) == 0


def test_a_failed_build_leaves_nothing(bundle, monkeypatch, capsys):
    Board(monkeypatch, bench=Bench(failure="Error Code 2: OutOfMemory"))
    assert run(["build", str(bundle)]) == 1
    assert re.search(
        r"^Error: \S+fp32\.onnx: TensorRT 10\.3\.0 lacked memory: .*--workspace.*swap", capsys.readouterr().err, re.M
    )
    assert [path.name for path in (bundle / "engines").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--hardware-compatible", "ampere-plus"], "no hardware-compatible engines on JetPack"),
        (["--version-compatible"], "documents no such engines for JetPack"),
    ],
)
def test_engines_for_other_machines_are_refused_on_jetpack(bundle, monkeypatch, capsys, options, reason):
    Board(monkeypatch, l4t="# R36 (release), REVISION: 4.3")
    assert run(["build", str(bundle), *options]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("backend", "way_out"), [("tensorrt", "no driver answers$"), ("tensorrt-rtx", r"no driver answers\. .*--target sm86,sm89$")]
)
def test_without_a_driver_nothing_is_touched(bundle, monkeypatch, capsys, backend, way_out):
    Board(monkeypatch, problem="no driver answers")
    assert run(["build", str(bundle), "--backend", backend]) == 1
    assert re.search(rf"^Error: {way_out}", capsys.readouterr().err, re.M)


def test_without_tensorrt_the_ways_to_it_are_named(bundle, monkeypatch, capsys):
    Board(monkeypatch, backends=())
    assert run(["build", str(bundle)]) == 1
    assert re.search(r"neither TensorRT nor TensorRT-RTX is installed.*JetPack.*\.\[tensorrt\]", capsys.readouterr().err)


def test_a_precision_that_the_bundle_lacks_is_refused_before_anything_is_loaded(bundle, monkeypatch, capsys):
    Board(monkeypatch, problem="no driver answers")
    assert run(["build", str(bundle), "--precision", "int8"]) == 1
    assert "has no int8 graph for tensorrt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "1,8"], "expected smallest, usual, largest, as in 1,8,32"),
        (["--batch", "8,1,32"], "expected smallest, usual, largest, from 1 to 256"),
        (["--workspace", "much"], "expected a number with a unit"),
        (["--workspace", "20000000000GiB"], "workspace of more than 1 TiB: expected 1MiB to 1024GiB"),
        (["--workspace", "9" * 400], "expected a number with a unit"),
        (["--batch", "9" * 5000], "expected smallest, usual, largest"),
        (["--tensorrt-version", "9" * 5000 + ".1", "--script", "x"], "expected major and minor"),
        (["--level", "7"], "expected 0 .* to 5"),
        (["--recipe", "toaster"], "recipe 'toaster': no such file, and not one of the recipes .*orin-nano"),
        (["--tensorrt-version", "8.5"], "add --script DIR"),
        (["--recipe", "xavier-nx"], "cannot run this package; add --script DIR"),
        (["--target", "sm86", "--backend", "tensorrt"], "--target is for tensorrt-rtx|is not installed"),
    ],
)
def test_wrong_usage_ends_with_2(bundle, board, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr("edgelpr.engines.modules.load_tensorrt", lambda backend: board.module)
    assert run(["build", str(bundle), *arguments]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_recipe_gives_what_the_command_line_does_not(bundle, board, tmp_path, capsys):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "name: mine\nboard: My Board\nbackend: tensorrt\ntensorrt: '10.3'\ncompute_capability: sm87\nprecision: fp32\n"
        "batches: [1, 2, 4]\nworkspace: 64MiB\nlevel: 5\ndla_core: null\npower_mode: {name: MAXN, id: 0}\n"
        "script_only: false\nnotes: [Mind the fan]\n"
    )
    assert run(["build", str(bundle), "--recipe", str(recipe), "--level", "2"]) == 0
    facts = plan_in(bundle)
    assert [shape[0] for shape in facts["profile"]["crops"]] == [1, 2, 4]
    assert (facts["workspace"], facts["level"]) == (64 << 20, 2)
    err = capsys.readouterr().err
    assert "Recipe mine: My Board, TensorRT 10.3\n  Mind the fan\n  before measuring: sudo nvpmodel -m 0 (MAXN)" in err
    assert "Backend:" not in err  # it was chosen
    assert "The recipe" not in err


def test_a_recipe_for_another_board_is_remarked(bundle, monkeypatch, capsys):
    Board(monkeypatch, version="11.4.0.106")
    assert run(["build", str(bundle), "--recipe", "thor", "--precision", "fp32"]) == 0
    err = capsys.readouterr().err
    assert "\nWarning: The recipe thor is for GPUs of sm110 (Jetson AGX Thor), not of sm87\n" in err
    assert "\nWarning: The recipe thor was written for TensorRT 10.13, here is TensorRT 11.4.0.106\n" in err


def test_a_recipe_for_another_jetson_is_remarked_and_builds(bundle, monkeypatch, capsys):
    Board(monkeypatch, board="Jetson AGX Orin Developer Kit")
    assert run(["build", str(bundle), "--recipe", "orin-nano", "--precision", "fp32"]) == 0
    words = "Warning: The recipe orin-nano is for Jetson Orin Nano, here is Jetson AGX Orin Developer Kit: batches, memory"
    assert words in capsys.readouterr().err


def test_a_script_is_written_instead_of_an_engine(bundle, tmp_path, capsys):
    assert run(["build", str(bundle), "--script", str(tmp_path / "for-the-board"), "--tensorrt-version", "8.6"]) == 0
    out, err = capsys.readouterr()
    assert {path.name for path in (tmp_path / "for-the-board").iterdir()} == {"fp32.onnx", "build.sh", "README.md"}
    assert "build.sh" in out
    assert err.endswith("Next: sh for-the-board/build.sh, on the board\n")
    assert not (bundle / "engines").exists()


def test_the_real_compiler_builds_for_gpus_that_are_not_here(bundle, capsys):
    pytest.importorskip("tensorrt_rtx")
    assert run(["build", str(bundle), "--target", "sm86,sm89"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^for        TensorRT-RTX [\d.]+ on any GPU of sm86, sm89$", out, re.M)
    assert f"Next: copy {bundle} to a machine with such a GPU, and there: edgelpr verify {bundle}" in err
    assert run(["build", str(bundle), "--target", "sm87"]) == 2
    assert "it builds for sm75, sm80, sm86" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "batches"), [("8", (8, 8, 8)), ("1,8,32", (1, 8, 32)), ("1, 8, 32", (1, 8, 32))])
def test_batches_are_understood(text, batches):
    assert parse_batches(text) == batches


@pytest.mark.parametrize("text", ["", "a", "1,2", "1,2,3,4", "1.5", "-1"])
def test_what_is_no_batch_is_refused(text):
    with pytest.raises(UsageError, match="expected smallest, usual, largest"):
        parse_batches(text)
