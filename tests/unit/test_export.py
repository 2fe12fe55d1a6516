"""Export: the contract of the graph, every rewrite alone and together, and failures that leave nothing."""

from __future__ import annotations

import errno
import itertools
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sample_networks import DIGITS, SMALL, noise_crops, small_network, with_weights

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BundleError, ExportError, ParityError, UsageError
from edgelpr.export import native_fusion, rewrites, simplifying
from edgelpr.export.counting import count_graph_multiply_adds
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.export.parity import TOLERANCE, check_rewrite, compare, make_reference
from edgelpr.export.running import run_with_onnxruntime
from edgelpr.export.to_onnx import to_onnx
from edgelpr.export.wrapping import GraphModule
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.counting import count_multiply_adds
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format

CROPS = noise_crops(5)
QUICK = ExportOptions(opset=17, simplify=False)
"""The older exporter is several times faster, so most tests use it."""


@pytest.fixture(autouse=True)
def small_architecture(monkeypatch):
    monkeypatch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture(scope="module")
def default_export(network, tmp_path_factory):
    """An export with all defaults."""
    return export_bundle(network, tmp_path_factory.mktemp("export") / "small.elpr", ExportOptions(), CROPS, lambda _: None)


def export(network, path, options=QUICK, crops=CROPS):
    return export_bundle(network, path, options, crops, lambda _: None)


def session_of(bundle):
    return onnxruntime.InferenceSession(str(bundle.file("fp32.onnx")), providers=["CPUExecutionProvider"])


def test_default_export(default_export, network):
    bundle = Bundle.open(default_export.bundle.path)
    graph = bundle.graph("fp32")
    assert (graph.opset, graph.rewrites, graph.input_name, graph.input_shape) == (20, REWRITES, "crops", (None, 50, 160))
    assert graph.outputs == ("classes", "probabilities", "maps")
    assert bundle.manifest.plate_format == DIGITS
    assert set(bundle.manifest.parity) == {*REWRITES, "graph"}
    assert max(bundle.manifest.parity.values()) <= TOLERANCE
    assert default_export.multiply_adds_before == count_multiply_adds(network)
    assert default_export.multiply_adds_after == graph.multiply_adds < default_export.multiply_adds_before


