"""The command line as a whole: help, laziness, exit codes, output."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import click
import pytest

from edgelpr import __version__
from edgelpr.cli.main import COMMANDS, LazyGroup, run
from edgelpr.cli.output import print_json_line, print_table
from edgelpr.errors import BundleError, UsageError

HEAVY = ("numpy", "cv2", "torch", "onnx", "onnxruntime", "yaml", "PIL", "safetensors")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture
def failing(monkeypatch):
    """Replace the verb ``read`` by one that raises what it is given."""

    def install(error: BaseException) -> None:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setattr(LazyGroup, "get_command", lambda self, ctx, name: command)

    return install


def test_version(capsys):
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_help_lists_every_verb(capsys):
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_verb(name, capsys):
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: edgelpr {name} ")
    assert "--help" in text


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_loads_nothing_heavy(arguments):
    done = python(
        "import sys; from edgelpr.cli.main import run; "
        f"code = run({arguments}); print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_importing_the_package_loads_nothing_but_itself():
    done = python("import sys; before = set(sys.modules); import edgelpr; print(sorted(set(sys.modules) - before))")
    loaded = json.loads(done.stdout.replace("'", '"'))
    assert [name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names] == ["edgelpr"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (BundleError("plates.elpr: was altered"), 1, "Error: plates.elpr: was altered\n"),
        (UsageError("--a and --b exclude each other"), 2, "Error: --a and --b exclude each other\n"),
        (OSError(errno.ENOSPC, "No space left on device", "out.elpr"), 1, "Error: out.elpr: no space left on the disk."),
        (PermissionError(errno.EACCES, "Permission denied", "out"), 1, "Error: out: Permission denied\n"),
        (MemoryError(), 1, "Error: out of memory."),
        (KeyboardInterrupt(), 130, "Interrupted\n"),
    ],
)
def test_failures_end_in_one_readable_line(failing, capsys, error, code, message):
    failing(error)
    assert run(["read"]) == code
    captured = capsys.readouterr()
    assert captured.err.lstrip("\n").startswith(message)
    assert captured.out == ""


def test_a_bug_keeps_its_traceback(failing):
    failing(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        run(["read"])


def test_wrong_usage_is_exit_code_2(capsys):
    assert run(["reed"]) == 2
    assert run(["inspect", "--no-such-option"]) == 2
    assert "No such command" in capsys.readouterr().err


def test_the_process_reports_a_mistake_without_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "edgelpr", "inspect", str(tmp_path / "absent.elpr")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "absent.elpr" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_quiet():
    command = [sys.executable, "-m", "edgelpr", "--version"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_a_terminal_without_chinese_characters_gets_escapes():
    code = "import sys; sys.argv = ['edgelpr', 'inspect', '\u4eac.elpr']; from edgelpr.cli.main import main; main()"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=False)
    assert done.stderr.startswith(b"Error: \\u4eac.elpr")


def test_tables_line_up_with_wide_characters(capsys):
    print_table(["plate", "confidence"], [["京A12345", "0.98"], ["AB123", "1"]], right=["confidence"])
    assert capsys.readouterr().out == "plate     confidence\n京A12345        0.98\nAB123              1\n"


def test_json_lines_are_one_line_and_strict(capsys):
    print_json_line({"plate": "京A12345", "confidence": 0.5})
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    assert "京A12345" in text
    with pytest.raises(ValueError, match="JSON compliant"):
        print_json_line({"confidence": float("nan")})
