"""Functions of a whole row: softmax, and the losses that compare two rows.

Arrays arrive flat; ``columns`` says how long a row is. Sums run in float64. A row's targets are
either one number a column, or a single class number: the array's size tells which. Going
backward, a row whose loss has gradient 0 (its weight is 0) gets 0, whatever its numbers.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.jit import kernel, scalar
from minidl.kernels.vecmath import bounded_log, exp, exp_difference, floored, log, log1p, power


def _rows(*arguments):
    *arrays, columns = arguments
    return len({array.size for array in arrays}) == 1 and arrays[0].size % columns == 0


def _one_a_row(t, z, losses, columns, reals=None):
    return z.size == losses.size * columns and t.size in (z.size, losses.size)


def _back_to_rows(t, z, dy, dz, columns, reals=None):
    return z.size == dz.size and _one_a_row(t, z, dy, columns)


@scalar
def _sum(a, b):
    """a + b, and what rounding took from it (Knuth's two-sum)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@scalar
def _peak(x, start, columns):
    """Where the largest number of the row stands (a NaN counts as largest)."""
    best = start
    for j in range(start, start + columns):
        if x[j] > x[best] or x[j] != x[j]:
            best = j
    return best


@scalar
def _exponentials(x, start, columns, peak, powers):
    """Fill ``powers`` with e^(xⱼ − max); returns their sum without the peak's own 1.

    Without it small sums keep their digits. The second number is what the additions lost.
    """
    total = np.float64(x[peak]) - x[peak]  # 0; NaN for an infinite peak, and so for its whole row
    lost = 0.0
    for j in range(columns):
        powers[j] = exp_difference(np.float64(x[start + j]), np.float64(x[peak]))
        if start + j != peak:
            total, short = _sum(total, powers[j])
            lost += short
    return total, lost


@scalar
def _target(t, row, j, columns, sparse, smoothing):
    """The target of column j: given, or made from the row's class number, and smoothed."""
    given = (1.0 if t[row] == j else 0.0) if sparse else np.float64(t[row * columns + j])
    return (1.0 - smoothing) * given + smoothing / columns if smoothing > 0.0 else given


@scalar
def _others_power(own, rest, lost, is_peak, exponent):
    """((1 + rest − own) / (1 + rest))^γ; what every sum loses is put back."""
    total, lost_total = _sum(1.0, rest)
    short, lost_first = _sum(1.0, -own)
    others, lost_others = _sum(short, rest)
    lost_others += lost_first
    if is_peak:
        others, lost_others = rest, 0.0
    if others <= 0.0:
        return power(0.0, exponent)
    y = power(others, exponent) * power(total, -exponent)
    return y * (1.0 + exponent * ((lost + lost_others) / others - (lost + lost_total) / total))


@kernel("y", _rows)
def softmax(x, y, columns):
    powers = np.empty(columns, np.float64)
    for row in range(x.size // columns):
        start = row * columns
        rest, lost = _exponentials(x, start, columns, _peak(x, start, columns), powers)
        for j in range(columns):
            y[start + j] = powers[j] / (1.0 + (rest + lost))


@kernel("dx", _rows)
def softmax_backward(y, dy, dx, columns):
    for row in range(y.size // columns):
        start = row * columns
        inner = 0.0
        for j in range(start, start + columns):
            inner += np.float64(y[j]) * dy[j]
        for j in range(start, start + columns):
            dx[j] = y[j] * (np.float64(dy[j]) - inner)


@kernel("y", _rows)
def log_softmax(x, y, columns):
    powers = np.empty(columns, np.float64)
    for row in range(x.size // columns):
        start = row * columns
        peak = _peak(x, start, columns)
        rest, lost = _exponentials(x, start, columns, peak, powers)
        log_total = log1p(rest + lost)
        for j in range(start, start + columns):
            y[j] = (np.float64(x[j]) - x[peak]) - log_total


@kernel("dx", _rows)
def log_softmax_backward(y, dy, dx, columns):
    for row in range(y.size // columns):
        start = row * columns
        total = 0.0
        for j in range(start, start + columns):
            total += dy[j]
        for j in range(start, start + columns):
            dx[j] = dy[j] - exp(np.float64(y[j])) * total


@kernel("losses", _one_a_row)
def focal_logits(t, z, losses, columns, reals):
    """−α Σ tⱼ (1 − pⱼ)^γ log pⱼ with p = softmax(z); γ = 0 and α = 1 is cross-entropy."""
    gamma, alpha, smoothing = reals[0], reals[1], reals[2]
    sparse, powers = t.size == losses.size, np.empty(columns, np.float64)
    for row in range(losses.size):
        start = row * columns
        peak = _peak(z, start, columns)
        rest, lost = _exponentials(z, start, columns, peak, powers)
        log_total = log1p(rest) + lost / (1.0 + rest)
        loss = 0.0
        for j in range(columns):
            target = _target(t, row, j, columns, sparse, smoothing)
            below = np.float64(z[start + j]) - z[peak]
            if target != 0.0 or below != below:
                part = target * (log_total - below)
                if gamma != 0.0:
                    part *= _others_power(powers[j], rest, lost, start + j == peak, gamma)
                loss += part
        losses[row] = alpha * loss


@kernel("dz", _back_to_rows)
def focal_logits_backward(t, z, dy, dz, columns, reals):
    gamma, alpha, smoothing = reals[0], reals[1], reals[2]
    sparse, powers = t.size == dy.size, np.empty(columns, np.float64)
    for row in range(dy.size):
        start = row * columns
        peak = _peak(z, start, columns)
        rest, lost = _exponentials(z, start, columns, peak, powers)
        rest += lost
        total, log_total = 1.0 + rest, log1p(rest)
        # h = p · d/dp of one term; dz_k = α (t_k h_k (1 − p_k) − p_k Σ_{j≠k} t_j h_j)
        everything = 0.0
        for j in range(columns):
            target = _target(t, row, j, columns, sparse, smoothing)
            if target != 0.0:
                below = np.float64(z[start + j]) - z[peak]
                u = (rest if start + j == peak else total - powers[j]) / total
                everything += target * _steepness(powers[j] / total, u, below - log_total, gamma)
        for k in range(columns):
            target = _target(t, row, k, columns, sparse, smoothing)
            p, u = powers[k] / total, (rest if start + k == peak else total - powers[k]) / total
            mine = 0.0
            if target != 0.0:
                below = np.float64(z[start + k]) - z[peak]
                mine = target * _steepness(p, u, below - log_total, gamma)
            apart = everything - mine if target != everything else 0.0
            if sparse and smoothing == 0.0 and target != 0.0:
                apart = 0.0
            slope = mine * u - p * apart
            dz[start + k] = dy[row] * alpha * slope if dy[row] != 0.0 else 0.0


@scalar
def _steepness(p, u, log_p, gamma):
    """p d/dp [−(1 − p)^γ log p] = γ p u^γ log p / u − u^γ, with u = 1 − p."""
    if gamma == 0.0:
        return -1.0
    ratio = log_p / u if u > 0.0 else -1.0  # log p → −(1 − p) as p → 1
    return power(u, gamma) * (gamma * p * ratio - 1.0) if p > 0.0 else -power(u, gamma)


@kernel("losses", _one_a_row)
def focal_probabilities(t, p, losses, columns, reals):
    """The same from probabilities; each log is bounded below by −100."""
    gamma, alpha, smoothing = reals[0], reals[1], reals[2]
    sparse = t.size == losses.size
    for row in range(losses.size):
        loss = 0.0
        for j in range(columns):
            target = _target(t, row, j, columns, sparse, smoothing)
            probability = np.float64(p[row * columns + j])
            if target != 0.0 or probability != probability:
                part = -target * bounded_log(probability)
                loss += part if gamma == 0.0 else part * power(1.0 - probability, gamma)
        losses[row] = alpha * loss


@kernel("dp", _back_to_rows)
def focal_probabilities_backward(t, p, dy, dp, columns, reals):
    gamma, alpha, smoothing = reals[0], reals[1], reals[2]
    sparse = t.size == dy.size
    for row in range(dy.size):
        for j in range(columns):
            target = _target(t, row, j, columns, sparse, smoothing)
            probability = np.float64(p[row * columns + j])
            slope = -1.0 / floored(probability)
            if gamma != 0.0:
                u = 1.0 - probability
                ratio = log(floored(probability)) / u if u > 0.0 else -1.0
                slope = power(u, gamma) * (gamma * ratio + slope)
            silent = target == 0.0 or dy[row] == 0.0
            dp[row * columns + j] = 0.0 if silent else dy[row] * alpha * target * slope


@kernel("losses", _one_a_row)
def divergence_probabilities(t, p, losses, columns, reals):
    """Σ tⱼ (log tⱼ − log pⱼ); a target of 0 adds nothing."""
    for row in range(losses.size):
        loss = 0.0
        for j in range(row * columns, (row + 1) * columns):
            target, log_p = np.float64(t[j]), bounded_log(np.float64(p[j]))
            if target != 0.0 or log_p != log_p:
                loss += target * ((log(target) if target > 0.0 else 0.0) - log_p)
        losses[row] = loss


@kernel("losses", _one_a_row)
def divergence_logits(t, z, losses, columns, reals):
    powers = np.empty(columns, np.float64)
    for row in range(losses.size):
        start = row * columns
        peak = _peak(z, start, columns)
        rest, lost = _exponentials(z, start, columns, peak, powers)
        log_total = log1p(rest + lost)
        loss = 0.0
        for j in range(start, start + columns):
            target, log_p = np.float64(t[j]), (np.float64(z[j]) - z[peak]) - log_total
            if target != 0.0 or log_p != log_p:
                loss += target * ((log(target) if target > 0.0 else 0.0) - log_p)
        losses[row] = loss


@kernel("losses", _one_a_row)
def margin(t, z, losses, columns):
    """Crammer and Singer's hinge: max(0, 1 + the best wrong score − the right score)."""
    sparse = t.size == losses.size
    for row in range(losses.size):
        right, wrong = _scores(t, z, row, columns, sparse)
        gap = _gap(right, wrong)
        losses[row] = 0.0 if gap <= 0.0 else gap


@scalar
def _scores(t, z, row, columns, sparse):
    """The score of the right class, and the best of the others (NaN if any is)."""
    right, wrong = 0.0, -np.inf
    for j in range(columns):
        score = np.float64(z[row * columns + j])
        if _target(t, row, j, columns, sparse, 0.0) != 0.0:
            right = score
        elif not score <= wrong:
            wrong = score if wrong == wrong else wrong
    return right, wrong


@scalar
def _gap(right, wrong):
    """1 + wrong − right; what 1 + wrong loses is put back."""
    above, lost = _sum(1.0, wrong)
    gap = above - right
    return gap + lost if lost == lost else gap


@kernel("dz", _back_to_rows)
def margin_backward(t, z, dy, dz, columns):
    sparse = t.size == dy.size
    for row in range(dy.size):
        right, wrong = _scores(t, z, row, columns, sparse)
        gap = _gap(right, wrong)
        ties = 0
        for j in range(columns):
            hit = _target(t, row, j, columns, sparse, 0.0) != 0.0
            ties += int(not hit and z[row * columns + j] == wrong)
        for j in range(columns):
            k = row * columns + j
            if gap <= 0.0 or dy[row] == 0.0:
                dz[k] = 0.0
            elif gap != gap:
                dz[k] = gap
            elif _target(t, row, j, columns, sparse, 0.0) != 0.0:
                dz[k] = -dy[row]
            else:
                dz[k] = dy[row] / ties if z[k] == wrong else 0.0
