"""Plates of Europe.

Sizes, groups and colours follow the public descriptions of each country's registration plates (Wikipedia, "Vehicle
registration plates of Europe" and the articles it leads to): 520x110 mm in most of the European Union with a blue strip
40 to 50 mm broad, 280x200 mm where the car asks for two rows. Slovak and Czech plates are drawn more often than their
number on the road, because both have shapes of their own. Which letters a country gives to which district is left
out on purpose: every letter shall be as frequent as any other.
"""

from __future__ import annotations

from edgelpr.data.rendering.latin.scheme import BLACK, BLUE, GREEN, RED, WHITE, YELLOW, Scheme

_NO_IOQ = "ABCDEFGHJKLMNPRSTUVWXYZ"
_CYRILLIC_LOOKING = "ABCEHIKMOPTXY"
_DARK = ((BLACK, WHITE),)
_TAXI = ((WHITE, BLACK), (WHITE, BLACK), (WHITE, BLACK), (YELLOW, BLACK))

_SLOVAK = ("ll-dddll", "ll^dddll", "ll*dddll", "ll*dddll", "ll-dddll", "ll^dddll", "ll/dddll", "llddd/ll")
_CZECH = ("dld*dddd", "dld*dddd", "dld dddd", "dll*dddd", "lll*dd-dd", "lll*dd-dd", "lll-dd-dd", "dld/dddd")
_GERMAN = (
    "l*ll_dddd",
    "ll*ll_dddd",
    "l*ll_dd",
    "ll*l_dd",
    "ll*ll_d",
    "lll*l_dddd",
    "lll*ll_ddd",
    "ll*l_ddd",
    "l-ll dddd",
    "ll-ll_ddd",
    "l*l ddd",
    "ll/ll_ddd",
    "l/ll_dddd",
    "lll/l_dddd",
)
_POLISH = ("ll ddddd", "lll dddd", "ll ddddl", "lll dddll", "ll^ddddd", "lll*dddd", "ll*ddddd", "lll ddld", "ll/ddddd")

