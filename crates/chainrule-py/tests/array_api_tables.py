"""The array API standard's tables of special cases, in short.

Each line is one of the standard's sentences: what the arguments are, and what the result is. A word
for an argument stands for several numbers, of which all combinations are tried:

    ±0 ±inf     both signs                    >0 <0       any such number, infinities too
    +fin -fin   finite, with that sign        nz          finite and not 0
    fin         finite                        num         anything but NaN
    any         anything                      >1 <1 <-1 … any such number

A result may be a number, ``x``, ``y`` or ``-x`` for an argument, ``|x|`` for its magnitude, or
several of them with commas between where the standard lets libraries choose. ``π`` is within a few
units in the last place, everything else exact.
"""

import math

INF, NAN = math.inf, math.nan

POSITIVE, BIG, SMALL = [0.25, 1.0, 1.5, 2.0, 3.0, 1e30], [1.5, 2.0, 7.0, 1e30], [0.25, 0.75]
ZEROS = [0.0, -0.0]
NONZERO = POSITIVE + [-x for x in POSITIVE]

ARGUMENTS = {
    "nan": [NAN], "inf": [INF], "-inf": [-INF], "0": [0.0], "-0": [-0.0], "1": [1.0], "-1": [-1.0],
    "±0": ZEROS, "±inf": [INF, -INF], "±1": [1.0, -1.0], "any": [*NONZERO, *ZEROS, INF, -INF, NAN],
    "num": [*NONZERO, *ZEROS, INF, -INF], "fin": NONZERO + ZEROS, "nz": NONZERO, "+fin": POSITIVE,
    "-fin": [-x for x in POSITIVE], ">0": [*POSITIVE, INF], "<0": [-x for x in [*POSITIVE, INF]],
    ">1": [*BIG, INF], "<-1": [-x for x in [*BIG, INF]], "<1": [*SMALL, *ZEROS, -2.0, -INF],
    "|x|>1": [s * x for x in [*BIG, INF] for s in (1, -1)],
    "|x|<1": [s * x for x in SMALL for s in (1, -1)] + ZEROS,
    "not1": [*[x for x in NONZERO if x != 1.0], *ZEROS, INF, -INF, NAN],
    "not0": [*NONZERO, INF, -INF, NAN], "odd>0": [1.0, 3.0], "odd<0": [-1.0, -3.0],
    "even>0": [0.25, 2.0, 1.5, 1e30, INF], "even<0": [-0.25, -2.0, -1.5, -1e30, -INF],
    "fraction": [0.25, -0.25, 1.5, -1.5], "finite or nan": [*NONZERO, *ZEROS, NAN],
    "whole": [1.0, 2.0, 3.0, -1.0, -2.0, 1e30], "half": [0.5, 1.5, 2.5, -0.5, -1.5, -2.5],
    "wide": [0.5, 1.0, 2.0, -0.5, -1.0, -2.0],
}  # fmt: skip

ONE = """
abs     nan nan    -0 0       -inf inf
acos    nan nan    >1 nan     <-1 nan    1 0
acosh   nan nan    <1 nan     1 0        inf inf
asin    nan nan    >1 nan     <-1 nan    0 0       -0 -0
asinh   nan nan    0 0        -0 -0      inf inf   -inf -inf
atan    nan nan    0 0        -0 -0      inf π/2   -inf -π/2
atanh   nan nan    <-1 nan    >1 nan     -1 -inf   1 inf      0 0      -0 -0
ceil    whole x    inf inf    -inf -inf  0 0       -0 -0      nan nan
cos     nan nan    ±0 1       ±inf nan
cosh    nan nan    ±0 1       ±inf inf
exp     nan nan    ±0 1       inf inf    -inf 0
expm1   nan nan    0 0        -0 -0      inf inf   -inf -1
floor   whole x    inf inf    -inf -inf  0 0       -0 -0      nan nan
isfinite  ±inf false  nan false  fin true
isinf     ±inf true   nan false  fin false
isnan     nan true    num false
log     nan nan    <0 nan     ±0 -inf    1 0       inf inf
log1p   nan nan    <-1 nan    -1 -inf    -0 -0     0 0        inf inf
log2    nan nan    <0 nan     ±0 -inf    1 0       inf inf
log10   nan nan    <0 nan     ±0 -inf    1 0       inf inf
negative  0 -0     -0 0       inf -inf   nan nan   nz -x
positive  any x
round   whole x    inf inf    -inf -inf  0 0       -0 -0      nan nan  half even
sign    <0 -1      ±0 0,-0    >0 1       nan nan
signbit 0 false    -0 true    inf false  -inf true +fin false -fin true nan false
sin     nan nan    0 0        -0 -0      ±inf nan
sinh    nan nan    0 0        -0 -0      inf inf   -inf -inf
square  nan nan    ±0 0       ±inf inf
sqrt    nan nan    <0 nan     0 0        -0 -0     inf inf
tan     nan nan    0 0        -0 -0      ±inf nan
tanh    nan nan    0 0        -0 -0      inf 1     -inf -1
trunc   whole x    inf inf    -inf -inf  0 0       -0 -0      nan nan
"""

