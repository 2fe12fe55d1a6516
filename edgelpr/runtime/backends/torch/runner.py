"""Running batches through a PyTorch network."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import BackendError
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import decode_logits


class TorchRunner:
    """A network in evaluation mode; safe to use from several threads, since reading changes nothing in it.

    The arrays that ``run`` returns belong to the caller.

    Args:
        torch: the module, already imported.
        network: an ``edgelpr.models.hpa.Hpa``.
        mask: (P, S) which classes may stand where, or None.
        description: for people.
    """

    def __init__(self, torch: ModuleType, network: Any, mask: NDArray[np.bool_] | None, description: str) -> None:
        self._torch, self._network, self._mask = torch, network, mask
        self._description = description

    @property
    def description(self) -> str:
        """Version, device and threads."""
        return self._description

    @property
    def device(self) -> str:
        """Always ``CPU``."""
        return "CPU"

    @property
    def engine_sha256(self) -> str | None:
        """None: nothing is built."""
        return None

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read a batch of crops; see the protocol.

        Raises:
            BackendError: closed, or PyTorch fails.
        """
        (batch,) = inputs
        network = self._network  # kept here, so that close() in another thread cannot pull it away
        if network is None:
            raise BackendError("the torch backend was closed; open the bundle again")
        try:
            with self._torch.inference_mode():
                output = network(self._torch.from_numpy(scale(batch)))
        except RuntimeError as error:
            raise BackendError(f"torch failed on a batch of {len(batch)} ({error})") from error
        maps = None if output.position is None else output.position[:, :-1].contiguous().numpy()
        return RawOutput(*decode_logits(output.logits.numpy(), self._mask), maps)

    def close(self) -> None:
        """Free the network once no batch runs in it."""
        self._network = None
