"""What the rows of generated sets are: each rule checked by one that was written another way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sklearn.datasets
from scipy.special import logsumexp
from scipy.stats import t as student

from minidl import data
from minidl.data.cards import GENERATORS


def rng():
    return np.random.default_rng(5)


def test_xor():
    X, y = GENERATORS["xor"](rng(), rows=2000, noise=0.0)
    right, upper = X[:, 0] > 0, X[:, 1] > 0
    np.testing.assert_array_equal(y, right ^ upper)
    # Four equal quadrants: 500 ± 5 standard deviations of a binomial.
    quadrants = np.bincount(2 * right + upper, minlength=4)
    assert abs(quadrants - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)
    moved, same = GENERATORS["xor"](rng(), rows=2000, noise=0.1)
    np.testing.assert_array_equal(same, y)
    assert (moved - X).std() == pytest.approx(0.1, rel=0.05)


def test_parity_is_the_sign_of_a_product():
    X, y = GENERATORS["xor"](rng(), rows=2000, noise=0.0, features=3)
    np.testing.assert_array_equal(y, X.prod(axis=1) > 0)
    for pair in itertools.combinations(X.T, 2):  # two features say nothing
        assert abs(np.corrcoef(pair[0] * pair[1], y)[0, 1]) < 5 / np.sqrt(2000)


def test_a_chessboard_has_five_cells_of_one_class_and_four_of_the_other():
    X, y = GENERATORS["xor"](rng(), rows=2000, noise=0.0, cells=3)
    middle = abs(X) < 1 / 3
    np.testing.assert_array_equal(y, middle[:, 0] ^ middle[:, 1])
    cells = {tuple(cell): label for cell, label in zip(np.sign(X) * ~middle, y, strict=True)}
    assert len(cells) == 9
    assert sum(cells.values()) == 4


def test_hastie_is_a_ball():
    loaded = data.load("hastie")
    assert loaded.classes == ("inside", "outside")
    np.testing.assert_array_equal(loaded.y == 1, np.linalg.norm(loaded.X, axis=1) ** 2 > 9.34)


def test_a_fifth_of_the_flipped_labels_is_wrong():
    settings = data.datasets["flipped"].parameters | {"n_samples": 4000, "shuffle": False}
    make = sklearn.datasets.make_classification
    X, flipped = make(random_state=0, **settings)
    same, right = make(random_state=0, **settings | {"flip_y": 0.0})
    np.testing.assert_array_equal(X, same)
    assert (flipped != right).mean() == pytest.approx(0.2, abs=5 * np.sqrt(0.2 * 0.8 / 4000))


def test_spirals_wind_as_often_as_told():
    X, y = GENERATORS["spirals"](rng(), rows=1000, turns=1.25, noise=0.0)
    # As complex numbers: turning each point back by its radius leaves +1 or −1, the arm.
    points = X[:, 0] + 1j * X[:, 1]
    arms = points / abs(points) * np.exp(-2j * np.pi * 1.25 * abs(points))
    np.testing.assert_allclose(arms, 1 - 2 * y, atol=1e-12)
    assert np.bincount(y).tolist() == [500, 500]
    assert 0.1 <= abs(points).min() < 0.2
    assert 0.9 < abs(points).max() <= 1


def test_imbalanced_positives_are_a_dense_cloud_in_the_rim():
    loaded = data.load("imbalanced")
    rare, common = loaded.X[loaded.y == 1], loaded.X[loaded.y == 0]
    assert np.hypot(*rare.mean(axis=0)) == pytest.approx(2.5, abs=0.3)
    assert rare.std() == pytest.approx(0.5, rel=0.25)
    assert np.hypot(*common.mean(axis=0)) < 0.1
    assert common.std() == pytest.approx(1.0, rel=0.05)


def triangle(peak):
    """A wave of height 6 that reaches 0 six points from its peak."""
    return np.interp(np.arange(1, 22), [peak - 6, peak, peak + 6], [0, 6, 0])


def test_the_best_rule_for_waveforms_is_right_87_times_in_100():
    X, y = GENERATORS["waveform"](rng(), rows=3000)
    shares = np.linspace(0.005, 0.995, 100)[:, None]
    likelihoods = []
    for first, second in ((11, 15), (11, 7), (15, 7)):
        means = shares * triangle(first) + (1 - shares) * triangle(second)
        # Without the noise's density in between, −‖x − m‖²/2 up to a constant of the row.
        likelihoods.append(logsumexp(X @ means.T - (means**2).sum(axis=1) / 2, axis=1))
    assert (np.argmax(likelihoods, axis=0) == y).mean() == pytest.approx(0.87, abs=0.02)
    for label, (first, second) in enumerate(((11, 15), (11, 7), (15, 7))):
        mean = (triangle(first) + triangle(second)) / 2
        np.testing.assert_allclose(X[y == label].mean(axis=0), mean, atol=0.3)


def test_the_best_rule_for_a_display_with_faults_is_right_74_times_in_100():
    shown, y = GENERATORS["led"](rng(), rows=10, faults=0.0)
    digits = shown[y.argsort()]
    assert digits.sum(axis=1).tolist() == [6, 2, 5, 5, 4, 5, 6, 3, 7, 6]  # segments that are lit
    wrong = (np.array(list(itertools.product((0, 1), repeat=7)))[:, None] != digits).sum(axis=2)
    assert (0.1**wrong * 0.9 ** (7 - wrong)).max(axis=1).sum() / 10 == pytest.approx(0.74, abs=1e-3)
    shown, y = GENERATORS["led"](rng(), rows=2000, faults=0.1)
    faults = (shown != digits[y]).mean(axis=0)
    assert abs(faults - 0.1).max() < 5 * np.sqrt(0.1 * 0.9 / 2000)


def test_control_charts_have_the_shapes_they_are_called_by():
    X, y = GENERATORS["control_charts"](rng(), rows=600, points=60)
    steady, cyclic, rising, falling, up, down = (X[y == label] - 30 for label in range(6))
    assert 5.9 < abs(steady).max() <= 6
    spectrum = abs(np.fft.rfft(cyclic))[:, 1:]
    assert set(spectrum.argmax(axis=1) + 1) <= {4, 5, 6}  # cycles of 10 to 15 in 60
    slopes = np.polyfit(np.arange(60), np.concatenate([rising, -falling]).T, 1)[0]
    assert slopes.mean() == pytest.approx(0.35, abs=0.03)
    assert slopes.min() > 0.1
    for shift in (up, -down):
        jump = shift[:, 41:].mean(axis=1) - shift[:, :19].mean(axis=1)
        assert jump.min() > 4
        assert jump.max() < 24
        assert jump.mean() == pytest.approx((7.5 + 20) / 2, abs=1.5)


def test_balance_holds_every_case_once():
    loaded = data.load("balance")
    cases = {tuple(map(int, x)): loaded.classes[label]
             for x, label in zip(loaded.X, loaded.y, strict=True)}  # fmt: skip
    assert len(cases) == 5**4
    for (weight, distance, other_weight, other_distance), sinks in cases.items():
        left, right = weight * distance, other_weight * other_distance
        assert sinks == ("left" if left > right else "right" if right > left else "level")


def test_monks_hold_every_case_once():
    loaded = data.load("monks")
    cases = {tuple(map(int, x)): loaded.classes[label]
             for x, label in zip(loaded.X, loaded.y, strict=True)}  # fmt: skip
    assert set(cases) == set(itertools.product(*(range(1, n + 1) for n in (3, 3, 2, 3, 4, 2))))
    assert all((case.count(1) == 2) == (said == "yes") for case, said in cases.items())


def test_patches_lie_in_their_photograph():
    loaded = data.load("photographs")
    assert 0 <= loaded.X.min() < 0.1
    assert 0.9 < loaded.X.max() <= 1
    for row in range(8):
        picture = sklearn.datasets.load_sample_image(f"{loaded.classes[loaded.y[row]]}.jpg")
        grey = picture.sum(axis=2) / 765
        patch = loaded.X[row].reshape(5, 5)
        corners = np.argwhere(np.isclose(grey, patch[0, 0], atol=1e-9))
        assert any(
            np.allclose(grey[top : top + 5, left : left + 5], patch)
            for top, left in corners
            if top <= len(grey) - 5 and left <= grey.shape[1] - 5
        )


def test_outliers_push_a_tenth_up_and_leave_the_rest():
    loaded = data.load("outliers")
    above = loaded.y - np.sin(loaded.X[:, 0])
    assert (above > 2).sum() == 40
    assert abs(above[above <= 2]).max() < 0.5
    assert above[above <= 2].std() == pytest.approx(0.1, rel=0.2)
    assert abs(loaded.X).max() <= np.pi


def test_waves_are_three_periods():
    loaded = data.load("waves")
    np.testing.assert_allclose([loaded.X.min(), loaded.X.max()], [-3 * np.pi, 3 * np.pi], rtol=0.02)
    assert abs(loaded.X).max() <= 3 * np.pi
    assert (loaded.y - np.sin(loaded.X[:, 0])).std() == pytest.approx(0.2, rel=0.1)


def test_growing_noise_grows_from_a_half_to_one_and_a_half():
    X, y = GENERATORS["growing_noise"](rng(), rows=5000)
    error = abs(y - 2 * np.sin(2 * np.pi * X[:, 0])) / np.sqrt(2 / np.pi)  # |N(0, 1)| on average
    np.testing.assert_allclose(np.polyfit(X[:, 0], error, 1), [1.0, 0.5], atol=0.1)


def test_steps_lie_on_their_levels():
    X, y = GENERATORS["steps"](rng(), rows=500, levels=[0.0, 3.0, 1.0, 4.0, 2.0], noise=0.0)
    for low, level in zip((0.0, 0.2, 0.4, 0.6, 0.8), (0, 3, 1, 4, 2), strict=True):
        inside = (X[:, 0] > low) & (X[:, 0] < low + 0.2)
        assert inside.sum() > 50
        assert set(y[inside]) == {level}
    assert data.datasets["steps"].parameters["levels"] == [0, 3, 1, 4, 2]


def test_heavy_tails_are_those_of_student():
    X, y = GENERATORS["heavy_tails"](rng(), rows=5000, features=5, degrees=2.0)
    error = y - X @ np.ones(5)
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert (error < student.ppf(share, 2)).mean() == pytest.approx(share, abs=0.02)


def test_counts_vary_as_much_as_they_are_high():
    X, y = GENERATORS["counts"](rng(), rows=20_000)
    rate = np.exp(0.5 + X[:, 0] + np.cos(np.pi * X[:, 1]))
    assert y.min() == 0
    np.testing.assert_array_equal(y, np.floor(y))
    for low, high in ((0, 1), (1, 3), (3, 20)):
        part = (rate >= low) & (rate < high)
        assert (y - rate)[part].mean() == pytest.approx(0, abs=0.1)
        assert ((y - rate)[part] ** 2 / rate[part]).mean() == pytest.approx(1, rel=0.1)
    assert (data.load("counts").y == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_production_has_the_exponents_of_cobb_and_douglas():
    X, y = GENERATORS["production"](rng(), rows=5000)
    logarithms = np.column_stack([np.log(X), np.ones(len(X))])
    exponents, (squares,), *_ = np.linalg.lstsq(logarithms, np.log(y), rcond=None)
    np.testing.assert_allclose(exponents, [0.75, 0.25, 0.0], atol=0.02)
    assert np.sqrt(squares / len(X)) == pytest.approx(0.3, rel=0.05)


def test_an_arm_reaches_as_far_as_its_links_turned_by_its_joints():
    X, y = GENERATORS["arm"](rng(), rows=200, joints=3, noise=0.0)
    turns = np.exp(1j * X)
    hand = turns[:, 0] * (1 + turns[:, 1] * (1 + turns[:, 2]))
    np.testing.assert_allclose(y, hand.real, atol=1e-12)
    assert data.load("arm").y.max() > 2.5


def test_mackey_glass_follows_its_equation_and_looks_ahead():
    X, y = GENERATORS["mackey_glass"](rng(), rows=400, ahead=50)
    x = X[:, 0]
    change = x[18:] - x[17:-1]
    np.testing.assert_allclose(change, 0.2 * x[:-18] / (1 + x[:-18] ** 10) - 0.1 * x[17:-1])
    for column, ago in enumerate((0, 6, 12, 18)):
        np.testing.assert_array_equal(X[18:, column], x[18 - ago : 400 - ago])
    np.testing.assert_array_equal(y[:-50], x[50:])
    assert x.std() > 0.1  # it does not settle


class Start:
    """A generator of one start of the series, moved by ``shift``."""

    def __init__(self, shift):
        self.shift = shift

    def uniform(self, low, high, size):
        return rng().uniform(low, high, size) + self.shift


@pytest.mark.parametrize(("rows", "low", "high"), [(200, 0.0, 1e-5), (4000, 0.1, 2.0)])
def test_mackey_glass_is_chaotic(rows, low, high):
    """A difference of 1e-9 at the start is small at first, and as large as the series later."""
    series = [GENERATORS["mackey_glass"](Start(s), rows, ahead=0)[1] for s in (0.0, 1e-9)]
    assert low < abs(series[1] - series[0])[-200:].max() < high


@pytest.mark.parametrize("name", ["spirals", "imbalanced", "moons", "led", "balance", "monks"])
def test_classes_do_not_come_one_after_the_other(name):
    assert (np.diff(data.load(name).y) != 0).sum() > 20


@pytest.mark.parametrize("name", ["balance", "monks"])
def test_fewer_cases_are_drawn_from_all(name):
    X, y = GENERATORS[name](rng(), rows=100)
    assert len({tuple(x) for x in X}) == len(y) == 100
    with pytest.raises(ValueError, match="larger"):
        GENERATORS[name](rng(), rows=1000)


def test_a_column_predicted_from_the_others():
    iris = sklearn.datasets.load_iris()
    loaded = data.load("iris_sepal_width")
    np.testing.assert_array_equal(loaded.y, iris.data[:, 1])
    np.testing.assert_array_equal(loaded.X, iris.data[:, [0, 2, 3]])
    assert loaded.feature_names == tuple(iris.feature_names[column] for column in (0, 2, 3))
    # What its card says: upwards within each species, downwards over all.
    for x in loaded.X.T:
        assert np.corrcoef(x, loaded.y)[0, 1] < 0
        assert all(np.corrcoef(x[iris.target == k], loaded.y[iris.target == k])[0, 1] > 0
                   for k in range(3))  # fmt: skip
    assert data.load("wine_proline").y.max() == 1680
    area = data.load("breast_cancer_area").y
    assert round(area.max() / np.median(area)) == 22


def test_other_classes_of_a_table():
    digits, odd = data.load("digits"), data.load("digits_odd")
    assert odd.classes == ("even", "odd")
    np.testing.assert_array_equal(odd.X, digits.X)
    np.testing.assert_array_equal(odd.y, digits.y % 2)
    diabetes, fast = data.load("diabetes"), data.load("diabetes_fast")
    assert fast.classes == ("slow", "fast")
    np.testing.assert_array_equal(fast.X, diabetes.X)
    np.testing.assert_array_equal(fast.y, diabetes.y > np.median(diabetes.y))
