"""Several processes train as one would: the same samples a step, averaged gradients, one writer, resumable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import stand_in_data
import torch
import two_processes
import two_processes_tracks
from tiny_training import DIGITS, QUIET, TINY, assert_same_weights, tiny_config

from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import EdgelprError, TrainingError
from edgelpr.models import hpa
from edgelpr.training.distributed import Group
from edgelpr.training.feeding import batches, check_shares, feed
from edgelpr.training.leading import lost_fellows
from edgelpr.training.loop import train
from edgelpr.training.rendered import RenderedSource
from edgelpr.training.samples import TrainingSamples
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.stepping import begin_draws

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
        check_shares(4, Group(0, 3), 2)
    with pytest.raises(TrainingError, match=r"\(2 processes, 2 parts each\), and 2 crops or more in a part"):
        check_shares(4, Group(0, 2), 2)
    with pytest.raises(TrainingError, match=r"batch is 5; expected a multiple of 2 \(2 processes\), and 2 tracks or more"):
        check_shares(5, Group(0, 2), what="tracks")
    check_shares(4, Group(0, 2))


def test_the_random_draws_of_a_step_are_shared_out_like_its_tracks() -> None:
    config, classes = TrackConfig(seed=3, own_choice=0.5), torch.arange(24).reshape(6, 4)
    torch.manual_seed(3 * 1_000_003 + 7)
    chosen, dropped = torch.rand(6, 4) < 0.5, torch.rand(9)  # what one process drew before there could be several
    assert torch.equal(begin_draws(config, Group(), 7, classes), classes.masked_fill(chosen, -1))
    assert torch.equal(torch.rand(9), dropped)
    told, drops = [], []
    for rank, share in enumerate(classes.chunk(3)):
        told.append(begin_draws(config, Group(rank, 3), 7, share))
        drops.append(torch.rand(9))
    assert torch.equal(torch.cat(told), classes.masked_fill(chosen, -1))
    assert torch.equal(drops[0], dropped)
    assert not any(torch.equal(drops[one], drops[other]) for one, other in ((0, 1), (0, 2), (1, 2)))


class Parents(torch.utils.data.Dataset):
    """Each sample is the process that started the one which prepares it."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> int:
        return os.getppid()


