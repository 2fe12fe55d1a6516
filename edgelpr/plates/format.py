"""The plate format: alphabet, positions, rows, and the text they allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edgelpr.errors import PlateFormatError

_MAX_POSITIONS = 16
_MAX_SIDE = 512


@dataclass(frozen=True)
class PlateFormat:
    """What can stand on a plate; validated once, here.

    A class index is an index into ``alphabet``; where ``void`` is set, one more class, the last, stands for
    "no character here" (HPA paper, section "Shared Classifier").

    Raises:
        PlateFormatError: a field is out of range or contradicts another one.
    """

    name: str
    """Identifier, written into checkpoints and bundles."""

    alphabet: str
    """Every character once, in the order of the class indices."""

    positions: int
    """Length of the longest plate, 1 to 16."""

    void: bool = False
    """Whether plates may be shorter than ``positions``."""

    rows: int = 1
    """Rows of characters, 1 or 2; read in order from the top."""

    input_size: tuple[int, int] | None = None
    """Height and width of the network's input in pixels; by default 50x160 for one row, 80x128 for two."""

    pattern: tuple[str, ...] | None = None
    """For each position, counted from the start of the plate, the characters that may stand there; absent: any.

    It masks the others in the exported graph. An empty text stands for "nothing": no plate is that long. Probabilities are
    those among the classes that are left (a softmax after masking), so a crop of another kind of plate gives a reading that
    looks sure: a threshold found without the pattern does not hold with it.
    """

    shortest: int | None = None
    """Characters of the shortest plate: void cannot win before that; absent: void may stand anywhere.

    Between the shortest and the longest plate the network alone decides where void begins; a void between characters is
    dropped by ``decode``.
    """

    def __post_init__(self) -> None:
        _check_types(self)
        _check_alphabet(self.name, self.alphabet)
        if not 1 <= self.positions <= _MAX_POSITIONS:
            raise PlateFormatError(f"{self._who}: positions is {self.positions}; expected 1 to {_MAX_POSITIONS}")
        if self.rows not in (1, 2):
            raise PlateFormatError(f"{self._who}: rows is {self.rows}; expected 1 or 2")
        if not all(32 <= side <= _MAX_SIDE for side in self.height_width):
            raise PlateFormatError(f"{self._who}: input_size is {self.input_size}; expected sides of 32 to {_MAX_SIDE}")
        if self.pattern is not None:
            self._check_pattern(self.pattern)
        if self.shortest is not None and not (self.void and 1 <= self.shortest <= self.longest):
            wanted = f"1 to {self.longest}, in a format with void"
            raise PlateFormatError(f"{self._who}: shortest is {self.shortest}; expected {wanted}")

    @property
    def _who(self) -> str:
        return f"plate format '{self.name}'"

    def _check_pattern(self, pattern: tuple[str, ...]) -> None:
        if len(pattern) != self.positions:
            found = f"pattern has {len(pattern)} entries"
            raise PlateFormatError(f"{self._who}: {found}; expected one a position ({self.positions})")
        for number, allowed in enumerate(pattern, start=1):
            unknown = sorted(set(allowed) - set(self.alphabet))
            ended = self.void and number > 1 and not any(pattern[number - 1 :])
            if unknown or not (allowed or ended):
                what = f"has {''.join(unknown)!r}, absent from the alphabet" if unknown else "is empty"
                raise PlateFormatError(f"{self._who}: pattern of position {number} {what}")

    @property
    def classes(self) -> int:
        """Number of classes a position can take, the void class included."""
        return len(self.alphabet) + int(self.void)

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width of the network's input in pixels."""
        if self.input_size is not None:
            return self.input_size
        return (50, 160) if self.rows == 1 else (80, 128)

    @property
    def longest(self) -> int:
        """Characters of the longest plate that the pattern allows."""
        return self.positions if self.pattern is None else sum(map(bool, self.pattern))

    @property
    def allowed_classes(self) -> tuple[tuple[bool, ...], ...] | None:
        """(positions, classes): whether a class may win at a position. None where neither pattern nor shortest is given."""
        if self.pattern is None and self.shortest is None:
            return None
        least, voids = self.shortest or 0, int(self.void)
        allowed = self.pattern or (self.alphabet,) * self.positions
        return tuple(
            tuple(c in characters for c in self.alphabet) + (number > least,) * voids
            for number, characters in enumerate(allowed, start=1)
        )

    def follows_pattern(self, plate: str) -> bool:
        """Whether pattern and lengths allow a plate; without a pattern, whether its length fits."""
        least = self.shortest or (1 if self.void else self.positions)
        fits = least <= len(plate) <= self.longest
        return fits and (self.pattern is None or all(c in allowed for c, allowed in zip(plate, self.pattern)))

    def encode(self, plate: str) -> tuple[int, ...]:
        """Class indices of a plate, one a position; void fills up at the end.

        Raises:
            PlateFormatError: a character outside the alphabet, or a wrong length.
        """
        unknown = sorted(set(plate) - set(self.alphabet))
        if unknown:
            raise PlateFormatError(f"plate '{plate}' has {''.join(unknown)!r}, outside the alphabet of '{self.name}'")
        fits = 1 <= len(plate) <= self.positions if self.void else len(plate) == self.positions
        if not fits:
            wanted = f"1 to {self.positions}" if self.void else str(self.positions)
            raise PlateFormatError(f"plate '{plate}' has {len(plate)} characters; '{self.name}' expects {wanted}")
        void = len(self.alphabet)
        return tuple(self.alphabet.index(c) for c in plate) + (void,) * (self.positions - len(plate))

    def decode(self, classes: Sequence[int]) -> str:
        """Text of class indices, one a position; void classes are dropped."""
        return "".join(self.alphabet[index] for index in classes if index < len(self.alphabet))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML; ``from_dict`` takes them back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "plate format") -> PlateFormat:
        """Build from plain values.

        Args:
            values: the fields by name.
            source: where they come from, for messages.

        Raises:
            PlateFormatError: an unknown or a missing key, or a value that does not fit.
        """
        if not isinstance(values, Mapping):
            raise PlateFormatError(f"{source}: expected 'key: value' lines, found {type(values).__name__}")
        known = [field.name for field in fields(cls)]
        unknown = sorted(str(key) for key in set(values) - set(known))
        if unknown:
            raise PlateFormatError(f"{source}: unknown key {', '.join(unknown)}; known keys: {', '.join(known)}")
        missing = [key for key in ("name", "alphabet", "positions") if key not in values]
        if missing:
            raise PlateFormatError(f"{source}: missing key {', '.join(missing)}")
        plain: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in values.items()}
        try:
            return cls(**plain)
        except PlateFormatError as error:
            raise PlateFormatError(f"{source}: {error}") from error


