"""Statistics of a study against the libraries that have them, to 1e-8 or with the reason."""

import warnings
from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from scipy.integrate import quad

from minidl.core.errors import ArgumentError, ShapeError, UnknownNameError
from minidl.pairing import statistics
from minidl.pairing.statistics import Scores

CLOSE = {"rtol": 0, "atol": 1e-8}


def table(values, families=None):
    """Scores of pairings a, b, c … on datasets of families of their own, unless told."""
    datasets = tuple(f"d{i}" for i in range(values.shape[1]))
    names = tuple("abcdefghijklmnopqrstuvwxyz"[: len(values)])
    return Scores(values, names, datasets, tuple(families or datasets))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ------------------------------------------------------------------------------------ the table


def test_a_failure_counts_as_the_worst_of_its_dataset_and_is_never_dropped():
    nan = np.nan
    scores = table(np.array([[[0.9, nan], [-3.0, 0.5]], [[0.8, 0.7], [0.2, -np.inf]]]))
    np.testing.assert_array_equal(
        scores.counted, [[[0.9, 0.0], [-3.0, 0.5]], [[0.8, 0.7], [0.2, -3.0]]]
    )
    with pytest.raises(ValueError, match="read-only"):  # what failures count is computed once
        scores.values[0] = 1.0
    (found,) = statistics.compare_over_families(scores, "b")
    assert found.difference == pytest.approx(np.mean([0.45 - 0.75, -1.25 - -1.4]))


def test_a_family_counts_once_however_many_variants_it_has():
    values = np.arange(12.0).reshape(2, 3, 2)
    scores = table(values, ["plane", "wine", "plane"]).by_family()
    assert scores.datasets == ("plane", "wine")
    np.testing.assert_array_equal(scores.values[:, 0], (values[:, 0] + values[:, 2]) / 2)
    np.testing.assert_array_equal(scores.values[:, 1], values[:, 1])
    assert table(values, ["plane"] * 3).by_family().values.shape == (2, 1, 2)


def test_a_table_that_is_not_full_is_refused(refused):
    with refused(ShapeError, "values", "(2, 1, repetitions)", "(2, 1)", "one column a dataset"):
        Scores(np.zeros((2, 1)), ("a", "b"), ("x",), ("x",))
    with refused(ShapeError, "families", "one a dataset", "0 for 1", "family of each"):
        Scores(np.zeros((2, 1, 3)), ("a", "b"), ("x",), ())
    with refused(ArgumentError, "pairings", "once", "a", "Rename"):
        Scores(np.zeros((2, 1, 3)), ("a", "a"), ("x",), ("x",))
    with refused(UnknownNameError, "pairing", "of the study", "'rely'", "'relu'"):
        Scores(np.ones((1, 1, 1)), ("relu",), ("x",), ("x",)).index("rely")


# ------------------------------------------------------------------------------------- one pair


@pytest.mark.parametrize("n", [2, 3, 7, 12])
@pytest.mark.parametrize("digits", [1, 15])
def test_sign_flips_are_scipys_permutation_test(rng, n, digits):
    differences = rng.normal(0.4, 1, (4, n)).round(digits)
    expected = scipy_stats.permutation_test(
        (differences,),
        lambda x, axis: x.mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10_000,
        axis=-1,
    ).pvalue
    np.testing.assert_allclose(statistics.sign_flip_test(differences), expected, **CLOSE)


def test_many_sign_flips_are_drawn_and_no_p_value_is_0(rng):
    differences = rng.normal(0.3, 1, (3, 30))
    drawn = statistics.sign_flip_test(differences, seed=3)
    assert drawn.tolist() == statistics.sign_flip_test(differences, seed=3).tolist()
    assert drawn.tolist() != statistics.sign_flip_test(differences, seed=4).tolist()
    expected = scipy_stats.ttest_1samp(differences, 0, axis=1).pvalue
    np.testing.assert_allclose(drawn, expected, atol=0.02)
    ones_and_zeros = np.stack([np.ones(30), np.zeros(30)])
    assert statistics.sign_flip_test(ones_and_zeros, resamples=999).tolist() == [0.001, 1.0]


