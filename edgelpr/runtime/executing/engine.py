"""A plan made into an engine, and contexts that run it in memory that its lane owns."""

from __future__ import annotations

from threading import Lock
from typing import Any

from edgelpr.bundle.graph import Graph
from edgelpr.engines.features import device_memory
from edgelpr.engines.loading import create_runtime
from edgelpr.engines.modules import version_of
from edgelpr.engines.speaking import Said, create_log
from edgelpr.errors import DeviceError, EngineError
from edgelpr.runtime.backends.tensorrt_rtx.kernels import KernelFile, Kernels
from edgelpr.runtime.executing.context import Context
from edgelpr.runtime.executing.contract import Contract, check_tensors, describe_tensors
from edgelpr.runtime.executing.timing import create_listener


class Engine:
    """A deserialised plan with the runtime it needs; several contexts may run it at once.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``, already imported.
        plan: the plan, checked against its hash.
        graph: what it was built from.
        where: the engine's file, for messages.
        rebuild: the command that builds it anew, for messages.
        host_code: whether the plan may bring code for the processor, as version-compatible plans do; only for trusted ones.
        kernels: where TensorRT-RTX keeps what it compiles here; None: nowhere.
        dla: the DLA core that the plan leaves work to; None: none, so that nothing is to be chosen.

    Raises:
        DeviceError: CUDA does not start.
        EngineError: TensorRT refuses the plan, or it is not what the manifest says.
    """

    def __init__(
        self,
        module: Any,
        plan: bytes,
        graph: Graph,
        where: str,
        rebuild: str,
        host_code: bool = False,
        kernels: KernelFile | None = None,
        dla: int | None = None,
    ) -> None:
        self.graph, self.where = graph, where
        self._module, self._said = module, Said()
        self._creating = Lock()  # an engine serves threads at once, but is not said to make contexts for several at once
        self._logger = create_log(module, self._said)  # TensorRT keeps a bare pointer to it
        self._kernels: Kernels | None = None
        self._runtime = create_runtime(module, self._logger, self._said, host_code, dla)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        try:
            if self._engine is None:
                raise EngineError(
                    f"{where}: {module.__name__} {version_of(module)} cannot load the plan ({self._said.reason}): it is "
                    f"damaged, or was built by another version or for another GPU. Build it again: {rebuild}"
                )
            self.contract: Contract = check_tensors(describe_tensors(module, self._engine), graph, where, rebuild)
            if Kernels.are_compiled(module):
                self._kernels = Kernels(module, self._engine, kernels)
        except BaseException:
            self.close()
            raise

    @property
    def scratch_bytes(self) -> int:
        """Device memory that a context needs while a batch runs."""
        return device_memory(self._engine)

    def create_context(self, scratch: int) -> Context:
        """A context that works in memory of the caller's, who closes it before this engine.

        Args:
            scratch: device address of ``scratch_bytes``; contexts that never run at the same time may share it.

        Raises:
            DeviceError: TensorRT cannot make one.
        """
        strategies = getattr(self._module, "ExecutionContextAllocationStrategy", None)
        with self._creating:
            if self._kernels is not None:
                context = self._kernels.create_context(self._engine)
            elif strategies is None:  # TensorRT 8
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

    def keep(self) -> None:
        """Write the kernels that were compiled so far, where this TensorRT compiles any; the device must be active."""
        with self._creating:
            if self._kernels is not None:
                self._kernels.keep()

    def create_listener(self) -> Any:
        """What a context of this engine tells the times of its layers; see ``timing``."""
        return create_listener(self._module)

    def close(self) -> None:
        """Free the engine, then its runtime; contexts must be gone, the device must be active. Again: nothing."""
        kernels, self._kernels = self._kernels, None
        if kernels is not None:
            kernels.close()
        self._engine = None
        self._runtime = None
