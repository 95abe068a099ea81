"""What a study claims: only what its design and its tests can bear."""

from dataclasses import replace

import numpy as np
import pytest
from certificate import FOUND as OFTEN_ENOUGH
from certificate import PLANTED, STUDIES, allowed, claims, finds, share
from scipy.stats import norm, wilcoxon

from minidl.core.errors import ArgumentError, ShapeError
from minidl.pairing import statistics
from minidl.pairing.statistics import CLAIM, Comparison, Design, Scores, sentence

KINDS = pytest.mark.parametrize("study", STUDIES, ids=[study.name for study in STUDIES])


# -------------------------------------------------------------------------------- certificate


@KINDS
def test_studies_of_identical_pairings_claim_nothing(study):
    studies = 15  # each with its whole report; 200 in benchmarks/certificate.py
    assert share(claims, study, studies) <= allowed(studies)


@KINDS
def test_a_planted_difference_is_found(study):
    worse = replace(study, worse=PLANTED[study])
    assert share(finds, worse, 15) >= OFTEN_ENOUGH


@KINDS
def test_simulated_scores_tie_fail_and_come_in_families(study):
    several = [study.scores(seed) for seed in range(10)]
    assert any(np.isnan(scores.values).any() for scores in several)
    assert len(np.unique(several[0].values)) < several[0].values.size / 4
    assert len(set(several[0].families)) == study.families
    starts = np.nanmean(several[0].values, axis=0)  # these move all pairings together
    assert (starts - starts.mean(axis=1, keepdims=True)).std() > 0.003


# ----------------------------------------------------------------------------------- planning


@pytest.mark.parametrize(("comparisons", "fewest"), [(1, 6), (23, 10), (276, 14)])
def test_the_fewest_families_are_those_that_wilcoxon_and_holm_need(comparisons, fewest):
    assert statistics.fewest_observations(comparisons) == fewest

    def least(n):  # all families on one side, in one of the comparisons only
        p_values = np.append(wilcoxon(np.arange(1.0, n + 1)).pvalue, np.ones(comparisons - 1))
        return statistics.holm(p_values).min()

    assert least(fewest) <= 0.05 < least(fewest - 1)


def test_what_is_detectable_is_detected():
    rng = np.random.default_rng(7)
    for n, comparisons in ((8, 1), (12, 5), (30, 20)):
        least = statistics.detectable_difference(n, 0.02, comparisons)
        experiments = rng.normal(least, 0.02, (1500, n))
        p_values = np.array([statistics.signed_rank_test(row) for row in experiments])
        assert (p_values * comparisons <= 0.05).mean() == pytest.approx(0.8, abs=0.04)
        flips = statistics.sign_flip_test(experiments[:, :24])
        if n <= 24:
            assert (flips * comparisons <= 0.05).mean() == pytest.approx(0.8, abs=0.06)


def test_what_is_detectable_agrees_with_theory():
    from statsmodels.stats.power import TTestPower

    # 6 families reject only if all agree: P(d > 0)^6 = 0.8
    np.testing.assert_allclose(
        statistics.detectable_difference(6, 1.0), norm.ppf(0.8 ** (1 / 6)), rtol=0.03
    )
    # of many, the signed-rank test needs π/3 times as many as Student's t (Pitman)
    student = TTestPower().solve_power(nobs=200 * 3 / np.pi, alpha=0.01, power=0.9)
    found = statistics.detectable_difference(200, 1.0, comparisons=5, power=0.9)
    np.testing.assert_allclose(found, student, rtol=0.03)
    assert statistics.detectable_difference(9, 1.0, comparisons=23) == np.inf


def test_a_design_says_what_claims_are_about():
    assert Design(24, 16, 10, 10).scope == "families"
    assert Design(24, 16, 9, 15).scope == "datasets"
    assert Design(24, 16, 9, 13).scope == "nothing"
    assert Design(24, 16, 12, 10, all_pairs=True).fewest_families == 14
    assert np.isnan(Design(24, 16, 10, 10).detectable)
    one = Design(2, 1, 1, 10, spread=0.01)
    assert one.detectable == statistics.detectable_difference(10, 0.01)
    several = Design(3, 4, 1, 20, spread=0.01)
    assert several.detectable == statistics.detectable_difference(20, 0.01, comparisons=8)
    with pytest.raises(ArgumentError, match="second pairing"):
        _ = Design(1, 16, 10, 10).scope