def test_bca_intervals_are_scipys_on_the_same_resamples(rng):
    differences = rng.exponential(size=(3, 10)) - 0.5
    low, high = statistics.bca_interval(differences, 0.9, resamples=999, seed=5)
    for row, *interval in zip(differences, low, high, strict=True):
        expected = scipy_stats.bootstrap(
            (row,), np.mean, confidence_level=0.9, n_resamples=999, rng=np.random.default_rng(5)
        ).confidence_interval
        np.testing.assert_allclose(interval, expected, **CLOSE)


def test_an_interval_of_nothing_or_of_one_value():
    assert np.isnan(statistics.bca_interval(np.ones((2, 1)))).all()
    assert [float(bound) for bound in statistics.bca_interval(np.full(5, 0.25))] == [0.25, 0.25]


# --------------------------------------------------------------------------------- over families


@pytest.mark.parametrize("n", [1, 5, 10, 25, 50])
def test_signed_ranks_without_ties_are_scipys(rng, n):
    differences = rng.normal(0.3, 1, n)
    expected = scipy_stats.wilcoxon(differences, method="exact").pvalue
    np.testing.assert_allclose(statistics.signed_rank_test(differences), expected, **CLOSE)


@pytest.mark.parametrize("zeros", [0, 3])
def test_signed_ranks_with_ties_and_zeros_are_scipys(rng, zeros):
    differences = np.append(rng.integers(-3, 5, 8 - zeros), np.zeros(zeros))
    assert len(np.unique(np.abs(differences))) < len(differences)
    expected = scipy_stats.wilcoxon(differences.astype(float), zero_method="pratt").pvalue
    np.testing.assert_allclose(statistics.signed_rank_test(differences), expected, **CLOSE)


def test_signed_ranks_of_many_tied_families_are_near_the_normal_approximation(rng):
    differences = rng.integers(-5, 8, 60).astype(float)
    expected = scipy_stats.wilcoxon(differences, zero_method="pratt", correction=True).pvalue
    assert statistics.signed_rank_test(differences) == pytest.approx(expected, abs=0.002)


def test_a_typical_difference_is_the_median_of_the_means_of_pairs(rng):
    differences = rng.exponential(size=9)
    means = [(a + b) / 2 for a, b in combinations_with_replacement(differences, 2)]
    np.testing.assert_allclose(
        statistics.typical_difference(differences), np.median(means), **CLOSE
    )


@given(st.lists(st.integers(-9, 9), min_size=4, max_size=11))
def test_the_interval_of_a_typical_difference_inverts_the_test(whole):
    differences = np.array(whole) + np.linspace(0, 0.4, len(whole)) ** 2  # no ties
    low, high = statistics.typical_interval(differences, 0.9)
    assert low <= statistics.typical_difference(differences) <= high
    for bound, outwards in ((low, -1e-6), (high, 1e-6)):
        if np.isfinite(bound):
            assert statistics.signed_rank_test(differences - bound - outwards) <= 0.1
            assert statistics.signed_rank_test(differences - bound + outwards) > 0.1


def test_holm_is_that_of_statsmodels(rng):
    from statsmodels.stats.multitest import multipletests

    for p_values in (rng.uniform(0, 0.2, 20), rng.uniform(size=7).round(1), np.array([0.3])):
        expected = multipletests(p_values, method="holm")[1]
        np.testing.assert_allclose(statistics.holm(p_values), expected, **CLOSE)


