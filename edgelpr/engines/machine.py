"""What an engine is built with: TensorRT's module, the GPU where there is one, and the system."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from edgelpr.cuda.facts import DeviceFacts
from edgelpr.engines.features import in_words
from edgelpr.engines.modules import version_of
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.target import Target
from edgelpr.errors import UsageError
from edgelpr.types import EngineBackend


@dataclass(frozen=True)
class Machine:
    """This machine, as far as engines are concerned."""

    module: ModuleType
    """``tensorrt`` or ``tensorrt_rtx``, loaded."""

    backend: EngineBackend
    """Which of them it is."""

    facts: DeviceFacts | None = None
    """The GPU; None where no driver answers."""

    free_bytes: int | None = None
    """Device memory that is free, as far as it is known."""

    l4t: str | None = None
    """Jetson Linux as the board writes it; None on other machines."""

    board: str | None = None
    """Model of a Jetson; None on other machines, and in containers that hide it."""

    def target(self, options: BuildOptions | None = None) -> Target:
        """What an engine that is built here is for: the GPUs that the options name, else the one that is here.

        Raises:
            UsageError: no GPU is named and none is here.
        """
        version = version_of(self.module)
        if options is not None and options.targets:
            return Target(self.backend, version, "", options.targets, None)
        if self.facts is None:
            rest = "name the GPUs it is for: --target sm86,sm89" if self.backend == "tensorrt-rtx" else "build on the board"
            raise UsageError(
                f"{in_words(self.module, self.backend)} builds for the GPU of this machine, and no driver answers here; "
                f"{rest}. 'edgelpr doctor' says what stands in the way"
            )
        return Target.of_gpu(self.backend, version, self.facts, self.l4t, self.board)