def test_claims_are_about_datasets_only_where_families_are_too_few():
    values = np.random.default_rng(0).normal(size=(3, 8, 8))
    names = tuple("abcdefgh")
    over = statistics.compare(Scores(values, tuple("xyz"), names, names), "x")
    assert [comparison.dataset for comparison in over] == [None, None]
    few = statistics.compare(Scores(values[:, :2], tuple("xyz"), names[:2], names[:2]), "x")
    assert [comparison.dataset for comparison in few] == ["a", "a", "b", "b"]
    none = statistics.compare(Scores(values[:, :2, :3], tuple("xyz"), names[:2], names[:2]), "x")
    assert [comparison.dataset for comparison in none] == [None, None]
    assert all("cannot be shown with 2 families" in sentence(finding) for finding in none)


# ------------------------------------------------------------------------ ranking, learning rates


def test_the_winner_of_equals_is_not_flattered():
    rng, leaders = np.random.default_rng(3), []
    for _ in range(40):
        values = rng.normal(size=(30, 2, 10))
        scores = Scores(values, tuple(f"{i}" for i in range(30)), ("x", "y"), ("x", "y"), -9.0)
        leaders.append(statistics.corrected_ranking(scores, resamples=50)[0])
    error = np.std([leader.corrected for leader in leaders]) / np.sqrt(40)
    assert abs(np.mean([leader.corrected for leader in leaders])) < 3 * error
    assert np.mean([leader.score for leader in leaders]) > 10 * error


def test_a_ranking_of_clear_differences_is_left_alone():
    rng = np.random.default_rng(0)
    values = np.array([1.0, 3.0, 2.0])[:, None, None] + 0.01 * rng.normal(size=(3, 2, 6))
    scores = Scores(values, ("a", "b", "c"), ("x", "y"), ("x", "y"))
    found = statistics.corrected_ranking(scores)
    assert [(r.pairing, r.place, r.first) for r in found] == [
        ("b", 1, 1.0),
        ("c", 2, 0.0),
        ("a", 3, 0.0),
    ]
    for ranked in found:
        assert ranked.best_place == ranked.worst_place == ranked.place
        assert ranked.corrected == pytest.approx(ranked.score, abs=0.002)  # halves are noisier
    same = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.1, 0.3]])  # summed in any order
    same = np.broadcast_to(same[..., None], (3, 3, 4))
    tied = statistics.corrected_ranking(Scores(same, ("a", "b", "c"), tuple("xyz"), tuple("xyz")))
    assert [r.first for r in tied] == pytest.approx([1 / 3] * 3)
    with pytest.raises(ArgumentError, match="at least 2"):
        statistics.corrected_ranking(
            Scores(values[..., :1], ("a", "b", "c"), ("x", "y"), ("x", "y"))
        )


def test_learning_rates_that_are_good_lie_around_the_best():
    rates = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    found = statistics.rate_sensitivity(rates, np.array([0.945, 0.8, 0.94, 0.95, 0.95 - 0.01]))
    assert (found.best, found.at_edge) == (0.1, False)
    assert found.spread == pytest.approx(0.15)
    assert found.width == pytest.approx(2)  # 0.0001 is good too, but 0.001 between them is not
    below = statistics.rate_sensitivity(rates, np.array([0.5, 0.945, 0.95, 0.5, 0.5]))
    assert below.width == pytest.approx(1)
    edge = statistics.rate_sensitivity(rates, np.array([0.9, 0.5, 0.4, 0.3, 0.2]))
    assert (edge.at_edge, edge.width) == (True, 0.0)
    with pytest.raises(ShapeError, match="one mean score a learning rate"):
        statistics.rate_sensitivity(rates, np.ones(4))
    with pytest.raises(ArgumentError, match="count failures first"):
        statistics.rate_sensitivity(rates, np.array([0.9, 0.5, np.nan, 0.3, 0.2]))


def test_seeds_decide_every_resample():
    scores = STUDIES[0].scores(seed=0)
    for statistic in (statistics.interquartile_means, statistics.corrected_ranking):
        assert statistic(scores, seed=1) == statistic(scores, seed=1)
        assert statistic(scores, seed=1) != statistic(scores, seed=2)


