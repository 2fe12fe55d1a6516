"""Greek plates, as in the Media Lab data set.

520x110 mm, three letters that look alike in Greek and Latin, a hyphen, four digits; the blue strip since 2004, none
before (since 1983); until 1982 two letters and four digits or digits alone; taxis are yellow and begin with TA; motorcycles
have two rows (Wikipedia, "Vehicle registration plates of Greece"). The failures that the HPA paper prints for Media Lab
(``NEG027``, ``M010312``) show that other groupings of six and seven occur, so some are drawn.
"""

from __future__ import annotations

from edgelpr.data.rendering.latin.scheme import BLACK, WHITE, YELLOW, Scheme

_LETTERS = "ABEHIKMNOPTXYZ"
_PATTERNS = ("lll-dddd", "lll-dddd", "lll_dddd", "lll dddd", "lll/dddd")

SCHEMES = (
    Scheme("greek", _PATTERNS, 5.0, _LETTERS, family="forgery", band="euro", country="GR", band_share=1.0),
    Scheme("greek-older", _PATTERNS, 3.0, _LETTERS, family="narrow", square=(240, 160)),
    Scheme(
        "greek-taxi",
        ("TAl-dddd", "TAl_dddd"),
        0.6,
        _LETTERS,
        family="forgery",
        colours=((YELLOW, BLACK),),
        band="euro",
        country="GR",
    ),
    Scheme(
        "greek-old",
        ("ll-dddd", "ll_dddd", "dddddd", "ddd-ddd", "l-dddddd", "ll/dddd"),
        0.5,
        _LETTERS,
        colours=((WHITE, BLACK), (BLACK, WHITE)),
    ),
    Scheme("greek-other", ("lll-ddd", "lll_ddd", "l-dddddd", "ll_ddddd", "xxxxxxx", "xxxxxx"), 0.6),
)
"""What drives in Greece; the last with any letter."""