TWO = """
add     nan any nan   any nan nan   inf -inf nan   -inf inf nan   inf inf inf   -inf -inf -inf
        inf fin inf   -inf fin -inf fin inf inf    fin -inf -inf  -0 -0 -0      -0 0 0
        0 -0 0        0 0 0         ±0 nz y        nz ±0 x
subtract  nan any nan  any nan nan  inf inf nan    -inf -inf nan  inf -inf inf  -inf inf -inf
        inf fin inf   -inf fin -inf fin inf -inf   fin -inf inf   -0 0 -0       0 0 0
        0 -0 0        -0 -0 0       nz ±0 x        ±0 nz -y
atan2   nan any nan   any nan nan   >0 ±0 π/2      0 >0 0         0 0 0         0 -0 π
        0 <0 π        -0 >0 -0      -0 0 -0        -0 -0 -π       -0 <0 -π      <0 ±0 -π/2
        +fin inf 0    +fin -inf π   -fin inf -0    -fin -inf -π   inf fin π/2   -inf fin -π/2
        inf inf π/4   inf -inf 3π/4 -inf inf -π/4  -inf -inf -3π/4
copysign  num <0 -|x|  num -0 -|x|  num 0 |x|      num >0 |x|     nan num nan   num nan |x|
divide  nan any nan   any nan nan   ±inf ±inf nan  ±0 ±0 nan      0 >0 0        -0 >0 -0
        0 <0 -0       -0 <0 0       >0 0 inf       >0 -0 -inf     <0 0 -inf     <0 -0 inf
        inf +fin inf  inf -fin -inf -inf +fin -inf -inf -fin inf  +fin inf 0    +fin -inf -0
        -fin inf -0   -fin -inf 0
floor_divide  nan any nan  any nan nan  ±inf ±inf nan  ±0 ±0 nan  0 >0 0        -0 >0 -0
        0 <0 -0       -0 <0 0       >0 0 inf       >0 -0 -inf     <0 0 -inf     <0 -0 inf
        inf +fin inf,nan    inf -fin -inf,nan      -inf +fin -inf,nan  -inf -fin inf,nan
        +fin inf 0    +fin -inf -0,-1              -fin inf -0,-1 -fin -inf 0
hypot   ±inf any inf  any ±inf inf  ±0 any |y|     any ±0 |x|     finite_or_nan nan nan
        nan finite_or_nan nan
logaddexp  nan any nan  any nan nan  inf num inf   num inf inf
maximum nan any nan   any nan nan
minimum nan any nan   any nan nan
multiply  nan any nan  any nan nan  ±inf ±0 nan    ±0 ±inf nan    inf >0 inf    inf <0 -inf
        -inf >0 -inf  -inf <0 inf   >0 inf inf     <0 inf -inf    >0 -inf -inf  <0 -inf inf
        0 +fin 0      0 -fin -0     -0 +fin -0     -0 -fin 0      0 0 0         0 -0 -0
pow     not1 nan nan  any ±0 1      nan not0 nan   |x|>1 inf inf  |x|>1 -inf 0  ±1 ±inf 1
        1 num 1       |x|<1 inf 0   |x|<1 -inf inf inf >0 inf     inf <0 0      -inf odd>0 -inf
        -inf even>0 inf  -inf odd<0 -0  -inf even<0 0  0 >0 0     0 <0 inf      -0 odd>0 -0
        -0 even>0 0   -0 odd<0 -inf -0 even<0 inf  -fin fraction nan
remainder  nan any nan  any nan nan  ±inf ±inf nan  ±0 ±0 nan     ±0 >0 0       ±0 <0 -0
        >0 ±0 nan     <0 ±0 nan     ±inf nz nan    +fin inf x     +fin -inf y   -fin inf y
        -fin -inf x
equal   nan any false any nan false inf inf true   -inf -inf true ±0 ±0 true    inf -inf false
not_equal  nan any true  any nan true  inf -inf true  -inf inf true  ±0 ±0 false  inf inf false
less    nan any false any nan false -inf fin true  fin inf true   ±0 ±0 false   inf inf false
less_equal  nan any false  any nan false  ±0 ±0 true  inf inf true  -inf fin true
greater nan any false any nan false fin -inf true  inf fin true   ±0 ±0 false   inf inf false
greater_equal  nan any false  any nan false  ±0 ±0 true  inf inf true  inf fin true
"""


def sentences(text, arguments):
    """The function, the words for its arguments, and the results that are right, for each sentence."""
    found, name = [], None
    for line in text.strip().splitlines():
        words = line.split()
        if not line.startswith(" "):
            name, words = words[0], words[1:]
        for i in range(0, len(words), arguments + 1):
            *of, result = words[i : i + arguments + 1]
            found.append((name, tuple(word.replace("_", " ") for word in of), result.split(",")))
    return found


# What two types give together, as the standard's tables have it: signed and unsigned integers of
# any width, floating-point numbers, truth values. Pairs that are not here have no common type.
PROMOTION = """
bool    bool    bool
uint8   uint8   uint8      uint8   int32   int32      uint8   int64   int64
int32   uint8   int32      int32   int32   int32      int32   int64   int64
int64   uint8   int64      int64   int32   int64      int64   int64   int64
float32 float32 float32    float32 float64 float64    float64 float32 float64
float64 float64 float64
"""