def _check_types(spec: PlateFormat) -> None:
    expected: dict[str, tuple[type, str]] = {
        "name": (str, "text"),
        "alphabet": (str, 'text (quote digits: alphabet: "0123456789")'),
        "positions": (int, "a whole number"),
        "void": (bool, "true or false"),
        "rows": (int, "a whole number"),
    }
    for key, (kind, words) in expected.items():
        value = getattr(spec, key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise PlateFormatError(f"plate format '{spec.name}': {key} is {value!r}; expected {words}")
    size, pattern, shortest = spec.input_size, spec.pattern, spec.shortest
    if shortest is not None and type(shortest) is not int:
        raise PlateFormatError(f"plate format '{spec.name}': shortest is {shortest!r}; expected a whole number")
    if size is not None and not (isinstance(size, tuple) and len(size) == 2 and all(type(side) is int for side in size)):
        raise PlateFormatError(f"plate format '{spec.name}': input_size is {size!r}; expected [height, width]")
    if pattern is not None and not (isinstance(pattern, tuple) and all(isinstance(item, str) for item in pattern)):
        raise PlateFormatError(f"plate format '{spec.name}': pattern is {pattern!r}; expected a list of texts")


def _check_alphabet(name: str, alphabet: str) -> None:
    if not name.strip():
        raise PlateFormatError("plate format without a name; set 'name' to a short identifier")
    if len(alphabet) < 2:
        raise PlateFormatError(f"plate format '{name}': alphabet has {len(alphabet)} characters; expected at least 2")
    twice = sorted({c for c in alphabet if alphabet.count(c) > 1})
    if twice:
        found = f"alphabet has {''.join(twice)!r} more than once"
        raise PlateFormatError(f"plate format '{name}': {found}; each character must stand once")
    blank = [c for c in alphabet if c.isspace() or not c.isprintable()]
    if blank:
        raise PlateFormatError(f"plate format '{name}': alphabet has a blank or unprintable character {blank[0]!r}; remove it")
