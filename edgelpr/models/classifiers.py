"""From semantic features and HPA maps to class scores: the shared classifier, and table 4's two others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgelpr.types import Classifier


class CharacterClassifier(nn.Module):
    """Convolution 5x5 with stride 4, global mean, linear."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(classes, width, 5, stride=4, padding=2)
        self.bn = nn.BatchNorm2d(width)
        self.linear = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, S, h, w) to class scores (N, S)."""
        scores: Tensor = self.linear(torch.relu(self.bn(self.conv(x))).mean((2, 3)))
        return scores


class Classifiers(nn.ModuleList):
    """One classifier for all positions, or one a position.

    Args:
        classes: S, void included.
        positions: P.
        width: channels of each classifier's convolution.
        kind: which of the paper's table 4.
    """

    def __init__(self, classes: int, positions: int, width: int, kind: Classifier) -> None:
        count = 1 if kind == "shared" else positions
        super().__init__([CharacterClassifier(classes, width) for _ in range(count)])
        self.kind = kind

    def forward(self, semantic: Tensor, position: Tensor | None) -> Tensor:
        """Read every position.

        Args:
            semantic: (N, S, h, w), background dropped.
            position: (N, P, h, w) HPA maps, background dropped; None without maps.

        Returns:
            Class scores (N, P, S).
        """
        if position is None:
            return torch.stack([classify(semantic) for classify in self], dim=1)
        if self.kind != "shared":
            pairs = zip(self, position.unbind(1))
            return torch.stack([classify(semantic * attention.unsqueeze(1)) for classify, attention in pairs], dim=1)
        attended = semantic.unsqueeze(1) * position.unsqueeze(2)  # (N, P, S, h, w)
        # Reshapes with one unknown size, so that exported graphs need no arithmetic on shapes.
        scores: Tensor = self[0](attended.reshape(-1, *semantic.shape[1:]))  # (N * P, S)
        return scores.reshape(-1, *attended.shape[1:3])
