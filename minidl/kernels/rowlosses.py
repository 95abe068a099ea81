"""Losses that compare a row of scores or probabilities with the class it should show.

Value and gradient come in one pass: ``losses`` has one number a row, ``slopes`` the gradient of
each at the row's numbers, times ``share``. A row's targets are one number a column, or a single
class number: the array's size tells which. ``constants`` makes the ``hyper_values``.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.intrinsics import local_array, widest_vectors
from minidl.kernels.jit import Refused, kernel, scalar
from minidl.kernels.powers import power
from minidl.kernels.reductions import total_of
from minidl.kernels.rowwise import ROWS, block_of, row_of, shares
from minidl.kernels.vecmath import bounded_log, exp_difference, floored, log, log1p, two_sum

GAMMA, ALPHA, SMOOTHING, ENTROPY = range(4)


def constants(
    *, gamma: float = 0.0, alpha: float = 1.0, smoothing: float = 0.0, entropy: bool = False
) -> list[float]:
    """The kernels' ``hyper_values``: γ and α, and how they change a row of targets.

    ``smoothing`` is how much of them is lent to all classes; ``entropy`` takes their own entropy
    off the loss (Kullback and Leibler).
    """
    places = {GAMMA: gamma, ALPHA: alpha, SMOOTHING: smoothing, ENTROPY: float(entropy)}
    return [float(places[place]) for place in range(len(places))]


@scalar
def _one_a_row(t, z, losses, slopes, columns):
    """Whether there is a loss for every row, and a row of targets or a class number."""
    rows = columns > 0 and z.size == losses.size * columns and slopes.size == z.size
    return rows and (t.size == z.size or t.size == losses.size)


@scalar
def _are_classes(t, columns):
    """Whether each number is a column's: what is none would be read from beside the row."""
    known = 0
    for row in range(t.size):
        known += int(0 <= t[row] < columns)
    return known == t.size


@scalar
def _target(t, row, j, columns, rows, smoothing):
    """The target of column j: given, or made from the row's class number, and smoothed."""
    sparse = t.size == rows
    given = (1.0 if t[row] == j else 0.0) if sparse else np.float64(t[row * columns + j])
    return (1.0 - smoothing) * given + smoothing / columns if smoothing > 0.0 else given


@kernel("losses slopes")
def crossentropy(t, z, losses, slopes, columns, hyper_values, share):
    """−α Σ tⱼ log pⱼ with p = softmax(z), and its slopes α (pⱼ Σ t − tⱼ)."""
    if not _one_a_row(t, z, losses, slopes, columns) or hyper_values.size <= ENTROPY:
        raise Refused
    if t.size == losses.size and not _are_classes(t, columns):
        raise Refused
    widest_vectors()
    alpha, smoothing, entropy = hyper_values[ALPHA], hyper_values[SMOOTHING], hyper_values[ENTROPY]
    peaks, rests = local_array(ROWS, z.dtype), local_array(ROWS, np.float64)
    logs, stride, unit = local_array(ROWS, np.float64), block_of(columns), alpha * share
    for start in range(0, z.size, stride):
        zs, ps = z[start : start + stride], slopes[start : start + stride]
        shares(zs, ps, columns, peaks, rests, unit)
        first, count = start // columns, zs.size // columns
        for row in range(ROWS):
            logs[row] = log1p(rests[row])
        if t.size == losses.size and smoothing == 0.0:
            for row in range(count):
                right = row * columns + int(t[first + row])
                below = np.float64(zs[right]) - peaks[row]
                losses[first + row] = alpha * (logs[row] - below)
                ps[right] = -_others(ps[right], below, rests[row], unit)
        else:
            for row in range(count):
                one, p = row_of(zs, row, columns), row_of(ps, row, columns)
                loss, whole = 0.0, 0.0
                for j in range(columns):
                    whole += _target(t, first + row, j, columns, losses.size, smoothing)
                for j in range(columns):
                    target = _target(t, first + row, j, columns, losses.size, smoothing)
                    below = np.float64(one[j]) - peaks[row]
                    if target != 0.0 or below != below:
                        loss += target * (logs[row] - below)
                    if target > 0.0 and entropy != 0.0:
                        loss += target * log(target)
                    others = _others(p[j], below, rests[row], unit)
                    p[j] = p[j] * (whole - target) - others * target
                losses[first + row] = alpha * loss


