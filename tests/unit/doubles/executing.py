"""A stand-in for the executing half of TensorRT: ONNX Runtime computes what an engine would, in a stream of ``FakeCuda``.

It touches memory only through ``FakeCuda``, by the addresses it was given, when the stream's turn comes; and it refuses what
the real one refuses: plans of another version or GPU, shapes outside the profile, tensors without an address, a first run
inside a capture. What ends the process with the real one is an AssertionError here, and so is what it would let pass for ever:
a CUDA graph of the general kernels that TensorRT-RTX runs until those for a shape are compiled.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterable, Mapping
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime

from .building import Bench, backend_of, fake_tensorrt
from .cuda import FakeCuda
from .plans import open_fake_plan

SCRATCH = 4096
"""Bytes that a context works in."""

_TYPES = {"tensor(uint8)": "UINT8", "tensor(int32)": "INT32", "tensor(float)": "FLOAT", "tensor(float16)": "HALF"}
_NUMPY = {"UINT8": np.uint8, "INT32": np.int32, "FLOAT": np.float32, "HALF": np.float16}


def _born(item: Any) -> None:
    """Count an object of TensorRT, and note when it is freed after the device that it lives on."""
    module = item._module
    module._living.add(item)
    weakref.finalize(item, _freed, type(item).__name__, module._cuda, module._late)


def _freed(name: str, cuda: FakeCuda, late: list[str]) -> None:
    if cuda.closed:
        late.append(name)


class Runtime:
    def __init__(self, log: Any) -> None:
        assert self._module._cuda is not None, "the process ends here: a TensorRT runtime was made without a driver"
        self._log = weakref.ref(log)  # as TensorRT, which keeps a bare pointer
        if not self._module._starts:
            self._say("CUDA initialization failure with error: 2")
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self._host_code, self._dla_core = False, -1
        _born(self)

    @property
    def engine_host_code_allowed(self) -> bool:
        return self._host_code

    @engine_host_code_allowed.setter
    def engine_host_code_allowed(self, value: bool) -> None:
        self._host_code = value

    @property
    def DLA_core(self) -> int:  # noqa: N802 - TensorRT's name
        return self._dla_core

    @DLA_core.setter
    def DLA_core(self, value: int) -> None:  # noqa: N802
        self._dla_core = value
        self._module._dla_cores.append(value)

    def deserialize_cuda_engine(self, plan: bytes) -> Any:
        try:
            facts, graph = open_fake_plan(plan)
        except ValueError as error:
            return self._say(f"Error Code 4: API Usage Error ({error})")
        problem = self._mismatch(facts)
        return self._say(problem) if problem else self._module.ICudaEngine(self, facts, graph)

    def _mismatch(self, facts: Mapping[str, Any]) -> str | None:
        here, module = self._module._cuda.facts.sm, self._module
        if facts["backend"] != backend_of(module.__version__):
            return "Error Code 1: Serialization (the magic tag does not match)"
        if facts["version_compatible"] and not self._host_code:
            return "Error Code 3: API Usage Error (the plan has host code, which engine_host_code_allowed does not permit)"
        if facts["version"] != module.__version__ and not facts["version_compatible"]:
            return f"Error Code 6: The engine plan file is not compatible with this version: {facts['version']}"
        if here not in (facts.get("targets") or [facts["compute_capability"]]):
            return f"Error Code 6: The engine plan file is for {facts['compute_capability']}, not for {here}"
        return None

    def _say(self, problem: str) -> None:
        log = self._log()
        assert log is not None, "the process ends here: the log of a TensorRT runtime is gone"
        log.log(self._module.ILogger.Severity.ERROR, problem)


class ICudaEngine:
    def __init__(self, runtime: Any, facts: Mapping[str, Any], graph: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._runtime, self._facts, self._graph = runtime, facts, graph
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self._tensors = {tensor.name: tensor for tensor in (*inputs, *outputs)}
        self._inputs = [tensor.name for tensor in inputs]
        self._user: Any = lambda: None
        self._contexts = 0
        _born(self)

    def _shape(self, name: str, count: int = -1) -> tuple[int, ...]:
        return tuple(side if isinstance(side, int) else count for side in self._tensors[name].shape)

    def _bytes(self, name: str, count: int) -> int:
        return prod(self._shape(name, count)) * np.dtype(_NUMPY[_TYPES[self._tensors[name].type]]).itemsize

    @property
    def num_io_tensors(self) -> int:
        return len(self._tensors)

    @property
    def device_memory_size(self) -> int:
        return SCRATCH

    @property
    def device_memory_size_v2(self) -> int:
        return SCRATCH

    def get_tensor_name(self, index: int) -> str:
        return list(self._tensors)[index]

    def get_tensor_mode(self, name: str) -> Any:
        modes = self._module.TensorIOMode
        return modes.INPUT if name in self._inputs else modes.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return getattr(self._module.DataType, _TYPES[self._tensors[name].type])

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shape(name)

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        assert profile_index == 0 and name in self._inputs
        return [tuple(shape) for shape in self._facts["profile"][name]]

    def create_execution_context(self, strategy: Any = None) -> Any:
        if isinstance(strategy, IRuntimeConfig):
            managed = strategy.get_execution_context_allocation_strategy().name == "USER_MANAGED"
            return self._module.IExecutionContext(self, managed, strategy)
        return self._module.IExecutionContext(self, managed=strategy is not None and strategy.name == "USER_MANAGED")

    def create_runtime_config(self) -> Any:
        return self._module.IRuntimeConfig(self)

    def create_execution_context_without_device_memory(self) -> Any:
        return self._module.IExecutionContext(self, managed=True)

    def create_engine_inspector(self) -> Any:
        return self._module.EngineInspector(self)


class IRuntimeConfig:
    def __init__(self, engine: Any) -> None:
        self._engine, self._cache = engine, None
        self._memory = self._module.ExecutionContextAllocationStrategy.STATIC
        kinds = getattr(self._module, "DynamicShapesKernelSpecializationStrategy", None)  # TensorRT-RTX alone
        self._kernels = None if kinds is None else kinds.LAZY
        _born(self)

    def get_execution_context_allocation_strategy(self) -> Any:
        return self._memory

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self._memory = strategy

    @property
    def dynamic_shapes_kernel_specialization_strategy(self) -> Any:
        return self._kernels

    @dynamic_shapes_kernel_specialization_strategy.setter
    def dynamic_shapes_kernel_specialization_strategy(self, value: Any) -> None:
        self._kernels = value

    def create_runtime_cache(self) -> Any:
        return self._module.IRuntimeCache()

    def set_runtime_cache(self, cache: Any = None) -> bool:
        self._cache = cache
        return True


class IRuntimeCache:
    """The shapes whose kernels are compiled; it is for one GPU and one version."""

    def __init__(self) -> None:
        self._shapes: set[int] = set()
        _born(self)

    def _whose(self) -> list[str]:
        cuda = self._module._cuda
        assert cuda.is_current, "no context is current in this thread; activate() is missing"
        return [self._module.__version__, cuda.facts.name]

    def deserialize(self, blob: bytes) -> bool:
        whose = self._whose()
        try:
            found = json.loads(blob)
        except ValueError:
            return False
        if found["whose"] != whose:
            return False
        self._shapes |= set(found["shapes"])
        return True

    def serialize(self) -> bytes:
        return json.dumps({"whose": self._whose(), "shapes": sorted(self._shapes)}).encode()


class IExecutionContext:
    def __init__(self, engine: Any, managed: bool, config: Any = None) -> None:
        self._engine, self._managed, self._config = engine, managed, config
        engine._contexts += 1
        self._has_profile = engine._contexts == 1 or not self._module.__version__.startswith("8.")
        if self._has_profile:
            engine._user = weakref.ref(self)
        self._scratch: int | None = None
        self._counts: dict[str, int] = {}
        self._ran: int | None = None
        self._addresses: dict[str, int] = {}
        self._using = threading.Lock()
        self._profiler: Any = None
        _born(self)

    @property
    def profiler(self) -> Any:
        return self._profiler

    @profiler.setter
    def profiler(self, value: Any) -> None:
        assert isinstance(value, self._module.IProfiler)
        self._profiler = value

    def set_device_memory(self, memory: int, size: int) -> None:
        assert size >= SCRATCH, f"a context needs {SCRATCH} bytes to work in, found {size}"
        self._place(memory)

    @property
    def device_memory(self) -> int:
        raise AttributeError("device_memory can only be set")

    @device_memory.setter
    def device_memory(self, memory: int) -> None:
        self._place(memory)

    def _place(self, memory: int) -> None:
        assert self._managed and memory % 256 == 0
        self._scratch = memory

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if name not in self._engine._inputs:
            return self._refuse(f"there is no input '{name}'")
        if not self._has_profile:
            return self._refuse("Error Code 3: no optimization profile is set; only the first context has one from the start")
        smallest, _, largest = self._engine._facts["profile"][name]
        within = all(low <= side <= high for low, side, high in zip(smallest, shape, largest, strict=True))
        if not within:
            return self._refuse(f"Error Code 3: the shape {list(shape)} of '{name}' is outside {smallest} to {largest}")
        self._counts[name] = shape[0]
        return True

    @property
    def _count(self) -> int | None:
        """Of the batch, once every input has a shape, and all of them the same number."""
        counts = {self._counts.get(name) for name in self._engine._inputs}
        return counts.pop() if len(counts) == 1 else None

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
        assert profile_index == 0, f"there is no profile {profile_index}"
        if not self._may_use_the_profile():
            return self._refuse("Error Code 3: profile 0 is in use by another context; each needs one of its own")
        self._has_profile, self._counts = True, {}
        self._module._cuda.enqueue(stream_handle, lambda: None, [], [])
        return True

    def _may_use_the_profile(self) -> bool:
        """Before TensorRT 10, contexts share a profile only where the engine was built with that preview feature."""
        engine = self._engine
        if "PROFILE_SHARING_0806" in engine._facts["previews"] or not self._module.__version__.startswith("8."):
            return True
        if engine._user() is None:
            engine._user = weakref.ref(self)
        return engine._user() is self

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self._engine._tensors or not memory:
            return self._refuse(f"no address {memory} for '{name}'")
        self._addresses[name] = memory
        return True

    def is_stream_capturable(self, stream: int) -> bool:
        return self._module._capturable and "REQUIRE_USER_ALLOCATION" in self._engine._facts["flags"]

    def execute_async_v3(self, stream_handle: int) -> bool:
        alone = self._using.acquire(blocking=False)
        assert alone, "two threads use one execution context at once"
        try:
            return self._execute(stream_handle)
        finally:
            self._using.release()

    def _execute(self, stream: int) -> bool:
        cuda, count, names = self._module._cuda, self._count, list(self._engine._tensors)
        if count is None or set(self._addresses) != set(names):
            return self._refuse("Error Code 3: a tensor has no shape or no address")
        if self._managed and self._scratch is None:
            return self._refuse("Error Code 3: no device memory was set")
        if self._module._failures > 0:
            self._module._failures -= 1
            return self._refuse("Error Code 1: Cuda Runtime (an illegal memory access was encountered)")
        if cuda.is_capturing(stream) and self._ran != count:
            return self._refuse("Error Code 1: Cuda Runtime (operation not permitted when stream is capturing)")
        self._ran = count
        self._compile(count, cuda.is_capturing(stream))
        spans = {name: (self._addresses[name], self._engine._bytes(name, count)) for name in names}
        reads = [spans[name] for name in self._engine._inputs]
        writes = [spans[name] for name in names if name not in self._engine._inputs]
        if self._scratch is not None:
            writes.append((self._scratch, SCRATCH))
        cuda.enqueue(stream, self._work(spans, count), reads, writes)
        if self._profiler is not None:
            assert not cuda.is_capturing(stream), "a context with a profiler waits for each layer, which no graph can hold"
            self._tell(cuda, stream)
        return True

    def _tell(self, cuda: FakeCuda, stream: int) -> None:
        """The times of layers, once they have run: a hundredth of a millisecond, two, three."""
        cuda.synchronise(stream)
        for number, node in enumerate(onnx.load_model_from_string(self._engine._graph).graph.node, 1):
            self._profiler.report_layer_time(node.name or node.op_type, number / 100)

    def _compile(self, count: int, capturing: bool) -> None:
        """TensorRT-RTX compiles for a shape when it first runs, while others wait (EAGER) or not."""
        kinds = getattr(self._module, "DynamicShapesKernelSpecializationStrategy", None)
        if kinds is None:
            return
        waits = self._config is not None and self._config._kernels == kinds.EAGER
        assert waits or not capturing, "general kernels are captured; those for this shape may not be compiled yet"
        cache = None if self._config is None else self._config._cache
        known = set() if cache is None else cache._shapes
        if count not in known:
            self._module._compiled.append(count)
            known.add(count)

    def _work(self, spans: Mapping[str, tuple[int, int]], count: int) -> Any:
        """What the GPU does when the stream's turn comes, again at each launch of a graph."""
        mine, engine, cuda = weakref.ref(self), self._engine, self._module._cuda
        dtypes = {name: _NUMPY[_TYPES[engine._tensors[name].type]] for name in engine._inputs}
        results = [name for name in spans if name not in dtypes]

        def run() -> None:
            context = mine()
            assert context is not None, "an execution context is gone before its work has run"
            assert context._count == count, f"a graph of {count} crops runs in a context that was set to {context._count}"
            feeds = {
                name: np.frombuffer(cuda.read(*spans[name]), dtype).reshape(engine._shape(name, count))
                for name, dtype in dtypes.items()
            }
            for name, array in zip(results, engine._session.run(results, feeds)):
                cuda.write(spans[name][0], np.ascontiguousarray(array).tobytes())

        return run

    def _refuse(self, problem: str) -> bool:
        self._engine._runtime._say(f"IExecutionContext::enqueueV3: {problem}")
        return False