def test_comparisons_over_families_put_these_together(rng):
    from statsmodels.stats.multitest import multipletests

    values = rng.normal(size=(4, 9, 3)) + np.array([0.2, 0, 1, 2])[:, None, None]
    scores = table(values, [f"f{i // 2}" if i < 4 else f"f{i}" for i in range(9)])
    found = statistics.compare_over_families(scores, "b", alpha=0.2)
    means = values.mean(axis=2)
    means = np.stack([means[:, :2].mean(1), means[:, 2:4].mean(1), *means[:, 4:].T], axis=1)
    raw = [scipy_stats.wilcoxon(means[row], means[1]).pvalue for row in (0, 2, 3)]
    np.testing.assert_allclose([c.p_value for c in found], raw, **CLOSE)
    adjusted = multipletests(raw, method="holm")[1]
    np.testing.assert_allclose([c.adjusted for c in found], adjusted, **CLOSE)
    assert [c.shown for c in found] == [bool(p <= 0.2) for p in adjusted]
    assert {c.shown for c in found} == {True, False}
    for comparison, row in zip(found, (0, 2, 3), strict=True):
        assert (comparison.first, comparison.second) == ("abcd"[row], "b")
        wins, losses = (means[row] > means[1]).sum(), (means[row] < means[1]).sum()
        assert (comparison.wins, comparison.ties, comparison.losses) == (wins, 0, losses)
        interval = statistics.typical_interval(means[row] - means[1], 1 - 0.2 / 3)
        np.testing.assert_allclose((comparison.low, comparison.high), interval, **CLOSE)
    assert len(statistics.compare_over_families(scores, None)) == 6


def test_comparisons_on_datasets_are_corrected_over_all_of_them(rng):
    values = rng.normal(size=(3, 2, 9))
    found = statistics.compare_on_datasets(table(values), "c")
    assert [(c.first, c.dataset) for c in found] == [
        ("a", "d0"), ("b", "d0"), ("a", "d1"), ("b", "d1")
    ]  # fmt: skip
    for comparison in found:
        row, column = "abc".index(comparison.first), ["d0", "d1"].index(comparison.dataset)
        differences = values[row, column] - values[2, column]
        expected = statistics.sign_flip_test(differences)
        np.testing.assert_allclose(comparison.p_value, expected, **CLOSE)
        np.testing.assert_allclose(comparison.difference, differences.mean(), **CLOSE)
        assert comparison.comparisons == 4
    raw = np.array([c.p_value for c in found])
    np.testing.assert_allclose([c.adjusted for c in found], statistics.holm(raw), **CLOSE)


def test_draws_are_enough_for_as_many_tests_as_there_are(rng):
    values = rng.normal(size=(26, 24, 25)) + np.where(np.arange(26) == 0, 9, 0)[:, None, None]
    found = statistics.compare_on_datasets(table(values), "a")
    assert len(found) == 600
    assert all(comparison.shown for comparison in found)


def test_sums_in_another_order_are_ties():
    values = np.array([[[0.1, 0.2, 0.3]], [[0.3, 0.2, 0.1]]])
    assert values[0].mean() != values[1].mean()
    (found,) = statistics.compare_over_families(table(values), "b")
    assert (found.wins, found.ties, found.losses) == (0, 1, 0)
    ranks = statistics.ranks_within(np.array([0.1 + 0.2, 0.3, 0.2]).reshape(3, 1, 1, 1))
    assert ranks.ravel().tolist() == [1.5, 1.5, 3.0]


def test_a_matrix_counts_all_pairs_and_tests_the_planned_ones(rng):
    values = rng.integers(0, 4, (3, 8, 1)).astype(float)
    values[0] += 4
    scores = table(values)
    planned = statistics.compare_over_families(scores, "c")
    matrix = statistics.pairwise_matrix(scores, planned)
    a, b, c = values[..., 0]
    assert (matrix.wins[1, 2], matrix.ties[1, 2]) == ((b > c).sum(), (b == c).sum())
    assert (matrix.losses[0, 2], matrix.wins[2, 0]) == ((a < c).sum(), (c > a).sum())
    assert matrix.ties[0, 0] == 8
    assert matrix.shown.tolist() == [[False, False, True], [False] * 3, [True, False, False]]
    assert matrix.verdicts.tolist() == [[0, 0, 1], [0, 0, 0], [-1, 0, 0]]