SCHEMES = (
    Scheme("slovak", _SLOVAK, 3.0, family="notched", band="euro", country="SK", equal=0.8, band_share=0.95),
    Scheme("slovak-crest", _SLOVAK, 2.4, family="notched", band="crest", country="SK", equal=0.8, band_share=0.97),
    Scheme("czech", _CZECH, 2.6, band="euro", country="CZ", equal=0.6, band_share=0.75),
    Scheme("czech-old", ("lll dd-dd", "lll*dd-dd", "ll_dd-dd", "lll dddd"), 0.7, colours=_TAXI, tall=(0.58, 0.72)),
    Scheme(
        "vanity",
        (
            "lllllll",
            "llllll",
            "lllll",
            "xxxxxx",
            "xxxxxxx",
            "llll/lll",
        ),
        0.6,
        band="euro",
        family="any",
        equal=0.6,
    ),
    Scheme("german", _GERMAN, 2.6, family="forgery", band="euro", country="D", equal=0.7, band_share=0.85),
    Scheme("german-old", _GERMAN, 0.8, family="narrow", equal=0.3),
    Scheme(
        "austrian",
        ("l^ddddll", "ll^dddll", "l^dddddl", "l^ddddd", "ll^ddddl", "ll/dddll"),
        0.7,
        family="forgery",
        band="euro",
        country="A",
        size=(520, 120),
    ),
    Scheme(
        "austrian-old",
        ("l-dddddd", "l*dddddd", "l.ddddd", "ll ddddd", "l.ddd.ddd"),
        0.5,
        colours=((BLACK, WHITE), (BLUE, WHITE)),
    ),
    Scheme("swiss", ("ll_dddddd", "ll.dddddd", "ll.ddddd", "ll ddd_ddd", "ll/dddddd"), 0.7, size=(500, 110), square=(300, 160)),
    Scheme("french", ("ll-ddd-ll", "ll-ddd-ll", "ll-ddd/ll"), 1.1, _NO_IOQ, band="both", country="F", equal=0.4),
    Scheme(
        "french-old", ("dddd_ll_dd", "ddd_lll_dd", "ddd lll dd", "dddd/ll_dd"), 0.5, colours=((WHITE, BLACK), (YELLOW, BLACK))
    ),
    Scheme("italian", ("ll ddd_ll", "ll_ddd_ll", "ll/ddd_ll"), 1.0, _NO_IOQ, band="both", country="I", equal=0.6),
    Scheme("spanish", ("dddd lll", "dddd_lll", "dddd/lll"), 0.9, "BCDFGHJKLMNPRSTVWXYZ", band="euro", country="E", equal=0.6),
    Scheme("spanish-old", ("l-dddd-ll", "ll-dddd-l", "ll-dddd-ll"), 0.4, equal=0.3),
    Scheme(
        "british",
        ("lldd lll", "lldd_lll", "lddd lll", "lll dddl", "lldd/lll"),
        1.6,
        family="square",
        band="euro",
        band_share=0.4,
        country="GB",
        size=(520, 111),
        colours=((WHITE, BLACK), (YELLOW, BLACK)),
        equal=0.5,
    ),
    Scheme(
        "british-old", ("lll dddl", "lddd lll", "lll_ddd", "ll dddd", "llldddl"), 0.3, family="square", colours=_DARK, equal=0.5
    ),
    Scheme("irish", ("ddd-l-dddd", "dd-l-ddddd", "dd-ll-dddd", "ddd-ll-ddd"), 0.5, band="euro", country="IRL"),
    Scheme(
        "dutch",
        ("dd-ll-ll", "ll-ddd-l", "l-ddd-ll", "dd-lll-d", "ll-dd-ll", "dd-lll/d", "l-ddd/ll"),
        1.1,
        colours=((YELLOW, BLACK),),
        family="notched",
        band="euro",
        country="NL",
    ),
    Scheme("polish", _POLISH, 1.3, band="euro", country="PL", equal=0.4),
    Scheme("hungarian", ("lll-ddd", "lll-ddd", "ll^ll-ddd", "lll_ddd", "lll/ddd"), 0.9, band="euro", country="H"),
    Scheme(
        "nordic",
        ("lll ddd", "lll dd_l", "lll-ddd", "ll ddddd", "ll dd ddd", "ll_ddddd", "lll*ddd", "ll/ddddd"),
        1.2,
        band="euro",
        band_share=0.6,
        equal=0.5,
    ),
    Scheme(
        "portuguese", ("dd-ll-dd", "ll-dd-ll", "dd.ll.dd", "ll_dd_ll", "dd-dd-ll", "ll-dd/ll"), 0.9, band="both", country="P"
    ),
    Scheme(
        "belgian",
        ("d-lll-ddd", "d-lll-ddd", "lll-ddd", "lll_ddd", "ddd_lll", "d-lll/ddd"),
        0.9,
        colours=((WHITE, RED),),
        family="forgery",
        band="euro",
        country="B",
    ),
    Scheme("luxembourg", ("ll dddd", "ddddd", "dddd", "ll/dddd"), 0.4, colours=((YELLOW, BLACK),), band="euro", country="L"),
    Scheme("croatian", ("ll^dddd-ll", "ll^ddd-ll", "ll_dddd-l", "ll^ddd_ll", "ll/ddd-ll"), 0.8, band="euro", country="HR"),
    Scheme(
        "slovenian",
        ("ll^ld-ddd", "ll^dd-ddl", "ll^ll-ddd", "ll*ddd-dl"),
        0.6,
        band="euro",
        country="SLO",
        colours=((WHITE, BLACK), (WHITE, GREEN)),
    ),
    Scheme("balkan", ("ll^ddd-ll", "ll^dddd-ll", "ldd-l-ddd", "ll-ddd-dd", "ll_ddd_ll"), 0.7, family="forgery", band="euro"),
    Scheme("romanian", ("ll_dd_lll", "l_ddd_lll", "ll dd lll", "ll dd/lll"), 0.8, band="euro", country="RO"),
    Scheme("bulgarian", ("ll_dddd_ll", "l_dddd_ll", "l_dddd/ll"), 0.7, _CYRILLIC_LOOKING, band="euro", country="BG"),
    Scheme("baltic", ("lll_ddd", "ddd_lll", "ll-dddd", "lll*ddd", "ddd/lll"), 0.8, band="euro"),
    Scheme(
        "turkish",
        ("dd l dddd", "dd ll ddd", "dd_lll_ddd", "dd lll dd", "dd ll dddd", "dd l/dddd"),
        0.9,
        band="euro",
        country="TR",
    ),
    Scheme(
        "russian",
        ("l_ddd_ll", "l_ddd_ll_dd", "l_ddd_ll_ddd", "ll_dddd"),
        0.8,
        "ABCEHKMOPTXY",
        family="notched",
        size=(520, 112),
    ),
    Scheme("ukrainian", ("ll_dddd_ll", "ll/dddd_ll"), 0.6, "ABCEHIKMOPTX", band="euro", country="UA"),
)
"""European plates, with how often each is drawn."""
