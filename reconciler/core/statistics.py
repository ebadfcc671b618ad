"""Honest numbers from few repeats: closed forms over counts, no dependency.

None is not 0: where nothing was measured there is no rate and no interval.
"""

from math import comb, sqrt
from statistics import NormalDist


def wilson(passed: int, measured: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval for a rate (E. B. Wilson, 1927); None where nothing was measured."""
    if measured == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, z2n = passed / measured, z * z / measured
    middle = (rate + z2n / 2) / (1 + z2n)
    half = z / (1 + z2n) * sqrt(rate * (1 - rate) / measured + z2n / measured / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def fisher_less(passed: int, measured: int, base_passed: int, base_measured: int) -> float:
    """One-sided exact p-value (R. A. Fisher, 1934) for "the rate is lower than the base's".

    The chance of at most ``passed`` successes among ``measured`` when all successes of both samples fall anywhere alike.
    """
    total, successes = measured + base_measured, passed + base_passed
    lowest = max(0, successes - base_measured)
    ways = sum(comb(measured, k) * comb(base_measured, successes - k) for k in range(lowest, passed + 1))
    return ways / comb(total, successes)