# -------------------------------------------------------------------------------------- sentences

FOUND = Comparison("relu", "tanh", None, -0.0123, -0.03, -0.002, 1, 1, 8, 0.002, 0.02, 10)


def test_a_claim_names_the_higher_one_first():
    said = sentence(FOUND)
    assert said.startswith(f"tanh {CLAIM} relu over dataset families: typically by 1.2 points, ")
    assert "higher in 8 of 10, lower in 1 (Wilcoxon" in said
    assert "p = 0.02 after Holm's correction for 10 comparisons" in said
    on_one = sentence(replace(FOUND, dataset="moons", difference=0.0123))
    assert on_one.startswith(f"relu {CLAIM} tanh on moons: on average by 1.2 points, ")
    assert "higher in 1 of 10, lower in 8 repetitions (sign-flip" in on_one


@pytest.mark.parametrize("lower", [0, 1])
def test_where_most_families_tie_a_claim_still_names_the_higher_one_first(lower):
    """The typical difference is 0 then."""
    values = np.full((2, 21, 1), 0.5)
    values[lower, :6] = 0.4
    names = tuple(map(str, range(21)))
    [found] = statistics.compare(Scores(values, ("relu", "tanh"), names, names), "tanh")
    assert (found.shown, found.difference, found.ties) == (True, 0.0, 15)
    higher, other = ("tanh", "relu") if lower == 0 else ("relu", "tanh")
    assert sentence(found).startswith(f"{higher} {CLAIM} {other} over dataset families")
    assert "higher in 6 of 21, lower in 0 (" in sentence(found)
    assert found.direction == (-1 if lower == 0 else 1)


def test_no_claim_without_a_test_that_shows_it():
    said = sentence(replace(FOUND, adjusted=0.0501))
    assert said.startswith("No difference between relu and tanh is shown over dataset families")
    assert "−1.2 points, simultaneous 95 % interval −3.0 to −0.2" in said
    assert "p = 0.0501" in said
    assert "interval" not in sentence(replace(FOUND, adjusted=0.2, low=-np.inf, high=np.inf))
    impossible = replace(FOUND, wins=0, ties=0, losses=6, adjusted=0.3)
    assert sentence(impossible) == (
        "Whether relu and tanh differ over dataset families cannot be shown with 6 families: "
        "10 comparisons need at least 9."
    )


def test_one_is_singular():
    assert sentence(Design(2, 1, 1, 5)) == (
        "This design cannot show any difference: 1 comparison over dataset families needs at "
        "least 6 families; this study has 1, and 1 test on single datasets needs at least 6 "
        "repetitions; it has 5."
    )


def test_headlines_are_the_claims_or_say_that_there_are_none():
    design = Design(11, 12, 10, 10)
    larger = replace(FOUND, first="elu", difference=0.05)
    assert statistics.headlines([FOUND, larger], design) == [sentence(larger), sentence(FOUND)]
    (nothing,) = statistics.headlines([replace(FOUND, adjusted=1.0)], design)
    assert "no proof that there is none" in nothing
    (never,) = statistics.headlines([FOUND], Design(11, 4, 4, 3))
    assert never.startswith("This design cannot show any difference")


def test_all_other_findings_describe():
    scores = STUDIES[0].scores(seed=0)
    two = Scores(scores.values[:2], scores.pairings[:2], scores.datasets, scores.families)
    findings = [
        Design(12, 16, 12, 10, spread=0.02),
        Design(12, 16, 3, 30),
        statistics.rank_summary(scores),
        statistics.rank_summary(two),
        statistics.corrected_ranking(scores)[0],
    ]
    said = [sentence(finding) for finding in findings]
    assert not any(CLAIM in text for text in said)
    assert all(text.endswith(".") and "nan" not in text for text in said)
    assert len(set(said)) == len(said)
    assert "need at least 9 families; this study has 12. A true difference of" in said[0]
    assert (
        "so claims are about single datasets: 176 tests on single datasets need at least 13"
        in said[1]
    )
    with pytest.raises(TypeError, match="no finding"):
        sentence("relu is best")