# ----------------------------------------------------------------------------------------- ranks


@pytest.mark.parametrize("digits", [0, 9])
def test_ranks_friedman_and_the_critical_difference_are_those_of_the_libraries(rng, digits):
    with warnings.catch_warnings():  # of other libraries' own making
        warnings.simplefilter("ignore")
        import scikit_posthocs
        from autorank import autorank
        from pandas import DataFrame

        means = (rng.normal(size=(5, 12)) + 0.4 * np.arange(5)[:, None]).round(digits)
        expected = autorank(DataFrame(means.T), force_mode="nonparametric")
        p_values = scikit_posthocs.posthoc_nemenyi_friedman(means.T).to_numpy()
    summary = statistics.rank_summary(table(means[..., None]))
    np.testing.assert_allclose(summary.p_value, expected.pvalue, **CLOSE)
    ranks = expected.rankdf["meanrank"].sort_index().to_numpy()
    np.testing.assert_allclose(summary.mean_ranks, ranks, **CLOSE)
    for i, j in combinations(
        range(5), 2
    ):  # at the level of its p-value a pair is just so far apart
        apart, p = abs(ranks[i] - ranks[j]), p_values[i, j]
        np.testing.assert_allclose(statistics.critical_difference(5, 12, p), apart, **CLOSE)
    # autorank takes the quantile from a fitted formula of three digits
    np.testing.assert_allclose(summary.critical_difference, expected.cd, rtol=2e-3)


@pytest.mark.parametrize("k", [2, 5, 24])
def test_the_critical_difference_is_a_quantile_of_the_range_of_normals(k):
    quantile = statistics.critical_difference(k, 1, 0.05) / np.sqrt(k * (k + 1) / 12)
    normal = scipy_stats.norm

    def density(z):  # of the lowest at z and all others within the range
        return k * normal.pdf(z) * (normal.cdf(z + quantile) - normal.cdf(z)) ** (k - 1)

    np.testing.assert_allclose(quad(density, -12, 12, epsabs=1e-12)[0], 0.95, **CLOSE)


def test_pairings_all_alike_rank_alike():
    summary = statistics.rank_summary(table(np.ones((3, 4, 2))))
    assert (summary.statistic, summary.p_value) == (0.0, 1.0)
    assert summary.mean_ranks.tolist() == [2.0, 2.0, 2.0]
    assert np.isnan(statistics.rank_summary(table(np.ones((2, 4, 2)))).p_value)


@given(st.integers(1, 7).flatmap(lambda k: st.lists(st.booleans(), min_size=k * k, max_size=k * k)))
def test_bars_join_all_that_is_not_shown_to_differ(flat):
    k = round(len(flat) ** 0.5)
    shown = np.triu(np.array(flat).reshape(k, k), 1)
    shown |= shown.T
    ranks = np.random.default_rng(k).permutation(k)
    found = statistics.bars(ranks, shown)
    for i in range(k):
        for j in range(i):
            joined = any(i in bar and j in bar for bar in found)
            assert joined or shown[i, j]
    assert all(len(bar) > 1 and not shown[bar[0], bar[-1]] for bar in found)
    assert not any(set(one) < set(other) for one in found for other in found)


# ------------------------------------------------------------------------------- what describes


@pytest.mark.parametrize("size", [1, 3, 4, 10, 160])
def test_interquartile_means_are_trimmed_means(rng, size):
    values = rng.normal(size=(3, size)) ** 3
    expected = scipy_stats.trim_mean(values, 0.25, axis=1)
    np.testing.assert_allclose(statistics.interquartile_mean(values), expected, **CLOSE)