class EngineInspector:
    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def get_engine_information(self, format: Any) -> str:
        nodes = onnx.load_model_from_string(self._engine._graph).graph.node
        return json.dumps({"Layers": [{"Name": node.name, "LayerType": node.op_type} for node in nodes]})


class IProfiler:
    def __init__(self) -> None:
        pass

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        raise NotImplementedError("a program's own class reports")


_DOUBLES = (Runtime, ICudaEngine, IRuntimeConfig, IRuntimeCache, IExecutionContext, EngineInspector, IProfiler)
EXECUTION = {double.__name__: double for double in _DOUBLES}


def executing_tensorrt(version: str, cuda: FakeCuda | None, bench: Bench | None = None) -> ModuleType:
    """A stand-in for one version of TensorRT that builds and runs.

    Args:
        version: one of ``surfaces.VERSIONS``.
        cuda: the device it runs on; None: there is no driver, which ends the process at the first Runtime.
        bench: for building.
    """
    module = fake_tensorrt(version, bench, **EXECUTION)
    module._cuda = cuda  # type: ignore[attr-defined]
    module._starts, module._capturable, module._failures = True, True, 0  # type: ignore[attr-defined]
    module._compiled, module._dla_cores = [], []  # type: ignore[attr-defined]
    module._living = weakref.WeakSet()  # type: ignore[attr-defined]
    module._late = []  # type: ignore[attr-defined]
    return module


def living(module: ModuleType) -> list[str]:
    """Kinds of the objects of TensorRT that were not freed."""
    found: Iterable[Any] = module._living
    return sorted(type(item).__name__ for item in found)


def freed_late(module: ModuleType) -> list[str]:
    """Kinds of the objects of TensorRT that were freed when their device was closed already."""
    return list(module._late)
