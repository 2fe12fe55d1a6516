"""Checkpoints: round trip, and everything that is not one."""

from __future__ import annotations

import errno
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sample_networks import DIGITS, SMALL, small_network

from edgelpr.errors import CheckpointError
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture(autouse=True)
def small_architecture(monkeypatch):
    monkeypatch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, small_network(), notes={"data": "沪 plates"})
    return path


def alter(path, change_metadata=None, change_tensors=None):
    """Rewrite a checkpoint with other contents."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        metadata = json.loads(file.metadata()["edgelpr"])
    for change, content in ((change_metadata, metadata), (change_tensors, tensors)):
        if change is not None:
            change(content)
    save_file(tensors, path, {"edgelpr": json.dumps(metadata)})


@pytest.mark.parametrize("classifier", ["shared", "separate", "separate-no-maps"])
def test_round_trip(tmp_path, classifier):
    network, path = small_network(classifier=classifier), tmp_path / "a.safetensors"
    save_checkpoint(path, network)
    loaded = load_checkpoint(path)
    assert loaded.config == network.config
    assert loaded.plate_format == DIGITS
    assert not loaded.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert list(tmp_path.iterdir()) == [path]


def test_half_is_half_the_size_and_loads_as_float32(saved, tmp_path):
    half = tmp_path / "half.safetensors"
    save_checkpoint(half, small_network(), half=True)
    assert half.stat().st_size < 0.7 * saved.stat().st_size
    loaded = load_checkpoint(half)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    x = torch.rand(1, 3, 50, 160)
    torch.testing.assert_close(loaded(x).logits, load_checkpoint(saved)(x).logits, rtol=0.02, atol=0.02)


def test_the_network_lives_on_when_the_file_is_replaced(saved):
    network = load_checkpoint(saved)
    before = network.classifiers[0].linear.weight.clone()
    saved.write_bytes(b"\0" * saved.stat().st_size)
    assert torch.equal(network.classifiers[0].linear.weight, before)


def test_a_variant_of_the_format_may_be_given(saved):
    pattern = ("0123456789",) * 4
    assert load_checkpoint(saved, replace(DIGITS, pattern=pattern)).plate_format.pattern == pattern
    with pytest.raises(CheckpointError, match=r"'digits'.*'other' differs from it in alphabet"):
        load_checkpoint(saved, replace(DIGITS, name="other", alphabet="ABCDEFGHIJ"))


def test_what_no_name_stands_for_is_not_saved(tmp_path):
    network = hpa.Hpa(replace(SMALL, fusion_width=8), DIGITS)
    with pytest.raises(CheckpointError, match="not one of"):
        save_checkpoint(tmp_path / "a.safetensors", network)
    assert not list(tmp_path.iterdir())


def test_a_diverged_network_is_not_saved(tmp_path):
    network = small_network()
    network.classifiers[0].linear.bias.data[0] = float("nan")
    with pytest.raises(CheckpointError, match=r"a\.safetensors: 'classifiers\.0\.linear\.bias'.*diverged"):
        save_checkpoint(tmp_path / "a.safetensors", network)


def test_values_too_large_for_half_are_not_cut(tmp_path):
    network = small_network()
    network.classifiers[0].linear.bias.data[0] = 1e6
    with pytest.raises(CheckpointError, match="half precision"):
        save_checkpoint(tmp_path / "a.safetensors", network, half=True)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file(saved, monkeypatch, failure):
    before = saved.read_bytes()

    def fail(*_):
        raise failure

    monkeypatch.setattr("os.fsync", fail)
    expected = CheckpointError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        save_checkpoint(saved, small_network())
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"just some text", "not a checkpoint"),
        (b"PK\x03\x04 and no archive behind it", "cut short or damaged"),
        (b"\x80\x02 and no pickle behind it", "unsafe or unsupported pickle, refused"),
    ],
)
def test_files_that_are_no_checkpoints(tmp_path, content, message):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(str(path))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"absent.pth: cannot be read"):
        load_checkpoint(tmp_path / "absent.pth")
    with pytest.raises(CheckpointError, match="is a folder"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("kept", [0.01, 0.1, 0.3, 0.5, 0.999])
def test_truncated(saved, tmp_path, kept):
    pickled = tmp_path / "weights.pth"
    torch.save(small_network().state_dict(), pickled)
    for path in (saved, pickled):
        content = path.read_bytes()
        path.write_bytes(content[: int(kept * len(content))])
        with pytest.raises(CheckpointError, match="cut short"):
            load_checkpoint(path)


class Payload:
    """A pickle of this runs code when it is loaded carelessly."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def plain_pickle(content, path, protocol):
    path.write_bytes(pickle.dumps(content, protocol))


