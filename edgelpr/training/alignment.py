"""Comparing the text on a plate with the text that was read."""

from __future__ import annotations


def align(true: str, read: str) -> list[tuple[str, str]]:
    """Pair the characters of two texts.

    Texts of one length are paired position by position, as the network reads them. Otherwise the pairs are those of the
    smallest edit distance, so that one missing character does not make all that follow it wrong.

    Returns:
        Pairs of a true and a read character; an empty string stands for a character missing on that side.
    """
    if len(true) == len(read):
        return list(zip(true, read))
    costs = _edit_costs(true, read)
    pairs: list[tuple[str, str]] = []
    row, column = len(true), len(read)
    while row or column:
        if row and column and costs[row][column] == costs[row - 1][column - 1] + (true[row - 1] != read[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((true[row], read[column]))
        elif row and costs[row][column] == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((true[row], ""))
        else:
            column -= 1
            pairs.append(("", read[column]))
    return pairs[::-1]


def correct_characters(true: str, read: str) -> int:
    """Characters of a plate that were read right, from 0 to its length; a character too many costs one too."""
    return max(0, len(true) - sum(left != right for left, right in align(true, read)))


def _edit_costs(true: str, read: str) -> list[list[int]]:
    """Edit distance between the first ``row`` and the first ``column`` characters, at [row][column]."""
    costs = [[row + column for column in range(len(read) + 1)] for row in range(len(true) + 1)]
    for row, left in enumerate(true, start=1):
        for column, right in enumerate(read, start=1):
            kept = costs[row - 1][column - 1] + (left != right)
            costs[row][column] = min(kept, costs[row - 1][column] + 1, costs[row][column - 1] + 1)
    return costs


def without_chinese(plate: str) -> str:
    """A plate without the Chinese character it begins with, if it does."""
    return plate[1:] if plate and "\u4e00" <= plate[0] <= "\u9fff" else plate