def test_differences_on_datasets_are_paired_with_bca_intervals(rng):
    scores = table(rng.uniform(size=(3, 2, 9)), ["plane", "plane"])
    found = statistics.differences_on_datasets(scores, "b")
    assert [(d.pairing, d.dataset) for d in found] == [
        ("a", "d0"), ("a", "d1"), ("c", "d0"), ("c", "d1"),
    ]  # fmt: skip
    for one in found:
        row, column = "abc".index(one.pairing), scores.datasets.index(one.dataset)
        apart = scores.values[row, column] - scores.values[1, column]
        np.testing.assert_allclose(one.mean, apart.mean(), **CLOSE)
        np.testing.assert_allclose((one.low, one.high), statistics.bca_interval(apart), **CLOSE)
    single = statistics.differences_on_datasets(table(rng.uniform(size=(2, 1, 1))), "a")
    assert np.isnan(single[0].low)
    assert np.isnan(single[0].high)


def test_interquartile_means_are_bootstrapped_within_families(rng):
    values = 10 * np.arange(8.0)[:, None] + rng.normal(size=(2, 8, 12)) + np.array([[[0]], [[1]]])
    best, other = statistics.interquartile_means(table(values), seed=1)
    assert (best.pairing, other.pairing) == ("b", "a")
    middle = values[1][2:6]  # families far apart: the middle half is the middle four
    np.testing.assert_allclose(best.value, middle.mean(), **CLOSE)
    error = np.sqrt((middle.var(axis=1) / 12).mean() / 4)
    np.testing.assert_allclose((best.high - best.low) / 2, 1.96 * error, rtol=0.08)


def test_shares_of_variance_are_those_of_statsmodels(rng):
    from pandas import DataFrame
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    shape = (3, 2, 4, 3)
    values = rng.normal(size=shape) + 2 * rng.normal(size=(3, 2, 1, 1)) + rng.normal(size=(4, 3))
    a, loss, d, s = (index.ravel() for index in np.indices(shape))
    frame = DataFrame({"y": values.ravel(), "a": a, "l": loss, "d": d, "s": s})
    expected = anova_lm(ols("y ~ C(a) * C(l) * C(d) + C(s):C(d)", frame).fit())
    names = {
        "C(a)": "activation",
        "C(l)": "loss",
        "C(d)": "dataset",
        "C(a):C(l)": "activation × loss",
        "C(a):C(d)": "activation × dataset",
        "C(l):C(d)": "loss × dataset",
        "C(a):C(l):C(d)": "activation × loss × dataset",
        "C(s):C(d)": "seed",
        "Residual": "left over",
    }
    found = {share.source: share for share in statistics.decompose(values)}
    assert list(found) == list(names.values())
    for theirs, ours in names.items():
        np.testing.assert_allclose(found[ours].squares, expected["sum_sq"][theirs], **CLOSE)
        assert found[ours].freedom == expected["df"][theirs]
    total = expected["sum_sq"].sum()
    assert sum(share.share for share in found.values()) == pytest.approx(1)
    assert found["seed"].share == pytest.approx(expected["sum_sq"]["C(s):C(d)"] / total)
    chance = expected["df"]["C(a)"] * expected["mean_sq"]["Residual"] / total
    assert found["activation"].by_chance == pytest.approx(chance)


def test_a_design_that_is_not_balanced_is_refused(refused):
    parts = {"a": ("relu", "mse"), "b": ("relu", "mae"), "c": ("tanh", "mse")}
    with refused(ArgumentError, "scores", "every activation", "no tanh with mae", "go together"):
        statistics.crossed(table(np.ones((3, 1, 1))), parts)
    with refused(ShapeError, "values", "4 axes", "(2, 2)", "crossed"):
        statistics.decompose(np.ones((2, 2)))
    alone = statistics.decompose(np.arange(4.0).reshape(2, 2, 1, 1))
    assert alone[0].share == pytest.approx(0.8)
    assert np.isnan([share.by_chance for share in alone]).all()
