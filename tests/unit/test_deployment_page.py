"""The page 'flash to first plate', the units and the Dockerfile: what can be held to without a board."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgelpr.cli.main import cli

EXPORT = Path(__file__).resolve().parents[2] / "export"
PAGE = (EXPORT / "flash-to-first-plate.md").read_text("utf-8")
UNITS = EXPORT / "systemd"
BLOCKS = [text.strip().splitlines() for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.M | re.S) if not kind]
MARKS = (
    "# on the PC · was run",
    "# on the PC · was not run",
    "# on the board · was not run",
    "# on the board · was run on a PC only",
)


def commands_of_edgelpr() -> list[list[str]]:
    """What follows ``edgelpr`` in every command line of the page, after a pipe and in a container as well."""
    found = []
    for line in (line for lines in BLOCKS for line in lines[1:]):
        words = shlex.split(line.rpartition(" | ")[2])
        in_container = words[:3] == ["sudo", "docker", "run"]
        if words[0] == "edgelpr" or in_container:
            found.append(words[words.index("edgelpr") + 1 :])
    return found


def service_commands(key: str) -> list[str]:
    """Values of a key of the service, as systemd would run them for the instance ``gate``."""
    text = (UNITS / "edgelpr@.service").read_text("utf-8")
    return [
        line.partition("=")[2].replace("%i", "gate").replace("$$", "$")
        for line in text.splitlines()
        if line.startswith(f"{key}=")
    ]


def test_every_block_says_where_it_belongs_and_whether_it_was_run():
    assert len(BLOCKS) > 10
    assert [lines[0] for lines in BLOCKS if lines[0] not in MARKS] == []


def test_the_page_shows_every_step():
    assert {words[0] for words in commands_of_edgelpr()} == {
        "export", "calibrate", "inspect", "doctor", "build", "verify", "read",
    }  # fmt: skip


@pytest.mark.parametrize("words", commands_of_edgelpr(), ids=" ".join)
def test_every_command_of_the_page_parses(words):
    context = click.Context(cli)
    verb = cli.get_command(context, words[0])
    assert verb is not None, f"no verb '{words[0]}'"
    verb.make_context(words[0], words[1:])


def test_the_recipes_of_the_page_exist():
    named = set(re.findall(r"--recipe (\S+)", PAGE)) | set(re.findall(r"`((?:orin|agx|thor)[a-z-]*)`", PAGE))
    assert {name for name in named if not (EXPORT / "recipes" / f"{name}.yaml").is_file()} == set()


def test_links_of_the_page_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert targets
    assert [target for target in targets if not (EXPORT / target).exists()] == []


def test_no_wheel_goes_over_jetpacks_packages():
    installed = [line for lines in BLOCKS for line in lines if "pip install" in line]
    assert installed
    assert [line for line in installed if re.search(r"tensorrt|opencv", line)] == []
    dockerfile = [
        line for line in (EXPORT / "docker" / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    assert [line for line in dockerfile if "tensorrt" in line] == []


def test_environments_on_the_board_see_the_system():
    made = [line for lines in BLOCKS for line in lines if " -m venv " in line]
    assert len(made) == 2
    assert all("--system-site-packages" in line for line in made)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path):
    for kind in ("service", "path"):
        text = (UNITS / f"edgelpr@.{kind}").read_text("utf-8")
        (tmp_path / f"edgelpr@gate.{kind}").write_text(text.replace("/opt/edgelpr/bin/edgelpr", "/bin/true"), "utf-8")
    paths = [str(tmp_path / f"edgelpr@gate.{kind}") for kind in ("service", "path")]
    done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "edgelpr@gate" not in done.stderr  # unknown keys are told there, and are no failure


def test_the_command_of_the_service_parses():
    (line,) = service_commands("ExecStart")
    program, verb, *rest = shlex.split(line)
    command = cli.get_command(click.Context(cli), verb)
    assert program == "/opt/edgelpr/bin/edgelpr" and command is not None
    command.make_context(verb, rest)


@pytest.mark.skipif(shutil.which("find") is None or sys.platform != "linux", reason="the service is for Linux")
@pytest.mark.parametrize(("broken", "folder"), [(False, "read"), (True, "failed")])
def test_the_service_reads_a_batch_and_puts_it_away(tmp_path, tiny_bundle, paint, broken, folder):
    cv2 = pytest.importorskip("cv2")
    for name in ("incoming", "batch", "read", "failed"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "incoming" / "-a b.png"), paint("12"))
    if broken:
        (tmp_path / "incoming" / "broken.jpg").write_bytes(b"no picture")
    ours = f"{sys.executable} -m edgelpr read {tiny_bundle.path} batch --json"

    def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command)
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ | variables)

    assert run(*service_commands("ExecStartPre")).returncode == 0
    read = run(ours)
    result = "success" if read.returncode == 0 else "exit-code"
    assert run(*service_commands("ExecStopPost"), SERVICE_RESULT=result).returncode == 0
    assert '"plate": "12"' in read.stdout
    assert sorted(path.name for path in (tmp_path / folder).iterdir()) == ["-a b.png"] + ["broken.jpg"] * broken
    assert not any((tmp_path / "incoming").iterdir()) and not any((tmp_path / "batch").iterdir())