@scalar
def _others(p, below, rest, unit):
    """What the other classes have of the unit; beside the largest it keeps its digits."""
    return unit * rest / (1.0 + rest) if below == 0.0 else unit - np.float64(p)


@kernel("losses slopes")
def crossentropy_of_shares(t, p, losses, slopes, columns, hyper_values, share):
    """The same from probabilities; each log is bounded below by −100."""
    if not _one_a_row(t, p, losses, slopes, columns) or hyper_values.size <= ENTROPY:
        raise Refused
    if t.size == losses.size and not _are_classes(t, columns):
        raise Refused
    widest_vectors()
    alpha, smoothing, entropy = hyper_values[ALPHA], hyper_values[SMOOTHING], hyper_values[ENTROPY]
    for row in range(losses.size):
        one, parts = row_of(p, row, columns), row_of(slopes, row, columns)
        if t.size == losses.size and smoothing == 0.0:
            right, spoilt = int(t[row]), total_of(one)
            for j in range(columns):
                parts[j] = 0.0
            loss = -bounded_log(np.float64(one[right])) + 0.0 * spoilt  # NaN if any is
            parts[right] = -alpha * share / floored(np.float64(one[right]))
        else:
            for j in range(columns):
                target = _target(t, row, j, columns, losses.size, smoothing)
                chance = np.float64(one[j])
                silent = target == 0.0 and chance == chance
                part = 0.0 if silent else -target * bounded_log(chance)
                parts[j] = part + (target * log(target) if entropy * target > 0.0 else 0.0)
            loss = total_of(parts)
            for j in range(columns):
                target = _target(t, row, j, columns, losses.size, smoothing)
                parts[j] = -alpha * share * target / floored(np.float64(one[j]))
        losses[row] = alpha * loss


@scalar
def _fill_exactly(x, e):
    """Fill ``e`` with e^(xⱼ − max) in float64.

    Returns the place of the largest, the sum without its 1, and what the additions lost.
    """
    peak = 0
    for j in range(x.size):
        if x[j] > x[peak] or x[j] != x[j]:
            peak = j
    for j in range(x.size):
        e[j] = exp_difference(np.float64(x[j]), np.float64(x[peak]))
    rest = np.float64(x[peak] - x[peak])  # 0; NaN for an infinite peak, and so for its whole row
    lost = 0.0
    for j in range(x.size):
        rest, short = two_sum(rest, 0.0 if j == peak else e[j])
        lost += short
    return peak, rest, lost


@scalar
def _power_of_others(own, rest, lost, is_peak, exponent):
    """((1 + rest − own) / (1 + rest))^γ; what every sum loses is put back."""
    total, lost_total = two_sum(1.0, rest)
    short, lost_first = two_sum(1.0, -own)
    others, lost_others = two_sum(short, rest)
    lost_others += lost_first
    if is_peak:
        others, lost_others = rest, 0.0
    if others <= 0.0:
        return 0.0
    y = power(others, exponent) * power(total, -exponent)
    return y * (1.0 + exponent * ((lost + lost_others) / others - (lost + lost_total) / total))


@scalar
def _steepness(p, u, log_p, gamma):
    """p d/dp [−(1 − p)^γ log p] = γ p u^γ log p / u − u^γ, with u = 1 − p."""
    ratio = log_p / u if u > 0.0 else -1.0  # log p → −(1 − p) as p → 1
    return power(u, gamma) * (gamma * p * ratio - 1.0 if p > 0.0 else -1.0)


