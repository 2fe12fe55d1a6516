"""Plates of Taiwan, those of the AOLP data set among them.

Before 2012: 320x150 mm, two letters or a letter and a digit on one side of a hyphen and four digits on the other
(``AB-1234``, ``1234-AB``, ``A1-2345``), without I and O; black on white for private cars, green on white for hired ones,
red on white for taxis, white on green for lorries (Wikipedia, "Vehicle registration plates of Taiwan"). Hsu et al.,
"Application-oriented license plate recognition", describe AOLP; the samples of its road-patrol part that VIM-LPR
publishes show these plates. Since 2012: 380x160 mm, ``ABC-1234``, no 4.
"""

from __future__ import annotations

from edgelpr.data.rendering.choosing import LETTERS_WITHOUT_IO
from edgelpr.data.rendering.latin.scheme import BLACK, GREEN, RED, WHITE, Scheme

_OLD_PATTERNS = ("ll-dddd", "ll-dddd", "ll-dddd", "dddd-ll", "dddd-ll", "ld-dddd", "dl-dddd", "dddd-ld", "dddd-dl")
_OLD_COLOURS = ((WHITE, BLACK),) * 7 + ((WHITE, GREEN), (WHITE, RED), (GREEN, WHITE))

OLD = Scheme(
    "taiwanese",
    _OLD_PATTERNS,
    letters=LETTERS_WITHOUT_IO,
    family="taiwan",
    size=(320, 150),
    colours=_OLD_COLOURS,
    tall=(0.50, 0.62),
    equal=0.6,
)
"""Six characters, as in AOLP."""

NEW = Scheme(
    "taiwanese-new",
    ("lll-dddd", "lll-dddd", "lll/dddd"),
    letters=LETTERS_WITHOUT_IO,
    family="forgery",
    size=(380, 160),
    square=(260, 140),
    colours=((WHITE, BLACK), (WHITE, BLACK), (WHITE, RED), (WHITE, GREEN)),
    tall=(0.50, 0.60),
)
"""Seven characters."""

OLD_MOTORCYCLE = Scheme(
    "taiwanese-motorcycle",
    ("lll-ddd", "lld-ddd", "ld/dddd", "lll/ddd"),
    letters=LETTERS_WITHOUT_IO,
    family="taiwan",
    size=(260, 140),
    square=(220, 150),
    colours=((WHITE, BLACK), (GREEN, WHITE), (WHITE, GREEN)),
    tall=(0.46, 0.6),
)
"""Six characters on a smaller plate; not in AOLP."""
