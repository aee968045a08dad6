"""Weighted minimax polynomials, with Python's standard library alone.

remez() finds the polynomial p of a given degree that minimises the largest
weight(x) * |f(x) - p(x)| over an interval, by Remez's exchange: demand an error
of +E, -E, +E ... at degree + 2 points, move the points to where the error is
largest, repeat. The equations are solved in 60 decimal digits; f and the weight
only need double precision, the errors wanted are around 1e-9.
"""

import decimal
import math
import struct

_GRID = 4000


def to_float32(x):
    """The float32 nearest to x, as a Python float."""
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def horner(coefficients, x):
    """coefficients[0] + coefficients[1] x + ..."""
    value = 0.0
    for c in reversed(coefficients):
        value = value * x + c
    return value


def _solve(matrix, right):
    """Gaussian elimination with partial pivoting."""
    n = len(right)
    rows = [row + [r] for row, r in zip(matrix, right)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(i + 1, n):
            factor = rows[k][i] / rows[i][i]
            rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i])]
    solution = [decimal.Decimal(0)] * n
    for i in reversed(range(n)):
        known = sum(rows[i][k] * solution[k] for k in range(i + 1, n))
        solution[i] = (rows[i][n] - known) / rows[i][i]
    return solution


def _fit(points, f, weight, degree):
    """The polynomial whose weighted error alternates with one size."""
    matrix = []
    for i, x in enumerate(points):
        row = [decimal.Decimal(1)]
        for _ in range(degree):
            row.append(row[-1] * decimal.Decimal(x))
        row.append(decimal.Decimal((-1) ** i / weight(x)))
        matrix.append(row)
    return _solve(matrix, [decimal.Decimal(f(x)) for x in points])


def _peaks(grid, errors, count):
    """Where the error is largest between two changes of its sign."""
    peaks = []
    for x, e in zip(grid, errors):
        if peaks and (e > 0) == (peaks[-1][1] > 0):
            if abs(e) > abs(peaks[-1][1]):
                peaks[-1] = (x, e)
        else:
            peaks.append((x, e))
    while len(peaks) > count:  # drop the smaller end
        peaks.pop(0 if abs(peaks[0][1]) < abs(peaks[-1][1]) else -1)
    return peaks


def worst(f, weight, lo, hi, coefficients):
    """The largest weighted error of given coefficients."""
    return max(weight(x) * abs(f(x) - horner(coefficients, x)) for x in _grid(lo, hi))


def _grid(lo, hi):
    # Chebyshev points: dense at the ends, where errors of a minimax fit peak.
    middle, half = (lo + hi) / 2, (hi - lo) / 2
    grid = [middle - half * math.cos(math.pi * i / _GRID) for i in range(_GRID + 1)]
    grid[0], grid[_GRID] = lo, hi
    return grid


def remez(f, weight, lo, hi, degree):
    """Coefficients (lowest first, rounded to float32) and their largest error."""
    decimal.getcontext().prec = 60
    grid = _grid(lo, hi)
    values = [(x, f(x), weight(x)) for x in grid]
    points = [grid[_GRID * i // (degree + 1)] for i in range(degree + 2)]
    for _ in range(20):
        exact = _fit(points, f, weight, degree)
        coefficients = [float(c) for c in exact[:-1]]
        level = abs(float(exact[-1]))
        errors = [w * (v - horner(coefficients, x)) for x, v, w in values]
        peaks = _peaks(grid, errors, degree + 2)
        if len(peaks) < degree + 2 or max(map(abs, errors)) < level * 1.001:
            break
        points = [x for x, _ in peaks]
    rounded = [to_float32(c) for c in coefficients]
    return rounded, worst(f, weight, lo, hi, rounded)


def interpolate(f, lo, hi, degree):
    """Coefficients, as Decimals, of the polynomial through f at Chebyshev's points.

    For double precision, where remez() would see the rounding of f: here f takes
    and returns Decimals. The error is at most about twice a minimax polynomial's.
    """
    decimal.getcontext().prec = 60
    middle, half = (lo + hi) / 2, (hi - lo) / 2
    n = degree + 1
    points = [
        decimal.Decimal(middle + half * math.cos(math.pi * (2 * i + 1) / (2 * n)))
        for i in range(n)
    ]
    matrix = [[x**k for k in range(n)] for x in points]
    return _solve(matrix, [f(x) for x in points])