@kernel("losses slopes")
def focal(t, z, losses, slopes, columns, hyper_values, share):
    """−α Σ tⱼ (1 − pⱼ)^γ log pⱼ with p = softmax(z) and γ > 0, in float64."""
    if not _one_a_row(t, z, losses, slopes, columns) or hyper_values.size <= ENTROPY:
        raise Refused
    if t.size == losses.size and not _are_classes(t, columns):
        raise Refused
    widest_vectors()
    gamma, alpha, smoothing = hyper_values[GAMMA], hyper_values[ALPHA], hyper_values[SMOOTHING]
    e, steep = np.empty(columns, np.float64), np.empty(columns, np.float64)
    for row in range(losses.size):
        one, into = row_of(z, row, columns), row_of(slopes, row, columns)
        peak, rest, lost = _fill_exactly(one, e)
        log_total = log1p(rest) + lost / (1.0 + rest)
        whole = 1.0 + (rest + lost)
        # h = p · d/dp of one term; dz_k = α (t_k h_k (1 − p_k) − p_k Σ_{j≠k} t_j h_j)
        loss, everything = 0.0, 0.0
        for j in range(columns):
            target = _target(t, row, j, columns, losses.size, smoothing)
            below = np.float64(one[j]) - one[peak]
            steep[j] = 0.0
            if target != 0.0 or below != below:
                others = _power_of_others(e[j], rest, lost, j == peak, gamma)
                loss += target * (log_total - below) * others
                u = (rest + lost if j == peak else whole - e[j]) / whole
                steep[j] = target * _steepness(e[j] / whole, u, below - log_total, gamma)
                everything += steep[j]
        for j in range(columns):
            u = (rest + lost if j == peak else whole - e[j]) / whole
            apart = 0.0 if steep[j] == everything else everything - steep[j]
            into[j] = alpha * share * (steep[j] * u - e[j] / whole * apart)
        losses[row] = alpha * loss


@kernel("losses slopes")
def focal_of_shares(t, p, losses, slopes, columns, hyper_values, share):
    """The same from probabilities; each log is bounded below by −100."""
    if not _one_a_row(t, p, losses, slopes, columns) or hyper_values.size <= ENTROPY:
        raise Refused
    if t.size == losses.size and not _are_classes(t, columns):
        raise Refused
    gamma, alpha, smoothing = hyper_values[GAMMA], hyper_values[ALPHA], hyper_values[SMOOTHING]
    for row in range(losses.size):
        one, into = row_of(p, row, columns), row_of(slopes, row, columns)
        loss = 0.0
        for j in range(columns):
            target = _target(t, row, j, columns, losses.size, smoothing)
            chance = np.float64(one[j])
            u = 1.0 - chance
            into[j] = 0.0
            if target != 0.0 or chance != chance:
                shrunk = power(u, gamma)
                loss -= target * shrunk * bounded_log(chance)
                ratio = log(floored(chance)) / u if u > 0.0 else -1.0
                into[j] = alpha * share * target * shrunk * (gamma * ratio - 1.0 / floored(chance))
        losses[row] = alpha * loss


@kernel("losses slopes")
def margin(t, z, losses, slopes, columns, hyper_values, share):
    """Crammer and Singer's hinge: max(0, 1 + the best wrong score − the right score)."""
    if not _one_a_row(t, z, losses, slopes, columns):
        raise Refused
    if t.size == losses.size and not _are_classes(t, columns):
        raise Refused
    widest_vectors()
    for row in range(losses.size):
        one, into = row_of(z, row, columns), row_of(slopes, row, columns)
        right, best = 0, -np.inf
        for j in range(columns):
            if _target(t, row, j, columns, losses.size, 0.0) != 0.0:
                right = j
            elif not one[j] <= best:  # NaN is best of all
                best = np.float64(one[j]) if best == best else best
        above, lost = two_sum(1.0, best)
        gap = above - one[right]
        gap = gap + lost if lost == lost else gap
        ties = 0
        for j in range(columns):
            ties += int(j != right and one[j] == best)
        part = share / ties if gap > 0.0 else (0.0 if gap <= 0.0 else gap)
        for j in range(columns):
            into[j] = part if one[j] == best or part != part else 0.0
        into[right] = -share if gap > 0.0 else part
        losses[row] = 0.0 if gap <= 0.0 else gap
