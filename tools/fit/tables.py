"""Prints the constants of kernels/math: python3 tools/fit/tables.py

Each table is a weighted minimax fit (minimax.py). The errors printed are those
of the rounded coefficients, relative to the function the table serves, in units
of 2^-24: half of float32's largest relative spacing.
"""

import decimal
import math
import struct

import minimax

_UNIT = 2.0**-24


def _literal(x):
    text = "%.9g" % x
    return text + ("f" if "." in text or "e" in text else ".0f")


def _print_value(name, x):
    print("constexpr float %s = %s;\n" % (name, _literal(x)))


def _print_table(name, what, table):
    coefficients, error = table
    print("// %s: error %.2f" % (what, error / _UNIT))
    print("constexpr float %s[] = {" % name)
    print("".join("    %s,\n" % _literal(c) for c in coefficients) + "};\n")


def _float_bits(x):
    return struct.unpack("i", struct.pack("f", x))[0]


def ln2_parts():
    """ln 2 = high + low, where high has 15 bits after the binary point."""
    high = round(math.log(2) * 2**15) / 2**15
    # log(2) as a double is not enough: the next digits of ln 2 after it.
    beyond = 2.319046813846299558e-17
    return high, minimax.to_float32((math.log(2) - high) + beyond)


def exp_tail():
    """exp(r) = 1 + r + r^2 q(r), |r| <= ln(2) / 2."""

    def q(r):
        if abs(r) < 0.1:  # the closed form cancels
            return sum(r**k / math.factorial(k + 2) for k in range(14))
        return (math.expm1(r) - r) / r**2

    half = math.log(2) / 2
    return minimax.remez(q, lambda r: max(r * r, 1e-30) / math.exp(r), -half, half, 4)


SIGMOID_STEPS = 16


def sigmoid_exp():
    """exp(r) = 1 + r q(r), |r| <= ln(2) / 2 / SIGMOID_STEPS."""

    def q(r):
        return sum(r**k / math.factorial(k + 1) for k in range(14))

    half = math.log(2) / 2 / SIGMOID_STEPS
    return minimax.remez(q, lambda r: max(abs(r), 1e-30) / math.exp(r), -half, half, 2)


def sigmoid_powers():
    """p_k, next to 2^(k / SIGMOID_STEPS), and 2^(k / SIGMOID_STEPS) / p_k - 1."""
    context = decimal.Context(prec=40)
    powers, rests = [], []
    for k in range(SIGMOID_STEPS):
        exact = context.power(2, decimal.Decimal(k) / SIGMOID_STEPS)
        powers.append(minimax.to_float32(float(exact)))
        rest = context.divide(exact, decimal.Decimal(powers[k])) - 1
        rests.append(minimax.to_float32(float(rest)))
    return powers, rests


def ln2_parts_double():
    """ln 2 = high + low, where high has 32 bits after the binary point."""
    ln2 = decimal.Decimal(2).ln(decimal.Context(prec=60))
    high = round(ln2 * 2**32) / decimal.Decimal(2**32)
    return float(high), float(ln2 - high)


def exp_tail_double():
    """The same for double: q of degree 10, interpolated."""

    def q(r):
        return sum(r**k / math.factorial(k + 2) for k in range(30))

    half = math.log(2) / 2
    exact = minimax.interpolate(q, -half, half, 10)
    rounded = [float(c) for c in exact]
    errors = []
    for i in range(1000):
        r = decimal.Decimal(-half + 2 * half * (i + 0.5) / 1000)
        p = sum(decimal.Decimal(c) * r**k for k, c in enumerate(rounded))
        errors.append(float(abs(r * r * (p - q(r)))))
    return rounded, max(errors)


def log_tail():
    """log(1 + f) = f - f^2 / 2 + f^3 p(f), sqrt(1/2) <= 1 + f <= sqrt(2)."""

    def p(f):
        if abs(f) < 0.1:
            return sum((-f) ** k / (k + 3) for k in range(30))
        return (math.log1p(f) - f + f * f / 2) / f**3

    def weight(f):
        return max(abs(f**3 / math.log1p(f)), 1e-30) if f != 0 else 1e-30

    return minimax.remez(p, weight, math.sqrt(0.5) - 1, math.sqrt(2) - 1, 7)


def erf_near():
    """erf(x) = x + x p(x^2), 0 <= x <= 1."""

    def p(z):
        x = math.sqrt(z)
        return math.erf(x) / x - 1 if x > 1e-12 else 2 / math.sqrt(math.pi) - 1

    return minimax.remez(p, lambda z: 1 / (1 + p(z)), 0.0, 1.0, 6)


def erf_far():
    """1 - erf(x) = exp(t(x)), 1 <= x <= 4."""
    return minimax.remez(
        lambda x: math.log(math.erfc(x)),
        lambda x: math.erfc(x) / math.erf(x),
        1.0,
        4.0,
        7,
    )


GELU_NEAR = 0.8
GELU_POLE = 1.5
GELU_END = 15.0
# Up to here GELU is relative to its value; beyond, a tenth of that is enough.
GELU_EXACT = 2.1


