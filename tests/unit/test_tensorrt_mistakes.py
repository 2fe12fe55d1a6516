"""The stand-ins can fail: each mistake planted in a copy of the code that runs engines is found by them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from threading import Thread
from types import ModuleType

import numpy as np
import pytest
from doubles import surfaces
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt, freed_late, living
from sample_engines import open_sample, plan_of

from edgelpr.engines.identity import EngineIdentity
from edgelpr.errors import BackendError
from edgelpr.runtime.backends.tensorrt.runner import TensorRtRunner
from edgelpr.runtime.executing.engine import Engine

pytest.importorskip("onnxruntime")

MISTAKES = {
    "outputs are read before they are there": (
        "lane",
        "        self._device.synchronise(self._stream)\n\n    def time_parts",
        "\n\n    def time_parts",
    ),
    "too few bytes go in": ("buffers", "tensor.bytes * count, stream)", "tensor.bytes * (count - 1) or 1, stream)"),
    "too many bytes go in": ("buffers", "tensor.bytes * count, stream)", "tensor.bytes * 99, stream)"),
    "device memory for one crop": ("buffers", "self._device.allocate(size)", "self._device.allocate(tensor.bytes)"),
    "too little memory to work in": ("lane", "max(1, engine.scratch_bytes)", "64"),
    "memory is freed while it is used": (
        "buffers",
        "            stack.callback(self._device.free, address)\n",
        "            self._device.free(address)\n",
    ),
    "memory is freed twice": (
        "lane",
        "            self._stack = stack.pop_all()\n",
        "            stack.callback(device.free, self._scratch)\n            self._stack = stack.pop_all()\n",
    ),
    "a graph is not given back": (
        "lane",
        "                    self._device.destroy_graph(program.graph)\n",
        "                    pass\n",
    ),
    "a stream is not given back": ("lane", "            stack.callback(device.destroy_stream, self._stream)\n", ""),
    "the device is not made current in a thread": ("lane", "        self._device.activate()\n", ""),
    "the input is at another address": (
        "buffers",
        "        self.addresses[tensor.name] = address\n",
        "        self.addresses[tensor.name] = pinned.address\n",
    ),
    "the shape is not set": ("lane", "        bound.reshape(tensor.name, (count, *tensor.shape))\n", ""),
    "the optimisation profile is not taken": ("lane", "        bound.select_profile(self._stream)\n", ""),
    "general kernels are captured": ("kernels", "SpecializationStrategy.EAGER", "SpecializationStrategy.LAZY"),
    "contexts of TensorRT-RTX have memory of their own": ("kernels", "Strategy.USER_MANAGED", "Strategy.STATIC"),
    "an address is not set": ("lane", "bound.place(self._buffers.addresses)", "bound.place({})"),
    "one context serves all sizes": (
        "lane",
        "        bound = self._context(count)\n        self._enqueue",
        "        bound = self._contexts[0] if self._contexts else self._context(count)\n        self._enqueue",
    ),
    "contexts have no memory to work in": (
        "engine",
        "            context.set_device_memory(scratch, self.scratch_bytes)\n",
        "            pass\n",
    ),
    "contexts outlive their device": ("lane", "                bound.close()\n", "                pass\n"),
    "the engine outlives its device": ("engine", "        self._engine = None\n        self._runtime", "        self._runtime"),
    "outputs are not fetched": ("lane", "        self._buffers.copy_out(count, self._stream)\n", ""),
    "outputs are views on memory that the next batch overwrites": ("lane", "[:count].copy()", "[:count]"),
    "a failed lane is freed while its work waits": (
        "lane",
        "        with suppress(DeviceError):\n            self.wait()\n",
        "",
    ),
}
"""What is wrong: the file, what stands there, and what stands there instead."""

VERSIONS = {"the optimisation profile is not taken": "8.6.1"}
"""Where another TensorRT than 10.3 finds it; those in ``kernels`` are TensorRT-RTX's."""


def planted(file: str, old: str, new: str) -> ModuleType:
    """A copy of a module that runs engines, with the mistake in it."""
    folder = "backends.tensorrt_rtx" if file == "kernels" else "executing"
    original = importlib.import_module(f"edgelpr.runtime.{folder}.{file}")
    source = Path(str(original.__file__)).read_text(encoding="utf-8")
    assert source.count(old) >= 1, f"{file}.py has changed: {old!r} is not there"
    copy = ModuleType(original.__name__)
    exec(compile(source.replace(old, new), str(original.__file__), "exec"), copy.__dict__)
    return copy


def use(bundle, paint, cuda: FakeCuda, version: str = "10.3.0") -> None:
    """Open, read batches of several sizes in several threads' lanes, fail once, close; every result is checked."""
    sample = open_sample(bundle, version, cuda, batches=(1, 2, 8))
    kept = []
    for count in (1, 3, 8, 3, 1):
        raw = sample.runner.run(np.stack([paint(str(number)) for number in range(count)]))
        kept.append((count, raw))
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            sample.runner.run(paint("5")[None])
        except BaseException as error:
            errors.append(error)

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert not errors, errors
    for count, raw in kept:
        assert raw.classes[:, 0].tolist() == list(range(count))
    sample.module._failures = 1
    with pytest.raises(BackendError, match="failed on a batch of 2"):
        sample.runner.run(np.stack([paint("7")] * 2))
    assert sample.runner.run(paint("7")[None]).classes[0, 0] == 7
    sample.runner.close()
    assert cuda.leaks() == ()
    assert living(sample.module) == freed_late(sample.module) == []


@pytest.mark.parametrize("version", surfaces.VERSIONS)
def test_without_a_mistake_all_is_well(tiny_bundle, paint, version):
    use(tiny_bundle, paint, FakeCuda(), version)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(tiny_bundle, paint, monkeypatch, mistake):
    file, old, new = MISTAKES[mistake]
    copy = planted(file, old, new)
    names = {"lane": ("runner", "Lane"), "buffers": ("lane", "Buffers"), "engine": (None, "Engine")}
    names["kernels"] = ("engine", "Kernels")
    module, name = names[file]
    version = surfaces.RTX if file == "kernels" else VERSIONS.get(mistake, "10.3.0")
    target = sys.modules["sample_engines" if module is None else f"edgelpr.runtime.executing.{module}"]
    monkeypatch.setattr(target, name, getattr(copy, name))
    with pytest.raises((AssertionError, BackendError)):
        use(tiny_bundle, paint, FakeCuda(), version)


def test_an_engine_that_was_built_without_sharing_its_profile(tiny_bundle, paint):
    """Which TensorRT 8 needs for a context a batch size; ``edgelpr build`` sets it."""
    cuda = FakeCuda()
    module = executing_tensorrt("8.6.1", cuda)
    graph = tiny_bundle.graph("fp32", "tensorrt")
    engine = Engine(module, plan_of(tiny_bundle, "8.6.1", previews=[]), graph, "x.plan", "edgelpr build x.elpr")
    runner = TensorRtRunner(EngineIdentity("a GPU", "0" * 64, "8.6.1"), cuda, engine, None)
    with pytest.raises(BackendError, match="cannot take its optimisation profile .*profile 0 is in use by another context"):
        runner.run(np.stack([paint("1")] * 2))
    runner.close()
    assert cuda.leaks() == ()
