"""Checks of plain JSON values, so that a manifest is either understood whole or refused with a reason."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from edgelpr.errors import BundleError

Value = TypeVar("Value")


def checked_keys(value: Any, keys: Iterable[str], where: str) -> Mapping[str, Any]:
    """A JSON object with exactly these keys.

    Args:
        value: what was found.
        keys: the names it must have, no more and no fewer.
        where: what to call it in the message.

    Raises:
        BundleError: not an object, or a key is missing or unknown.
    """
    found = typed(value, dict, where)
    expected = list(keys)
    missing = [key for key in expected if key not in found]
    unknown = sorted(set(found) - set(expected))
    if missing:
        raise BundleError(f"{where}: missing key {', '.join(missing)}")
    if unknown:
        raise BundleError(f"{where}: unknown key {', '.join(unknown)}; known keys: {', '.join(expected)}")
    return found


def checked_schema(values: Any, newest: int, kind: str, otherwise: str, where: str) -> int:
    """The version of a file's plain values, under ``schema``.

    Args:
        values: what was found.
        newest: the newest version that this edgelpr reads.
        kind: what the file is, for the message.
        otherwise: what to do instead of upgrading.
        where: what to call it in the message.

    Raises:
        BundleError: no such file, or written by a newer edgelpr.
    """
    schema = typed(values, dict, where).get("schema")
    if type(schema) is not int or schema < 1:
        raise BundleError(f"{where}: schema is {schema!r}; this is no {kind} of edgelpr")
    if schema > newest:
        raise BundleError(
            f"{where}: schema {schema} is newer than {newest}, the newest that this version reads; upgrade edgelpr "
            f"(pip install --upgrade edgelpr), {otherwise}"
        )
    return schema


def typed(value: Any, kind: type[Value], where: str) -> Value:
    """The value, if it has this type; true and false are no numbers.

    Raises:
        BundleError: it has another type.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BundleError(f"{where}: found {value!r}; expected {_WORDS.get(kind, kind.__name__)}")
    return value


def number(value: Any, where: str) -> float:
    """The value as a float, if it is a finite number; true and false are none.

    Raises:
        BundleError: it is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BundleError(f"{where}: found {value!r}; expected a number, and a finite number")
    return float(value)


def hexadecimal_hash(value: Any, where: str) -> str:
    """The value, if it is a SHA-256 in 64 lower-case hexadecimal digits.

    Raises:
        BundleError: it is none.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise BundleError(f"{where}: found hash {value!r}; expected 64 hexadecimal digits, 64 lower-case characters")
    return value


def chosen(value: Any, choices: tuple[Any, ...], where: str) -> Any:
    """The value, if it is one of the choices.

    Raises:
        BundleError: it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise BundleError(f"{where}: found {value!r}; expected one of {', '.join(choices)}")
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """A JSON list of texts, as a tuple.

    Raises:
        BundleError: not a list, or an entry is no text.
    """
    return tuple(typed(item, str, where) for item in typed(value, list, where))


def hashes(value: Any, where: str) -> tuple[str, ...]:
    """A JSON list of SHA-256 hashes, as a tuple.

    Raises:
        BundleError: not a list, or an entry is no hash.
    """
    return tuple(hexadecimal_hash(item, where) for item in typed(value, list, where))


def sha256_of(values: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of plain JSON values; the order of keys does not count."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("ascii")).hexdigest()


_WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "true or false"}
