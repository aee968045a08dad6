"""Do two sides' paired results agree within a margin? The standard library alone.

TOST, two one-sided t tests of the paired differences d: the hypotheses
mean(d) <= -margin and mean(d) >= margin are both rejected at level alpha exactly
if the interval mean(d) -+ t(1 - alpha, n - 1) sd(d) / sqrt(n) lies within the
margins (Schuirmann 1987). Equality is what has to be shown: few or scattered
runs give "undecided", never "equivalent".
"""

import math
import statistics

EQUIVALENT, UNDECIDED, DIFFERENT = "equivalent", "undecided", "different"


def t_cdf(t, freedom):
    """P(T <= t) of Student's t for whole degrees of freedom.

    Abramowitz and Stegun 26.7.3 and 26.7.4: finite sums in theta = atan(t/sqrt(n)).
    """
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    theta = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (k + 1) / (k + 2)
    if odd:
        within = 2 / math.pi * (theta + sine * total)
    else:
        within = sine * total
    return (1 + within) / 2


def t_quantile(p, freedom):
    """The t with P(T <= t) = p, by bisection."""
    low, high = -1.0, 1.0
    while t_cdf(high, freedom) < p:
        high *= 2
    while t_cdf(low, freedom) > p:
        low *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if t_cdf(middle, freedom) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def kolmogorov_smirnov(a, b):
    """The largest distance of the two empirical distribution functions."""
    return max(
        abs(sum(x <= v for x in a) / len(a) - sum(x <= v for x in b) / len(b))
        for v in list(a) + list(b)
    )


def summary(values):
    return {
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values),
        "min": min(values),
        "max": max(values),
        "values": list(values),
    }


def _t_ratio(distance, error):
    if error > 0:
        return distance / error
    return math.copysign(math.inf, distance) if distance else 0.0


def compare(ours, reference, margin, alpha=0.05):
    """Paired results of n >= 2 seeds, in the same order.

    Returns mean and sd of each side and of ours - reference, the interval at
    confidence 1 - 2 alpha, TOST's p value and verdict, and the KS distance.
    "different" means that the interval lies wholly outside the margins.
    """
    if len(ours) != len(reference) or len(ours) < 2:
        raise ValueError("pairs of at least two seeds are needed")
    if not margin > 0:
        raise ValueError("margin: must be above 0")
    if not all(map(math.isfinite, [*ours, *reference])):
        raise ValueError("a result is not finite")
    difference = summary([o - r for o, r in zip(ours, reference)])
    freedom = len(ours) - 1
    error = difference["sd"] / math.sqrt(len(ours))
    mean = difference["mean"]
    half = t_quantile(1 - alpha, freedom) * error
    p = 1 - min(
        t_cdf(_t_ratio(margin + mean, error), freedom),
        t_cdf(_t_ratio(margin - mean, error), freedom),
    )
    if p < alpha:
        verdict = EQUIVALENT
    elif abs(mean) - half > margin:
        verdict = DIFFERENT
    else:
        verdict = UNDECIDED
    return {
        "pairs": len(ours),
        "ours": summary(ours),
        "reference": summary(reference),
        "difference": difference,
        "interval": [mean - half, mean + half],
        "margin": margin,
        "p": p,
        "verdict": verdict,
        "ks_distance": kolmogorov_smirnov(ours, reference),
    }
