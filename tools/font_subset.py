"""Makes crates/chainrule-plot/font/DejaVuSans-subset.ttf, the font of all figures.

    python tools/font_subset.py /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf

Written with fonttools 4.68.0 for DejaVu Sans 2.37 (https://dejavu-fonts.github.io). The subset holds
what labels in mathematics need: ASCII, Latin-1, Greek, superscripts and subscripts, arrows and
operators, and the combining marks of estimates and means. Hints and kerning are left out, so that the
width of a text is the sum of its advance widths.
"""

import sys
from pathlib import Path

from fontTools import subset

HERE = Path(__file__).resolve().parent.parent
TARGET = HERE / "crates/chainrule-plot/font/DejaVuSans-subset.ttf"
LARGEST = 120_000

RANGES = [
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x017F),  # Latin-1, Latin Extended-A
    (0x02C6, 0x02DC),  # modifier letters: circumflex, breve, tilde
    (0x0300, 0x0308),  # combining: grave to diaeresis
    (0x0391, 0x03F6),  # Greek
    (0x1D62, 0x1D6A),  # subscript i, r, u, v and Greek
    (0x2010, 0x2027),  # dashes, quotes, dots
    (0x2030, 0x2037),  # per mille, primes
    (0x2044, 0x2044),  # fraction slash
    (0x2070, 0x209C),  # superscripts, subscripts
    (0x20AC, 0x20AC),  # euro
    (0x2102, 0x2102),  # complex numbers
    (0x210B, 0x2113),  # script letters
    (0x2115, 0x2115),  # natural numbers
    (0x211A, 0x211D),  # rationals, reals
    (0x2124, 0x2124),  # integers
    (0x2190, 0x2199),  # arrows
    (0x21A6, 0x21A6),  # maps to
    (0x21D0, 0x21D5),  # double arrows
    (0x2200, 0x226B),  # operators
    (0x2282, 0x228B),  # subsets
    (0x2295, 0x2299),  # circled operators
    (0x22A4, 0x22A5),  # top, bottom
    (0x22C5, 0x22C6),  # dot, star
    (0x22EE, 0x22F1),  # ellipses
    (0x25A0, 0x25CF),  # geometric shapes
    (0x27E8, 0x27E9),  # angle brackets
    (0x2713, 0x2717),  # check marks
    (0xFFFD, 0xFFFD),  # replacement
]


def main(source: str) -> None:
    options = subset.Options()
    options.hinting = False
    options.layout_features = ["mark", "mkmk"]
    options.legacy_kern = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.drop_tables += ["FFTM"]
    font = subset.load_font(source, options)
    kept = subset.Subsetter(options)
    kept.populate(unicodes=[c for low, high in RANGES for c in range(low, high + 1)])
    kept.subset(font)
    TARGET.parent.mkdir(exist_ok=True)
    subset.save_font(font, str(TARGET), options)
    size = TARGET.stat().st_size
    print(f"{TARGET.name}: {len(font.getBestCmap())} characters, {size} bytes")
    assert size <= LARGEST, "leave some ranges out"


if __name__ == "__main__":
    main(sys.argv[1])