def test_the_file_keeps_to_the_contract(default_export):
    model = onnx.load(default_export.bundle.file("fp32.onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 20)]
    assert model.ir_version <= 10
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    session = session_of(default_export.bundle)
    described = [(item.name, item.type, item.shape) for item in (*session.get_inputs(), *session.get_outputs())]
    assert described == [
        ("crops", "tensor(uint8)", ["batch", 50, 160]),
        ("classes", "tensor(int32)", ["batch", 4]),
        ("probabilities", "tensor(float)", ["batch", 4]),
        ("maps", "tensor(float)", ["batch", 4, 7, 20]),
    ]


def test_the_file_tells_nothing_about_this_machine(default_export):
    content = default_export.bundle.file("fp32.onnx").read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content


@pytest.mark.parametrize("count", [1, 7, 256])
def test_any_batch(default_export, network, count):
    crops = np.resize(noise_crops(16), (count, 50, 160))
    classes, probabilities, maps = session_of(default_export.bundle).run(None, {"crops": crops})
    planes = torch.from_numpy(crops).float()[:, None].expand(-1, 3, -1, -1) / 255
    with torch.no_grad():
        wanted = network(planes)
    best = torch.softmax(wanted.logits, -1).max(-1)
    assert np.array_equal(classes, best.indices.numpy())
    np.testing.assert_allclose(probabilities, best.values.numpy(), atol=1e-5)
    np.testing.assert_allclose(maps, wanted.position[:, :-1].numpy(), atol=1e-5)


@pytest.mark.parametrize("classifier", ["shared", "separate", "separate-no-maps"])
@pytest.mark.parametrize("rewrite", REWRITES)
def test_each_rewrite_alone_is_exact(classifier, rewrite):
    network = small_network(classifier=classifier)
    check = check_rewrite(network, rewrite, CROPS, make_reference(network, CROPS, maps=True))
    assert max(check.differences.values()) < 1e-12
    assert check.ties == 0


@pytest.mark.parametrize("chosen", [subset for count in (0, 1, 2) for subset in itertools.combinations(REWRITES, count)])
def test_every_subset_exports(network, tmp_path, chosen):
    report = export(network, tmp_path / "a.elpr", replace(QUICK, rewrites=chosen))
    graph = report.bundle.graph("fp32")
    assert graph.rewrites == chosen
    assert graph.opset == 17
    assert [check.name for check in report.checks] == [*chosen, "graph"]


def test_plain_counts_equal_the_networks(network, tmp_path):
    report = export(network, tmp_path / "a.elpr", replace(QUICK, rewrites=(), maps=False))
    assert report.multiply_adds_after == report.multiply_adds_before
    assert report.bundle.graph("fp32").outputs == ("logits",)
    assert report.bundle.graph("fp32").input_shape == (None, 3, 50, 160)


def test_a_network_without_maps_has_no_such_output(tmp_path):
    report = export(small_network(classifier="separate-no-maps"), tmp_path / "a.elpr")
    assert report.bundle.graph("fp32").outputs == ("classes", "probabilities")


@pytest.mark.parametrize(
    "plate_format",
    [
        PlateFormat("two-rows", "ABC123", positions=6, rows=2),
        PlateFormat("small", "ABC123", positions=2, input_size=(32, 64)),
        PlateFormat("large", "ABC123", positions=2, input_size=(128, 384)),
    ],
)
def test_other_input_sizes(tmp_path, plate_format):
    network = small_network(plate_format)
    report = export(network, tmp_path / "a.elpr", crops=noise_crops(2, plate_format.height_width))
    assert report.multiply_adds_after < report.multiply_adds_before


def test_a_level_that_would_cost_more_is_upsampled(network):
    planned = native_fusion.NativeFusion(GraphModule(network, (), maps=True).network)
    kinds = [type(level).__name__ for level in planned.levels]
    assert kinds == ["Upsampling", "Placement"]  # 16 channels at 4x10 are cheaper to convolve at 7x20
    with torch.no_grad():
        torch.testing.assert_close(planned(torch.ones(1, 3, 50, 160)).logits, network(torch.ones(1, 3, 50, 160)).logits)


def test_the_pattern_rules_classes_out(tmp_path):
    even = replace(DIGITS, pattern=("02468",) * 4)
    network = small_network(even)
    report = export(network, tmp_path / "a.elpr")
    classes, probabilities, _ = session_of(report.bundle).run(None, {"crops": CROPS})
    assert set(classes.ravel()) <= {0, 2, 4, 6, 8, 10}
    assert not set(session_classes(network)) <= {0, 2, 4, 6, 8, 10}  # without the pattern others win
    assert (probabilities <= 1).all()


def session_classes(network):
    planes = torch.from_numpy(CROPS).float()[:, None].expand(-1, 3, -1, -1) / 255
    with torch.no_grad():
        return network(planes).logits.argmax(-1).ravel().tolist()


@pytest.mark.parametrize(
    ("rewrites", "expected"),
    [(("grey-fold", "native-fusion", "decode"), 0.751e9), (REWRITES, 0.710e9)],
    ids=["without-late-attention", "all"],
)
def test_resnet18_saves_more_than_a_third_of_its_multiply_adds(rewrites, expected):
    network = with_weights(hpa.create("hpa-resnet18", load_plate_format("aolp")))
    module = GraphModule(network, rewrites, maps=True)
    model = to_onnx(module, 17)
    assert count_graph_multiply_adds(model) == pytest.approx(expected, rel=1e-3)
    reference = make_reference(network, CROPS[:2], maps=True)
    check = compare("graph", [(slice(None), run_with_onnxruntime(model, module)(CROPS[:2]))], reference)
    assert max(check.differences.values()) <= TOLERANCE


def test_the_network_given_is_left_as_it_was(network, tmp_path):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    export(network, tmp_path / "a.elpr")
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_weights_can_be_included(network, tmp_path):
    report = export(network, tmp_path / "a.elpr", replace(QUICK, include_weights=True))
    loaded = load_checkpoint(report.bundle.file("weights.safetensors"))
    assert torch.equal(loaded.semantic.head.weight, network.semantic.head.weight)


def test_a_wrong_rewrite_fails_the_export(network, tmp_path, monkeypatch):
    def wrong(copy):
        copy.spatial.blocks[0].conv.bias.data += 1e-3
        right(copy)

    right = rewrites.fold_grey
    monkeypatch.setattr(rewrites, "fold_grey", wrong)
    with pytest.raises(ParityError, match=r"grey-fold: '.*' differs .*--no-rewrite"):
        export(network, tmp_path / "a.elpr")
    assert not list(tmp_path.iterdir())
    assert export(network, tmp_path / "a.elpr", replace(QUICK, rewrites=("native-fusion",))).bundle.path.is_dir()


def test_a_wrong_graph_fails_the_export(network, tmp_path, monkeypatch):
    def wrong(module, opset):
        model = to_onnx(module, opset)
        weight = next(item for item in model.graph.initializer if len(item.dims) == 4)
        weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * np.float32(1.01), weight.name))
        return model

    monkeypatch.setattr("edgelpr.export.exporting.to_onnx", wrong)
    with pytest.raises(ParityError, match="graph: 'probabilities' differs"):
        export(network, tmp_path / "a.elpr")
    assert not list(tmp_path.iterdir())