def gelu_near():
    """Phi(x) = 1/2 + x s(x^2), |x| <= GELU_NEAR."""

    def s(z):
        x = math.sqrt(z)
        if x < 1e-9:
            return 1 / math.sqrt(2 * math.pi)
        return 0.5 * math.erf(x / math.sqrt(2)) / x

    def weight(z):
        x = math.sqrt(z)
        return max(x, 1e-9) / (0.5 * math.erfc(x / math.sqrt(2)))

    return minimax.remez(s, weight, 0.0, GELU_NEAR**2, 4)


def gelu_tail():
    """Phi(-t) exp(t^2 / 2) = R(u), u = (t - pole) / (t + pole), near <= t <= end.

    R is smooth and slowly decreasing (Mills' ratio of the normal distribution
    over sqrt(2 pi)), and in u almost a polynomial.
    """

    def t_of(u):
        return GELU_POLE * (1 + u) / (1 - u)

    def ratio(u):
        t = t_of(u)
        return 0.5 * math.erfc(t / math.sqrt(2)) * math.exp(t * t / 2)

    def weight(u):
        return (1 if t_of(u) <= GELU_EXACT else 0.1) / ratio(u)

    start = (GELU_NEAR - GELU_POLE) / (GELU_NEAR + GELU_POLE)
    end = (GELU_END - GELU_POLE) / (GELU_END + GELU_POLE)
    return minimax.remez(ratio, weight, start, end, 8)


GELU_STEP = 0.1875


def gelu_pieces():
    """Rows i of the coefficients of r^i in Phi(-(k step + r)), |r| <= step / 2.

    Column k holds the polynomial through the values at Chebyshev's points, of an
    error far below float32's; the last column is 0.
    """
    degree = 5
    columns = []
    for k in range(31):
        nodes = [
            GELU_STEP / 2 * math.cos(math.pi * (j + 0.5) / (degree + 1))
            for j in range(degree + 1)
        ]
        # Newton's divided differences, then powers of r.
        c = [math.erfc((k * GELU_STEP + r) * math.sqrt(0.5)) / 2 for r in nodes]
        for i in range(1, degree + 1):
            for j in range(degree, i - 1, -1):
                c[j] = (c[j] - c[j - 1]) / (nodes[j] - nodes[j - i])
        powers = [0.0] * (degree + 1)
        for i in range(degree, -1, -1):
            shifted = [0.0] + powers[:-1]
            powers = [s - nodes[i] * p for s, p in zip(shifted, powers)]
            powers[0] += c[i]
        columns.append([minimax.to_float32(p) for p in powers])
    columns.append([0.0] * (degree + 1))
    return list(zip(*columns))


def main():
    print("// exp-inl.h")
    high, low = ln2_parts()
    _print_value("kLog2E", minimax.to_float32(1 / math.log(2)))
    _print_value("kLn2High", high)
    _print_value("kLn2Low", low)
    _print_table("kExpTail", "q of exp", exp_tail())
    print("// exp-double-inl.h")
    high, low = ln2_parts_double()
    print("constexpr double kLn2HighDouble = %r;" % high)
    print("constexpr double kLn2LowDouble = %r;" % low)
    coefficients, error = exp_tail_double()
    print("// q of exp, in double: error %.2f of 2^-53" % (error * 2**53))
    print("constexpr double kExpTailDouble[] = {")
    print("".join("    %r,\n" % c for c in coefficients) + "};\n")
    print("// sigmoid-inl.h")
    _print_table("kSigmoidExp", "q of exp", sigmoid_exp())
    powers, rests = sigmoid_powers()
    print("constexpr int32_t kSigmoidPowers[] = {")
    for k, power in enumerate(powers):
        print("    0x%x," % (_float_bits(power * 2.0**-32) - (k << 19)))
    print("};\n\nconstexpr float kSigmoidRests[] = {")
    print("".join("    %s,\n" % _literal(rest) for rest in rests) + "};\n")
    print("// log-inl.h")
    print("constexpr int32_t kSqrtHalfBits = 0x%x;\n" % _float_bits(math.sqrt(0.5)))
    _print_table("kLogTail", "p of log", log_tail())
    print("// erf-inl.h")
    _print_table("kErfNear", "p of erf", erf_near())
    _print_table("kErfFar", "t of erf", erf_far())
    print("// gelu-inl.h")
    _print_value("kGeluNear", minimax.to_float32(GELU_NEAR))
    _print_table("kGeluCentre", "s of gelu", gelu_near())
    _print_value("kGeluPole", GELU_POLE)
    _print_value("kGeluEnd", GELU_END)
    _print_table("kGeluTail", "R of gelu", gelu_tail())
    _print_value("kGeluStep", GELU_STEP)
    print("alignas(64) constexpr float kGeluPieces[6][32] = {")
    for row in gelu_pieces():
        print("    {" + ", ".join(_literal(c) for c in row) + "},")
    print("};\n")


if __name__ == "__main__":
    main()
