"""A plan made into an engine, and contexts that run it in memory that its lane owns."""

from __future__ import annotations

from threading import Lock
from typing import Any

from edgelpr.bundle.graph import Graph
from edgelpr.engines.modules import version_of
from edgelpr.engines.speaking import Said, create_log
from edgelpr.errors import DeviceError, EngineError
from edgelpr.runtime.executing.context import Context
from edgelpr.runtime.executing.contract import Contract, check_tensors, describe_tensors


class Engine:
    """A deserialised plan with the runtime it needs; several contexts may run it at once.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``, already imported.
        plan: the plan, checked against its hash.
        graph: what it was built from.
        where: the engine's file, for messages.
        rebuild: the command that builds it anew, for messages.
        host_code: whether the plan may carry code for the processor, as version-compatible plans do.

    Raises:
        EngineError: TensorRT refuses the plan, or it is not what the manifest says.
    """

    def __init__(self, module: Any, plan: bytes, graph: Graph, where: str, rebuild: str, host_code: bool = False) -> None:
        self.graph, self.where = graph, where
        self._module, self._said = module, Said()
        self._creating = Lock()  # an engine serves threads at once, but is not said to make contexts for several at once
        self._logger = create_log(module, self._said)  # TensorRT keeps a bare pointer to it
        self._runtime = module.Runtime(self._logger)
        if host_code:
            self._runtime.engine_host_code_allowed = True
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        try:
            if self._engine is None:
                raise EngineError(
                    f"{where}: {module.__name__} {version_of(module)} cannot load the plan ({self._said.reason}): it is "
                    f"damaged, or was built by another version or for another GPU. Build it again: {rebuild}"
                )
            self.contract: Contract = check_tensors(describe_tensors(module, self._engine), graph, where, rebuild)
        except BaseException:
            self.close()
            raise

    @property
    def scratch_bytes(self) -> int:
        """Device memory that a context needs while a batch runs."""
        newer = getattr(self._engine, "device_memory_size_v2", None)  # before TensorRT 10 only the other
        return int(self._engine.device_memory_size if newer is None else newer)

    def create_context(self, scratch: int) -> Context:
        """A context that works in memory of the caller's, who closes it before this engine.

        Args:
            scratch: device address of ``scratch_bytes``; contexts that never run at the same time may share it.

        Raises:
            DeviceError: TensorRT cannot make one.
        """
        strategies = getattr(self._module, "ExecutionContextAllocationStrategy", None)
        with self._creating:
            if strategies is None:  # TensorRT 8
                context = self._engine.create_execution_context_without_device_memory()
            else:
                context = self._engine.create_execution_context(strategies.USER_MANAGED)
        if context is None:
            raise DeviceError(f"{self.where}: no execution context ({self._said.reason}); is there device memory left?")
        if hasattr(context, "set_device_memory"):
            context.set_device_memory(scratch, self.scratch_bytes)
        else:
            context.device_memory = scratch
        return Context(context, self._said, self.where)

    def close(self) -> None:
        """Free the engine, then its runtime; contexts must be gone. Again: nothing."""
        self._engine = None
        self._runtime = None
