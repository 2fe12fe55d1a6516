"""Text and numbers from records, which anybody may have written: nothing in them may steer the terminal that shows them."""

from __future__ import annotations

from typing import Any

from edgelpr.bundle.checking import texts, typed
from edgelpr.errors import BundleError


def plain(text: str) -> str:
    """The text with a question mark for every character that cannot be shown, so that no escape sequence is left in it."""
    return "".join(character if character.isprintable() else "?" for character in text)


def printable(value: Any, where: str) -> str:
    """The value, if it is a text in one line that a terminal only shows.

    Args:
        value: what was found.
        where: what to call it in the message.

    Raises:
        BundleError: no text, or one with control characters, which could change what a terminal shows.
    """
    text = typed(value, str, where)
    if not text.isprintable():
        raise BundleError(f"{where}: found {text[:40]!a}; expected a text in one line without control characters")
    return text


def printables(value: Any, where: str) -> tuple[str, ...]:
    """A JSON list of such texts, as a tuple.

    Raises:
        BundleError: not a list, or an entry is no such text.
    """
    return tuple(printable(text, where) for text in texts(value, where))
