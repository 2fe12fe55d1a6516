"""IQ-STAN: shapes, masks, parts, checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgelpr.errors import CheckpointError
from edgelpr.models.checkpoint import save_checkpoint
from edgelpr.models.counting import count_parameters
from edgelpr.models.hpa import create
from edgelpr.models.iq_stan import FRAMES, IqStan, create_iq_stan
from edgelpr.models.iq_stan_checkpoint import load_iq_stan, save_iq_stan
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format
from edgelpr.types import QualityUse

PLATES = PlateFormat("digits", "0123456789", 4, void=True)


@pytest.fixture(scope="module")
def network() -> IqStan:
    torch.manual_seed(0)
    return create_iq_stan(PLATES).eval()


def _frames(count: int = 2) -> torch.Tensor:
    return torch.rand(count, FRAMES, 50, 150, generator=torch.Generator().manual_seed(1))


def _present(*counts: int) -> torch.Tensor:
    return torch.stack([(torch.arange(FRAMES) < count).float() for count in counts])


@torch.inference_mode()
def test_outputs_have_the_papers_shapes_and_ranges(network: IqStan) -> None:
    output = network(_frames(), _present(5, 3))
    assert output.quality is not None and output.temporal is not None
    assert output.logits.shape == (2, 4, 11) and output.attention.shape == (2, 4, 210)
    assert output.quality.shape == (2, 5) and output.temporal.shape == (2, 7, 210)
    assert output.quality.min() >= 0 and output.quality.max() <= 1
    assert torch.allclose(output.attention.sum(2), torch.ones(2, 4), atol=1e-5)


@torch.inference_mode()
def test_absent_frames_weigh_nothing(network: IqStan) -> None:
    output = network(_frames(), _present(5, 3))
    assert output.quality is not None and output.temporal is not None
    assert bool((output.quality[1, 3:] == 0).all()) and bool((output.quality[1, :3] > 0).all())
    assert bool((output.temporal[1, :, 126:] == 0).all()) and bool((output.attention[1, :, 126:] == 0).all())
    assert bool((output.temporal[0] > 0).all())


@torch.inference_mode()
@pytest.mark.parametrize("quality", ["none", "branch", "branch+attention"])
@pytest.mark.parametrize("there", [[1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1]])
def test_what_stands_in_an_absent_frame_changes_nothing(quality: QualityUse, there: list[int]) -> None:
    torch.manual_seed(0)
    network, present = create_iq_stan(PLATES, quality).eval(), torch.tensor([there]).float()
    frames = _frames(1)
    others = torch.where(present[:, :, None, None] > 0, frames, 1 - frames)
    for one, other in zip(network(frames, present), network(others, present)):
        assert (one is None and other is None) or torch.equal(one, other)


def test_absent_frames_change_nothing_while_training() -> None:
    torch.manual_seed(0)
    network, present = create_iq_stan(PLATES), _present(1, 3)
    others = torch.where(present[:, :, None, None] > 0, _frames(), 0.0)
    found = []
    for frames in (_frames(), others):
        torch.manual_seed(3)  # of the dropout
        found.append(network.train()(frames, present).logits)
    assert torch.equal(*found)


@torch.inference_mode()
def test_a_frame_keeps_its_quality_when_another_one_is_added(network: IqStan) -> None:
    few, all_five = network(_frames(1), _present(2)).quality, network(_frames(1), _present(5)).quality
    assert few is not None and all_five is not None
    assert torch.allclose(few[:, :2], all_five[:, :2], atol=1e-6)


def test_parts_can_be_left_out_for_the_ablation() -> None:
    counts = {part: count_parameters(create_iq_stan(PLATES, part)) for part in ("none", "branch", "branch+attention")}  # type: ignore[arg-type]
    assert counts["none"] < counts["branch"] < counts["branch+attention"]
    bare = create_iq_stan(PLATES, "none").eval()(_frames(1), _present(5))
    assert bare.quality is None and bare.temporal is None
    scored = create_iq_stan(PLATES, "branch").eval()(_frames(1), _present(5))
    assert scored.quality is not None and scored.temporal is None


def test_chinese_weights_stay_small() -> None:
    network = create_iq_stan(load_plate_format("cn"))
    assert network.decoder.positions == 8
    assert count_parameters(network) == 1_538_547


@torch.inference_mode()
def test_the_decoder_is_told_the_truth_where_it_is_given(network: IqStan) -> None:
    frames, present = _frames(1), _present(5)
    own = network(frames, present).logits
    choices = own.argmax(2)
    assert torch.equal(network(frames, present, choices).logits, own)
    assert torch.equal(network(frames, present, torch.full((1, 4), -1)).logits, own)
    told = network(frames, present, (choices + 1) % 11).logits
    assert torch.equal(told[:, 0], own[:, 0]) and not torch.equal(told[:, 1], own[:, 1])


@torch.inference_mode()
def test_a_checkpoint_gives_the_same_network_again(tmp_path: Path, network: IqStan) -> None:
    path = tmp_path / "iq-stan.safetensors"
    save_iq_stan(path, network, notes={"steps": "0"})
    again = load_iq_stan(path)
    assert again.plate_format == PLATES and again.config == network.config and not again.training
    assert torch.equal(again(_frames(), _present(5, 2)).logits, network(_frames(), _present(5, 2)).logits)
    save_iq_stan(path, network, half=True)
    assert path.stat().st_size < 3.2e6
    torch.testing.assert_close(load_iq_stan(path).state_dict(), network.state_dict(), atol=1e-3, rtol=1e-3)


def test_checkpoints_of_other_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hpa.safetensors"
    save_checkpoint(path, create("hpa-nano", PLATES))
    with pytest.raises(CheckpointError, match="checkpoint of hpa-nano; expected one of iq-stan"):
        load_iq_stan(path)
    broken = create_iq_stan(PLATES)
    with torch.no_grad():
        broken.decoder.places[0, 0] = torch.nan
    with pytest.raises(CheckpointError, match="decoder.places.*not finite"):
        save_iq_stan(path, broken)
