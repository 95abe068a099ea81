"""What several test files need."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

import minidl as ml
from minidl.nn import ActivationFunction, activation, activations

SUPPORT = Path(__file__).parent / "support"  # no tests, but they hold assertions
pytest.register_assert_rewrite(*(path.stem for path in SUPPORT.glob("*.py")))


@pytest.fixture
def bend():
    """The name of an activation that exists for one test only."""

    @activation
    class Bend(ActivationFunction):
        """A curve nobody knows."""

        name = "bend"
        formula = "x/(1 + x**2)"
        derivative = "(1 − x²)/(1 + x²)²"
        source = "this test"

        @staticmethod
        def value(x: float) -> float:
            return x / (1.0 + x * x)

        @staticmethod
        def slope(x: float) -> float:
            return (1.0 - x * x) / ((1.0 + x * x) * (1.0 + x * x))

    yield "bend"
    activations.unregister("bend")


@pytest.fixture(scope="session")
def refused():
    """A context that expects an error of one kind, whose four parts each hold the given words."""

    @contextmanager
    def expect(kind, culprit, expected, got, remedy):
        with pytest.raises(kind) as caught:
            yield
        error = caught.value
        assert type(error) is kind
        for part, words in (
            (error.culprit, culprit),
            (error.expected, expected),
            (error.got, got),
            (error.remedy, remedy),
        ):
            assert words, "an empty string is in every string"
            assert words in part
            assert part in str(error)

    return expect


@pytest.fixture(scope="module")
def chromium():
    """Debian's chromium without a window; what it asks of any network is logged."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        if os.environ.get("MINIDL_BROWSER") == "required":
            pytest.fail("chromium and chromedriver are required here")
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def walkthrough():
    """Two rows through ReLU, two of its units off in the first; Adam, which has most to show."""
    net = ml.mlp([2, 3, 1], hidden="relu", output="sigmoid", seed=3)
    net[0].weight.data = [[1.0, -1.0, 0.5], [0.25, 0.5, 1.5]]
    return ml.explain(net, [[0.5, -1.0], [1.5, 2.0]], [1, 0], loss="bce", optimizer="adam")


@pytest.fixture(scope="module")
def address(walkthrough, tmp_path_factory):
    """Where the walkthrough's page lies."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(walkthrough.to_html(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(chromium, address):
    """Opens the walkthrough's page at a size, in light or dark, on a screen or on paper."""
    from browsing import DESK

    def opened(size=DESK, scheme="light", medium="screen", at=address):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        media = {"media": medium, "features": features}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        chromium.get("about:blank")
        chromium.get(at)
        return chromium

    yield opened
    assert chromium.get_log("browser") == []  # no error in any of the tests


# ----------------------------------------------------------------- runs of the study of ``runs``


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """What a single worker finds, in the plan's order: the bytes of its export."""
    from runs import STUDY, TRIALS, count, exported

    from minidl.pairing import run

    path = tmp_path_factory.mktemp("plain") / "study.sqlite"
    assert run(STUDY, path, workers=1)
    assert count(path) == TRIALS
    return exported(path)


@pytest.fixture
def ledger(tmp_path):
    """Where a run's ledger will be."""
    return tmp_path / "study.sqlite"


@pytest.fixture(scope="module")
def processes():
    """Worker processes of joblib's, and none of them left behind."""
    from joblib.externals.loky import get_reusable_executor

    yield
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


@pytest.fixture
def kept(monkeypatch):
    """Places in the order in which results were kept; ``acts`` says what to do at which of them."""
    from runs import Kept

    from minidl.pairing.execution import runner

    done = Kept()

    def keep(self, found, usual=runner._Run._keep):
        usual(self, found)
        done.note(found)

    monkeypatch.setattr(runner._Run, "_keep", keep)
    return done


@pytest.fixture
def cut_short(monkeypatch):
    """Ctrl-C while a picture is being saved."""
    from matplotlib.figure import Figure

    savefig = Figure.savefig

    def cut(figure, target, **settings):
        savefig(figure, target, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", cut)