def test_another_winner_is_an_error_unless_it_is_a_tie(network):
    reference = make_reference(network, CROPS, maps=False)
    classes = reference.scores.argmax(-1)
    right = {"classes": classes.astype(np.int32), "probabilities": reference.tensors["probabilities"]}
    assert compare("graph", [(slice(None), right)], reference).ties == 0
    other = np.argsort(reference.scores[0, 1])[-2]
    wrong = right | {"classes": right["classes"].copy()}
    wrong["classes"][0, 1] = other
    with pytest.raises(ParityError, match=r"position 2\), and it is no tie"):
        compare("graph", [(slice(None), wrong)], reference)
    reference.tensors["logits"][0, 1, other] = reference.tensors["logits"][0, 1, classes[0, 1]] - 1e-9
    assert compare("graph", [(slice(None), wrong)], reference).ties == 1


def test_nan_is_a_difference(network):
    reference = make_reference(network, CROPS, maps=False)
    outputs = {"logits": np.full_like(reference.tensors["logits"], np.nan)}
    with pytest.raises(ParityError, match="nan"):
        compare("graph", [(slice(None), outputs)], reference)


def broken_simplifier(model):
    raise RuntimeError("onnxsim fell over")


def unsound_simplifier(model):
    for weight in model.graph.initializer:
        if len(weight.dims) == 4:
            weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * np.float32(2), weight.name))
    return model, True


def renaming_simplifier(model):
    model.graph.output[0].name = "other"
    return model, True


@pytest.mark.parametrize(
    ("simplifier", "reason"),
    [
        (broken_simplifier, "fell over"),
        (unsound_simplifier, "differs"),
        (renaming_simplifier, "changed the graph's inputs or outputs"),
        (lambda model: (model, False), "own check"),
    ],
)
def test_the_unsimplified_graph_is_kept(network, tmp_path, monkeypatch, simplifier, reason):
    class FakeOnnxsim:
        @staticmethod
        def simplify(model):
            copy = onnx.ModelProto()
            copy.CopyFrom(model)
            return simplifier(copy)

    monkeypatch.setattr(simplifying, "require", lambda *_: FakeOnnxsim)
    report = export(network, tmp_path / "a.elpr", replace(QUICK, simplify=True))
    assert report.simplification.outcome == "kept"
    assert reason in report.simplification.reason


def test_simplifying_removes_nodes(network, tmp_path):
    report = export(network, tmp_path / "a.elpr", replace(QUICK, simplify=True))
    assert report.simplification.outcome == "simplified"
    assert report.simplification.nodes_after < report.simplification.nodes_before


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_and_ctrl_c_leave_nothing(network, tmp_path, monkeypatch, failure):
    def fail(*_):
        raise failure

    monkeypatch.setattr("os.fsync", fail)
    expected = (BundleError, ExportError) if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        export(network, tmp_path / "a.elpr")
    assert not list(tmp_path.iterdir())


def test_an_existing_bundle_is_refused_at_once_or_replaced(network, tmp_path):
    export(network, tmp_path / "a.elpr", replace(QUICK, maps=False))
    with pytest.raises(BundleError, match=r"already exists.*--overwrite"):
        export(network, tmp_path / "a.elpr")
    export(network, tmp_path / "a.elpr", replace(QUICK, overwrite=True))
    assert "maps" in Bundle.open(tmp_path / "a.elpr").graph("fp32").outputs


def test_a_missing_parent_folder_is_named(network, tmp_path):
    with pytest.raises(BundleError, match="create"):
        export(network, tmp_path / "absent" / "a.elpr")


def test_a_folder_that_is_no_bundle_is_refused_before_any_work(network, tmp_path, monkeypatch):
    monkeypatch.setattr("edgelpr.export.exporting.make_reference", lambda *_: pytest.fail("the work had begun"))
    (tmp_path / "photos").mkdir()
    with pytest.raises(BundleError, match="photos: exists and will not be overwritten, because it is not a bundle"):
        export(network, tmp_path / "photos", replace(QUICK, overwrite=True))


@pytest.mark.parametrize("crops", [CROPS[:0], CROPS[:, :40], CROPS.astype(np.float32), CROPS[0]])
def test_crops_of_another_size_or_type(network, tmp_path, crops):
    with pytest.raises(UsageError, match="parity crops"):
        export(network, tmp_path / "a.elpr", crops=crops)


def test_the_oldest_opset_takes_floats_for_the_oldest_boards(network, tmp_path):
    report = export(network, tmp_path / "a.elpr", ExportOptions(opset=13, rewrites=("grey-fold",), simplify=False))
    graph = report.bundle.graph("fp32")
    assert (graph.opset, graph.input_dtype) == (13, "float32")
    model = onnx.load(report.bundle.file("fp32.onnx"))
    assert [item.version for item in model.opset_import] == [13]


@pytest.mark.parametrize("choices", [{"opset": 16}, {"opset": 21}, {"rewrites": ("grey",)}, {"rewrites": ("decode", "decode")}])
def test_choices_that_do_not_exist(choices):
    with pytest.raises(UsageError):
        ExportOptions(**choices)