def test_workers_of_a_process_that_has_fellows_are_not_forked_from_it_and_its_threads() -> None:
    alone, joined = (next(feed(Parents(), 2, range(2), 1, group)).tolist() for group in (Group(), Group(0, 2)))
    assert set(alone) == {os.getpid()} and os.getpid() not in joined


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left."""
    folder = tmp_path_factory.mktemp("done")
    stand_in_data.aolp(folder / "aolp")
    ended = _start(str(SCRIPT), str(folder))
    assert ended.returncode == 0, ended.stderr
    return folder


def test_the_leading_process_works_when_all_are_here_and_all_go_on_when_it_is_done(done: Path) -> None:
    assert {(done / f"led-{rank}.txt").read_text(encoding="utf-8") for rank in (0, 1)} == {"before after"}


def test_two_processes_average_the_gradients_that_one_would_compute(done: Path) -> None:
    for accumulate in (1, 2):
        two_processes.gradients(done, accumulate)
    alone = torch.load(done / "1-1.pt")
    for name in ("1-2", "2-1", "2-2"):
        _assert_same_step(torch.load(done / f"{name}.pt"), alone)


def _assert_same_step(found: dict, expected: dict) -> None:
    """The same figures and gradients but for rounding, and gradients that say something."""
    assert found["outcome"] == pytest.approx(expected["outcome"], rel=1e-5)
    for parameter, gradient in expected["grads"].items():
        tolerance = 1e-6 * float(gradient.abs().max() + 1)
        assert torch.allclose(found["grads"][parameter], gradient, rtol=1e-4, atol=tolerance), parameter
    assert max(float(gradient.abs().max()) for gradient in expected["grads"].values()) > 0.1


def test_two_processes_finish_resume_and_write_once(done: Path) -> None:
    assert (done / "told.txt").read_text(encoding="utf-8").split() == ["1", "2", "3", "4"]
    assert len((done / "whole" / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert_same_weights(*(done / name / "checkpoint.safetensors" for name in ("whole", "parts")))


def test_two_processes_average_the_gradients_of_tracks(done: Path) -> None:
    two_processes_tracks.track_gradients(done)
    _assert_same_step(torch.load(done / "tracks-2.pt"), torch.load(done / "tracks-1.pt"))


def test_two_processes_train_on_tracks_resume_and_write_once(done: Path) -> None:
    told = (done / "told-of-tracks.txt").read_text(encoding="utf-8").split()
    assert told[:4] == ["1", "2", "3", "4"] and 1 <= told[4:].count("Fitting") == len(told[4:]) <= 2
    for name in ("whole-tracks", "tracks-in-parts"):
        steps = [json.loads(line)["step"] for line in (done / name / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        assert steps == ([1, 2, 3, 4] if name == "whole-tracks" else [1, 2, 3, 3, 4])
    whole, parts = ((done / name / "checkpoint.safetensors").read_bytes() for name in ("whole-tracks", "tracks-in-parts"))
    assert whole == parts


def test_two_processes_reproduce_a_table_and_the_first_one_alone_tests_and_speaks(done: Path) -> None:
    first, second = (json.loads((done / f"reproduce-{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1))
    failed, whole = first["sittings"]
    assert failed["code"] == 1 and failed["err"].endswith("\nError: no more plates today\n") and not failed["out"]
    assert second["sittings"] == [{"code": 1, "out": "", "err": ""}, {"code": 0, "out": "", "err": ""}]
    assert (first["tests"], second["tests"]) == (4, 0)  # the first split once, the one that failed twice, the last one once
    assert whole["code"] == 0 and whole["err"].count("finished before, kept") == 1
    result = json.loads(whole["out"])
    assert result == json.loads((done / "runs" / "aolp.json").read_text(encoding="utf-8"))
    assert [(run["identity"]["split"], run["plates"]) for run in result["runs"]] == [("AC", 4), ("LE", 4), ("RP", 4)]


def test_two_processes_leave_the_files_that_one_leaves(done: Path) -> None:
    place = done / "runs" / "hpa-nano" / "standard"
    training = {"README.md", "card.json", "checkpoint.safetensors", "log.jsonl", "state.pt"}
    assert {path.name for path in (place / "pretraining").iterdir()} == training
    for split in ("AC", "LE", "RP"):
        assert {path.name for path in (place / split).iterdir()} == {"plates.csv", "result.json", "training"}
        assert {path.name for path in (place / split / "training").iterdir()} == training
        assert len((place / split / "training" / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_an_error_says_whether_another_process_is_gone() -> None:
    assert lost_fellows(RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer"))
    assert lost_fellows(torch.distributed.DistBackendError("NCCL communicator was aborted"))
    assert not lost_fellows(RuntimeError("CUDA out of memory")) and not lost_fellows(EdgelprError("gloo/transport"))


@pytest.mark.slow
def test_torchrun_starts_the_command_line(tmp_path: Path) -> None:
    command = ["-m", "edgelpr", "train", "-o", str(tmp_path / "run"), "--plate-format", "aolp"]
    done = _start(*command, "--steps", "2", "--batch", "4", "--workers", "0", "--warmup", "1", "--pool", "6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Weights in") == 1 and done.stderr.count("step 2/2") == 1
    assert '"2 processes' in (tmp_path / "run" / "card.json").read_text(encoding="utf-8")
    refused = _start(*command, "--steps", "2", "--batch", "5")
    assert refused.returncode == 1 and "batch is 5; expected a multiple of 2" in refused.stderr


@pytest.mark.slow
def test_an_error_of_the_first_process_ends_the_command_line_of_all(tmp_path: Path) -> None:
    data, split = stand_in_data.aolp(tmp_path / "aolp"), tmp_path / "runs" / "hpa-nano" / "standard" / "AC"
    (split / "plates.csv").mkdir(parents=True)  # stands where the first process will write
    command = ["-m", "edgelpr", "reproduce", "aolp", "--data", str(data), "-o", str(tmp_path / "runs"), "--network", "hpa-nano"]
    done = _start(*command, "--quick", "1", "--workers", "0")
    assert done.returncode == 1 and done.stderr.count("Start: random weights") == 1
    (message,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert "plates.csv" in message
    assert (split / "training" / "checkpoint.safetensors").is_file() and not (split / "result.json").exists()


def test_one_process_and_its_group_of_one_do_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = train(tiny_config(), Renderer(DIGITS), tmp_path / "plain", schedule=QUIET)
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    assert_same_weights(plain, train(tiny_config(), Renderer(DIGITS), tmp_path / "torchrun", schedule=QUIET))