def torch_archive(content, path, protocol):
    torch.save(content, path, pickle_protocol=protocol)


def old_torch_file(content, path, protocol):
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("write", [plain_pickle, torch_archive, old_torch_file])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, recwarn, write, protocol, wrapped):
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    write({"state_dict": Payload(trace)} if wrapped else Payload(trace), path, protocol)
    with pytest.raises(CheckpointError, match="unsafe or unsupported pickle, refused; nothing in it was run") as caught:
        load_checkpoint(path)
    assert "weights_only" not in str(caught.value)
    assert not recwarn.list
    assert not trace.exists()


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_pickle_as_no_torch_writes_it_is_not_even_opened(tmp_path, protocol):
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    plain_pickle(Payload(trace), path, protocol)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(path)
    assert not trace.exists()


def test_an_archive_with_a_program_is_refused(tmp_path, recwarn):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "program.pt")
    recwarn.clear()  # torch calls its own scripting outdated
    with pytest.raises(CheckpointError, match="nothing in it was run") as caught:
        load_checkpoint(tmp_path / "program.pt")
    assert "weights_only" not in str(caught.value)
    assert not recwarn.list


@pytest.mark.parametrize("kept", [0.01, 0.1, 0.5, 0.999])
def test_an_old_torch_file_cut_short(tmp_path, kept):
    old_torch_file(small_network().state_dict(), tmp_path / "old.pth", 2)
    content = (tmp_path / "old.pth").read_bytes()
    (tmp_path / "old.pth").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CheckpointError, match="cut short"):
        load_checkpoint(tmp_path / "old.pth")


def test_a_dictionary_that_holds_itself(tmp_path):
    content = {"state_dict": {}}
    content["state_dict"]["model"] = content
    torch.save(content, tmp_path / "loop.pth")
    with pytest.raises(CheckpointError, match=r"loop\.pth: expected a state dict"):
        load_checkpoint(tmp_path / "loop.pth")


def test_a_whole_pickled_network_is_refused(tmp_path):
    torch.save(small_network(), tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match=r"state_dict\(\)"):
        load_checkpoint(tmp_path / "whole.pth")


def test_no_dictionary(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(CheckpointError, match="holds a Tensor"):
        load_checkpoint(tmp_path / "tensor.pth")


def test_missing_surplus_and_misshapen_tensors_are_named(saved):
    def change(tensors):
        del tensors["semantic.head.bias"]
        tensors["extra"] = torch.zeros(1)
        tensors["classifiers.0.linear.bias"] = torch.zeros(5)

    alter(saved, change_tensors=change)
    with pytest.raises(CheckpointError, match=r"semantic.head.bias") as caught:
        load_checkpoint(saved)
    assert "1 surplus: extra" in str(caught.value)
    assert "classifiers.0.linear.bias (5,), expected (11,)" in str(caught.value)


def test_long_lists_are_shortened(saved):
    alter(saved, change_tensors=lambda tensors: [tensors.pop(name) for name in list(tensors)[:40]])
    with pytest.raises(CheckpointError, match=r"40 missing: .* and 28 more"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema 2.*install a newer edgelpr"),
        ({"schema": "1"}, "schema '1'"),
        ({"architecture": "hpa-other"}, "architecture is 'hpa-other'"),
        ({"classifier": None}, "classifier is None"),
        ({"classifier": "separate"}, "tensors differ"),
        ({"plate_format": {"name": "x"}}, "plate format: missing key alphabet, positions"),
        ({"plate_format": 3}, "plate format"),
        ({"preprocessing": {"height": 50}}, "preprocessing is"),
        ({"notes": [1]}, "notes"),
        ({"colour": "blue"}, "unknown colour"),
    ],
)
def test_altered_metadata(saved, changes, message):
    alter(saved, change_metadata=lambda metadata: metadata.update(changes))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(saved)
    assert str(caught.value).startswith(str(saved))


@pytest.mark.parametrize("text", ["{", "[]"])
def test_metadata_that_is_no_json_object(saved, text):
    save_file({"a": torch.zeros(1)}, saved, {"edgelpr": text})
    with pytest.raises(CheckpointError, match="metadata"):
        load_checkpoint(saved)


def test_metadata_with_a_key_missing(saved):
    alter(saved, change_metadata=lambda metadata: metadata.pop("notes"))
    with pytest.raises(CheckpointError, match="lacks notes"):
        load_checkpoint(saved)


def test_weights_of_another_program(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"encoder.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(CheckpointError, match=r"not a checkpoint of the HPA authors' network.*surplus: encoder.weight"):
        load_checkpoint(path)
