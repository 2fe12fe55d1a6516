"""Several processes train as one would: the same crops a step, averaged gradients, one writer, resumable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes
from tiny_training import DIGITS, QUIET, TINY, assert_same_weights, tiny_config

from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import TrainingError
from edgelpr.models import hpa
from edgelpr.training import loop
from edgelpr.training.distributed import Group
from edgelpr.training.feeding import batches
from edgelpr.training.loop import train
from edgelpr.training.rendered import RenderedSource
from edgelpr.training.samples import TrainingSamples

SCRIPT = Path(__file__).with_name("two_processes.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


def _start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run two processes as ``torchrun`` does."""
    several = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [*several, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.parametrize(("processes", "accumulate"), [(2, 1), (1, 2), (2, 2), (4, 1)])
def test_a_step_is_made_up_of_the_same_crops_whoever_works_on_them(processes: int, accumulate: int) -> None:
    samples = TrainingSamples(RenderedSource(Renderer(DIGITS), 0), 0, 16)
    config = tiny_config(accumulate=accumulate)
    alone = [part.crop for (part,) in batches(samples, tiny_config(), Group(), 1, 0)]
    shared = [list(batches(samples, config, Group(rank, processes), 1, 0)) for rank in range(processes)]
    assert len(alone) == 3
    for number, crops in enumerate(alone):
        parts = [shared[rank][number][part].crop for part in range(accumulate) for rank in range(processes)]
        assert torch.equal(torch.cat(parts), crops)


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"batch is 4; expected a multiple of 6 \(3 processes, 2 parts each\)"):
        loop._check_shares(tiny_config(accumulate=2), Group(0, 3))
    with pytest.raises(TrainingError, match="2 crops or more in a part"):
        loop._check_shares(tiny_config(accumulate=2), Group(0, 2))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left."""
    folder = tmp_path_factory.mktemp("done")
    ended = _start(str(SCRIPT), str(folder))
    assert ended.returncode == 0, ended.stderr
    return folder


def test_two_processes_average_the_gradients_that_one_would_compute(done: Path) -> None:
    for accumulate in (1, 2):
        two_processes.gradients(done, accumulate)
    alone = torch.load(done / "1-1.pt")
    for name in ("1-2", "2-1", "2-2"):
        other = torch.load(done / f"{name}.pt")
        assert other["outcome"] == pytest.approx(alone["outcome"], rel=1e-5), name
        for parameter, gradient in alone["grads"].items():
            found = other["grads"][parameter]
            assert torch.allclose(found, gradient, rtol=1e-4, atol=1e-6 * float(gradient.abs().max() + 1)), (name, parameter)
    assert max(float(gradient.abs().max()) for gradient in alone["grads"].values()) > 0.1


def test_two_processes_finish_resume_and_write_once(done: Path) -> None:
    assert (done / "told.txt").read_text(encoding="utf-8").split() == ["1", "2", "3", "4"]
    assert len((done / "whole" / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert_same_weights(*(done / name / "checkpoint.safetensors" for name in ("whole", "parts")))


@pytest.mark.slow
def test_torchrun_starts_the_command_line(tmp_path: Path) -> None:
    command = ["-m", "edgelpr", "train", "-o", str(tmp_path / "run"), "--plate-format", "aolp"]
    done = _start(*command, "--steps", "2", "--batch", "4", "--workers", "0", "--warmup", "1", "--pool", "6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Weights in") == 1 and done.stderr.count("step 2/2") == 1
    assert '"2 processes' in (tmp_path / "run" / "card.json").read_text(encoding="utf-8")
    refused = _start(*command, "--steps", "2", "--batch", "5")
    assert refused.returncode == 1 and "batch is 5; expected a multiple of 2" in refused.stderr


def test_one_process_and_its_group_of_one_do_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = train(tiny_config(), Renderer(DIGITS), tmp_path / "plain", schedule=QUIET)
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    assert_same_weights(plain, train(tiny_config(), Renderer(DIGITS), tmp_path / "torchrun", schedule=QUIET))
