"""A walkthrough for the eye: as a page in a real browser, as SVG, in a notebook, as Markdown."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from typer.testing import CliRunner

import minidl as ml
from minidl.cli import app
from minidl.walkthrough.examples import two_layers
from minidl.walkthrough.latex import equation_latex, mathml
from minidl.walkthrough.notation import Notation
from minidl.walkthrough.svg import DARK, LIGHT
from minidl.walkthrough.text import plain

DESK, PHONE = (1440, 900), (390, 844)
X = [[0.5, -1.0], [1.5, 2.0]]


@pytest.fixture(scope="module")
def walkthrough():
    """Two rows through ReLU, two of its units off in the first; Adam, which has most to show."""
    net = ml.mlp([2, 3, 1], hidden="relu", output="sigmoid", seed=3)
    net[0].weight.data = [[1.0, -1.0, 0.5], [0.25, 0.5, 1.5]]
    return ml.explain(net, X, [1, 0], loss="bce", optimizer="adam")


@pytest.fixture(scope="module")
def address(walkthrough, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(walkthrough.html(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(chromium, address):
    """Opens the page at a size, in light or dark, on a screen or on paper."""

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


def press(browser, *keys):
    for key in keys:
        browser.find_element(By.TAG_NAME, "body").send_keys(key)


SHOWN = """
const step = document.querySelector('.step.current');
const cells = (t) => [...t.querySelectorAll('td')].map(c => c.textContent);
return {
  number: Number(step.id.slice(5)),
  title: step.querySelector('h2').textContent,
  why: step.querySelector('.why').textContent,
  made: [...step.querySelectorAll('.made table')].map(t => [t.dataset.array, cells(t)]),
  results: [...step.querySelectorAll('.worked .result')].map(r => r.textContent),
  nodes: [...document.querySelectorAll('.graph .mw-node')].map(
    n => [...n.querySelectorAll('text')].map(t => t.textContent)),
  visible: [...document.querySelectorAll('.step')].filter(s => s.checkVisibility()).length,
  said: document.getElementById('said').textContent,
};"""


def check(shown, walkthrough):
    """What the browser shows of a step is what the walkthrough holds after it."""
    step = walkthrough.steps[shown["number"]]
    assert (shown["title"], shown["why"], shown["visible"]) == (step.title, step.why, 1)
    if step.phase != "problem":
        made = [
            [a.name, [walkthrough.cell(a.name, i, step.number) for i in np.ndindex(a.shape)]]
            for a in step.writes
        ]
        assert shown["made"] == made
    if step.expansion and shown["results"]:
        array = step.writes[0]
        first = tuple(map(int, np.argwhere(array.numbers)[0])) if array.numbers.any() else None
        index = first if first is not None else (0,) * len(array.shape)
        equations = walkthrough.equations(step.number, array.name, index)
        # As MathML prints it: 1.2·10−5, of which the exponent is set higher.
        results = [re.sub(r"e(.+)", r"·10\1", e.result) for e in equations]
        assert shown["results"] == [re.sub(r"^1·10", "10", r).replace("-", "−") for r in results]
    texts = {t for node in shown["nodes"] for line in node for t in [line.split(" ", 1)[-1]]}
    for name in ("dense1.sums", "dense1", "dense2.sums", "dense2"):
        for j in range(walkthrough.shapes[name][1]):
            assert walkthrough.cell(name, (0, j), step.number) in texts, name
    assert walkthrough.cell("∂dense1", (0, 0), step.number) in texts
    loss = walkthrough.problem.loss_name
    assert walkthrough.cell(loss, (), step.number) in texts


# ── in a browser: steps ───────────────────────────────────────────────────────────────────────


def test_keys_step_forwards_and_back_and_find_the_right_numbers(page, walkthrough):
    browser, last = page(), len(walkthrough.steps) - 1
    assert browser.execute_script(SHOWN)["number"] == 0
    for number in range(1, last + 1):
        press(browser, Keys.ARROW_RIGHT)
        shown = browser.execute_script(SHOWN)
        assert shown["number"] == number
        assert shown["said"].startswith(f"Step {number} of {last}")
        check(shown, walkthrough)
    press(browser, Keys.ARROW_RIGHT)  # the end is the end
    assert browser.execute_script(SHOWN)["number"] == last
    for number in range(last - 1, -1, -1):
        press(browser, Keys.ARROW_LEFT)
        shown = browser.execute_script(SHOWN)
        assert shown["number"] == number
        check(shown, walkthrough)


def test_keys_jump_to_the_ends_and_to_a_number(page, walkthrough):
    browser, last = page(), len(walkthrough.steps) - 1
    for keys, number in [
        ([Keys.END], last), ([Keys.HOME], 0), (["1", "2"], 12), ([Keys.ARROW_LEFT], 11),
    ]:  # fmt: skip
        press(browser, *keys)
        shown = browser.execute_script(SHOWN)
        assert shown["number"] == number
        check(shown, walkthrough)
    browser.find_element(By.CSS_SELECTOR, 'nav a[href="#step-4"]').click()
    assert browser.execute_script(SHOWN)["number"] == 4
    browser.find_element(By.CSS_SELECTOR, '[data-move="next"]').click()
    assert browser.execute_script(SHOWN)["number"] == 5
    assert browser.execute_script("return location.hash") == "#step-5"


def test_nothing_is_asked_of_a_network(page, address):
    page().get_log("performance")
    browser = page()
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {
        message["params"]["request"]["url"]
        for message in asked
        if message["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in urls if not url.startswith(("data:", "about:"))} == {address}
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


# ── in a browser: numbers ─────────────────────────────────────────────────────────────────────


def of_step(walkthrough, name, phase="backward"):
    steps = [s for s in walkthrough.steps if s.phase == phase]
    return next(s for s in steps if any(a.name == name for a in s.writes))


def test_a_number_picked_by_click_or_by_key_is_worked_out(page, walkthrough):
    browser, step = page(), of_step(walkthrough, "∂dense1.weight")
    press(browser, *str(step.number))
    cells = browser.find_elements(By.CSS_SELECTOR, ".step.current .made td")
    cells[4].click()
    want = walkthrough.equations(step.number, "∂dense1.weight", (1, 1))
    assert browser.execute_script(SHOWN)["results"] == [e.result for e in want]
    verdict = browser.find_element(By.CSS_SELECTOR, ".step.current .verdict").text
    difference = walkthrough.verdict("∂dense1.weight", (1, 1)).difference
    assert "Proved by differences" in verdict
    assert f"{difference:.7g}"[:8].replace("-", "−") in verdict
    used = browser.execute_script(
        "return [...document.querySelectorAll('.step.current td.used')].map(c => c.textContent)"
    )
    assert sorted(used) == sorted(
        walkthrough.cell(name, (row, 1), step.number)
        for name in ("x", "∂dense1.sums")
        for row in (0, 1)
    )
    # Arrows go on stepping after a click; within the table they move once Tab has led there.
    browser.execute_script("arguments[0].focus()", cells[4])
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    want = walkthrough.equations(step.number, "∂dense1.weight", (1, 2))
    assert browser.execute_script(SHOWN)["results"] == [e.result for e in want]
    assert browser.execute_script(SHOWN)["number"] == step.number
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    press(browser, Keys.ARROW_RIGHT)
    assert browser.execute_script(SHOWN)["number"] == step.number + 1


def test_a_weight_that_is_picked_shows_the_receipt_of_its_gradient(page, walkthrough):
    browser = page()
    weight = browser.find_element(By.CSS_SELECTOR, "[data-weight='dense1.weight[1, 2]']")
    click = "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    browser.execute_script(click, weight)
    receipt = browser.find_element(By.ID, "receipt")
    assert "not computed yet" in receipt.text
    results = "return [...document.querySelectorAll('#receipt .result')].map(r => r.textContent)"
    assert browser.execute_script(results) == []
    press(browser, Keys.END)
    want = walkthrough.receipt("dense1.weight", (1, 2))
    assert browser.execute_script(results) == [
        re.sub(r"e(.+)", r"·10\1", e.result).replace("-", "−") for e in (*want.parts, *want.update)
    ]
    assert "Proved by differences" in receipt.text
    press(browser, Keys.ESCAPE)
    assert browser.execute_script(results) == []


def test_the_graph_follows_the_row_of_the_batch(page, walkthrough):
    browser = page()
    press(browser, Keys.END)
    browser.execute_script(
        "const s = document.getElementById('row'); s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change'))"
    )
    texts = str(browser.execute_script(SHOWN)["nodes"])
    assert walkthrough.cell("dense1.sums", (1, 0)) in texts
    assert walkthrough.cell("dense1.sums", (0, 0)) not in texts


def test_what_a_step_is_about_is_lit(page, walkthrough):
    browser = page()
    lit = """return [
      [...document.querySelectorAll('.graph .mw-edge.lit')].map(e => e.dataset.weight),
      document.querySelector('.graph svg').classList.contains('back')]"""
    first = {f"dense1.weight[{i}, {j}]" for i in range(2) for j in range(3)}
    press(browser, "1")
    edges, back = browser.execute_script(lit)
    assert (set(edges), back) == (first, False)
    press(browser, Keys.HOME, *str(of_step(walkthrough, "∂dense1.weight").number))
    edges, back = browser.execute_script(lit)
    assert (set(edges), back) == (first, True)


TYPED = """
const typed = (e) => {
  const inner = [...e.children].map(typed);
  const text = e.textContent.trim();
  switch (e.localName) {
    case 'mfrac': return `((${inner[0]})/(${inner[1]}))`;
    case 'msup': return text.startsWith('e') ? `exp(${inner[1]})` : `(${inner[0]})**(${inner[1]})`;
    case 'msqrt': return `sqrt(${inner.join('')})`;
    case 'mspace': return '#';  // what comes after it is the reason, not the sum
    case 'mi': case 'mn': case 'mo':
      return {'·': '*', '−': '-', 'ln': 'log', 'σ': 'sigmoid'}[text] || text;
    default: return inner.join('');
  }
};
return [...document.querySelectorAll('.worked .equation math')].map(m => {
  const lines = [...m.querySelectorAll('mtable[displaystyle] > mtr')].map(r => typed(r.lastChild));
  return [lines.at(-2), lines.at(-1), lines.length];
});"""


def test_equations_as_a_browser_shows_them_come_to_their_results(page):
    checked = 0
    for numbers, result, lines in page().execute_script(TYPED):
        if lines == 3:  # the rule, the rule with numbers, the result
            known = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt, "max": max}
            known["sigmoid"] = lambda x: 1 / (1 + math.exp(-x))
            want = float(eval(result))
            assert not re.search(r"[-+*] *-", numbers), "two signs without brackets"
            assert eval(numbers, known) == pytest.approx(want, rel=5.001e-4), numbers
            checked += 1
    assert checked > 22


def test_a_weight_used_twice_has_all_ways_on_its_receipt(page, tmp_path):
    layer = ml.Dense(2, 2, "tanh", seed=1)
    net = ml.Sequential(layer, layer, ml.Dense(2, 1, seed=2))
    walkthrough = ml.explain(net, X, [1, 0], loss="mse")
    path = tmp_path / "page.html"
    path.write_text(walkthrough.html(), encoding="utf-8")
    browser = page(at=path.as_uri())
    press(browser, Keys.END, Keys.HOME)
    browser.find_elements(By.CSS_SELECTOR, "#step-0 [data-array='dense1.weight'] td")[1].click()
    press(browser, Keys.END)
    results = "return [...document.querySelectorAll('#receipt .result')].map(r => r.textContent)"
    want = walkthrough.receipt("dense1.weight", (0, 1))
    found = browser.execute_script(results)
    assert sorted(found) == sorted(e.result for e in (*want.parts, *want.update))
    assert len(found) == 8  # two rows and their sum, twice; both ways; the update
    receipt = browser.find_element(By.ID, "receipt")
    assert receipt.text.count("Proved by differences") == 1  # of the whole, of no part


# ── in a browser: looks ───────────────────────────────────────────────────────────────────────


def test_a_phone_has_no_need_to_scroll_sideways(page, tmp_path, address):
    net = ml.mlp([4, 12, 3], output="softmax", seed=0)  # long words, wide arrays
    wide = ml.explain(net, np.eye(2, 4), [2, 0], loss="cce", optimizer="adam")
    path = tmp_path / "wide.html"
    path.write_text(wide.html(), encoding="utf-8")
    for at in (address, path.as_uri()):
        browser = page(PHONE, at=at)
        for _ in wide.steps:
            assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
            press(browser, Keys.ARROW_RIGHT)
        assert browser.find_element(By.CSS_SELECTOR, ".graph svg").rect["width"] > 0.8 * PHONE[0]


def lightness(browser, selector, what):
    """Of a computed colour, from 0 to 255."""
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    colour = browser.execute_script(script, selector, what)
    return np.mean([float(part) for part in re.findall(r"[\d.]+", colour)[:3]])


def test_light_and_dark_follow_the_reader_and_the_button(page):
    for scheme in ("light", "dark"):
        browser = page(scheme=scheme)
        grounds = [lightness(browser, "body", "backgroundColor")]
        for _ in range(2):
            browser.find_element(By.ID, "theme").click()
            grounds.append(lightness(browser, "body", "backgroundColor"))
            ink = lightness(browser, "body", "color")
            assert lightness(browser, ".mw-node .above", "fill") == ink
            assert abs(ink - grounds[-1]) > 150
        assert grounds[0] == grounds[2]
        assert (grounds[0] > 200, grounds[1] > 200) == (scheme == "light", scheme == "dark")


def test_paper_has_all_steps_one_after_the_other_each_with_its_graph(page, walkthrough):
    browser = page(scheme="dark", medium="print")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert lightness(browser, "body", "backgroundColor") == 255
    shown = """return [...document.querySelectorAll(arguments[0])].filter(
      e => e.checkVisibility()).map(e => e.getBoundingClientRect().top)"""
    tops = browser.execute_script(shown, ".step")
    assert len(tops) == len(walkthrough.steps)
    assert tops == sorted(tops)
    assert len(browser.execute_script(shown, ".step svg")) == len(walkthrough.steps)
    assert browser.execute_script(shown, "nav, aside, button") == []
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(shown, ".step svg") == []


def contrast(one, other):
    """As WCAG 2 defines it: from 1 to 21."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_of_every_colour_has_the_contrast_that_wcag_asks_for(palette):
    colours = dict(re.findall(r"--mw-(\w+): (#\w{6})", palette))
    paper = colours.pop("paper")
    node = colours.pop("node")
    assert {"ink", "muted", "accent", "gradient", "positive", "negative"} == set(colours)
    for name, colour in colours.items():
        assert contrast(colour, paper) >= 4.5, name
    assert contrast(colours["muted"], node) >= 4.5


# ── in a notebook ─────────────────────────────────────────────────────────────────────────────


def test_two_walkthroughs_in_one_notebook_step_by_themselves(page, walkthrough, tmp_path):
    notebook = tmp_path / "notebook.html"
    outputs = walkthrough._repr_html_() + two_layers()._repr_html_()
    notebook.write_text(f"<!doctype html><title>n</title>{outputs}", encoding="utf-8")
    browser = page(at=notebook.as_uri())
    frames = browser.find_elements(By.TAG_NAME, "iframe")
    assert len(frames) == 2
    assert browser.execute_script("return document.querySelectorAll('[id]').length") == 0
    for frame, keys in zip(frames, [(Keys.ARROW_RIGHT,), (Keys.END,)], strict=True):
        browser.switch_to.frame(frame)
        browser.find_element(By.TAG_NAME, "h1").click()
        press(browser, *keys)
        browser.switch_to.default_content()
    for frame, own, number in zip(frames, [walkthrough, two_layers()], [1, -1], strict=True):
        browser.switch_to.frame(frame)
        shown = browser.execute_script(SHOWN)
        assert shown["number"] == range(len(own.steps))[number]
        check(shown, own)
        browser.switch_to.default_content()


# ── the page as a file ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("widths", "hidden", "limit"),
    [([2, 3, 1], "tanh", 150_000), ([2, 3, 1], "selu", 150_000), ([2, 16, 16, 1], "gelu", 1e6)],
)
def test_a_page_is_small(widths, hidden, limit, optimizer):
    net = ml.mlp(widths, hidden=hidden, output="sigmoid", seed=0)
    made = ml.explain(net, X[:1], [1], loss="bce", optimizer=optimizer).html()
    assert len(made.encode()) <= limit
    assert "too large" not in made


def test_a_page_of_a_larger_network_says_what_it_leaves_out():
    net = ml.mlp([8, 40, 40, 1], seed=0)
    walkthrough = ml.explain(net, np.eye(2, 8), [1, 0], loss="mse", optimizer="adam")
    made = walkthrough.html()
    assert len(made.encode()) <= 1e6
    assert "layers are summarised, and of each layer and array the first" in made
    assert re.search(r"… \d+ more rows and \d+ more columns", made)
    assert re.search(r">… \d+ more<", walkthrough.svg())


def test_formulas_of_a_page_are_well_formed_mathml(walkthrough):
    made = walkthrough.html()
    whole = re.findall(r"<math.*?</math>", made, re.DOTALL)
    told = json.loads(re.search(r'id="content">(.*?)</script>', made, re.DOTALL)[1])
    parts = [part for form in told["templates"] for part in form]
    parts += [math for _, math in told["symbols"]]
    assert len(whole) > 40
    assert len(parts) > 60
    for text in (*whole, *(f"<math>{part}</math>" for part in parts)):
        assert ET.fromstring(text).tag == "math"


def test_a_page_of_a_walkthrough_from_a_file_is_the_same(walkthrough):
    again = ml.Walkthrough.from_json(walkthrough.to_json())
    assert again.html() == walkthrough.html()


# ── svg ───────────────────────────────────────────────────────────────────────────────────────

SVG = "{http://www.w3.org/2000/svg}"


def of_class(root, name):
    return [g for g in root.iter(f"{SVG}g") if name in g.get("class", "").split()]


def test_the_graph_is_well_formed_and_shows_every_unit_and_weight(walkthrough):
    for step in walkthrough.steps:
        root = ET.fromstring(walkthrough.svg(step.number))
        assert len(of_class(root, "mw-node")) == 2 + 3 + 1 + 1
        weights = [g.get("data-weight") for g in of_class(root, "mw-edge")]
        assert sum(w is not None for w in weights) == 2 * 3 + 3
    assert "prefers-color-scheme: dark" in walkthrough.svg()


def test_arrows_are_as_wide_as_what_they_carry_is_large(walkthrough):
    def widths(step, name):
        root = ET.fromstring(walkthrough.svg(step))
        edges = [g for g in of_class(root, "mw-edge") if g.get("data-weight")]
        found = {g.get("data-weight"): float(g[0].get("style").split(":")[1]) for g in edges}
        array = walkthrough.after(step)[name]
        plain = name.removeprefix("∂")
        places = [tuple(map(int, i)) for i in np.ndindex(array.shape)]
        sizes = [abs(array[place]) for place in places]
        return sizes, [found[f"{plain}[{i}, {j}]"] for i, j in places]

    for step, name in [
        (1, "dense1.weight"),
        (of_step(walkthrough, "∂dense1.weight").number, "∂dense1.weight"),
    ]:
        sizes, drawn = widths(step, name)
        assert len(set(drawn)) > 3
        assert np.corrcoef(sizes, drawn)[0, 1] > 0.9999


def test_dead_and_saturated_units_are_told_apart_in_words_and_outlines(walkthrough):
    root = ET.fromstring(walkthrough.svg())
    off = of_class(root, "off")
    sums = walkthrough.after(1)["dense1.sums"].numbers[0]
    assert len(off) == np.count_nonzero(sums < 0) == 2
    assert all("off" in [t.text for t in g.iter(f"{SVG}text")] for g in off)
    net = ml.Sequential(ml.Dense(1, 3, "tanh"), ml.Dense(3, 1))
    net[0].weight.data = [[3.0, 0.5, -3.0]]
    flat = of_class(ET.fromstring(ml.explain(net, [[1.0]], [1], loss="mse").svg()), "flat")
    assert len(flat) == 2  # tanh′(3) = 0.01, tanh′(0.5) = 0.79
    assert "flat" in [t.text for t in flat[0].iter(f"{SVG}text")]


def test_a_unit_at_the_corner_of_relu_is_off_as_its_kernel_has_it():
    net = ml.mlp([2, 2, 1], hidden="relu", seed=0)
    drawn = ml.explain(net, [[0.0, 0.0]], [1], loss="mse").svg()
    assert len(of_class(ET.fromstring(drawn), "off")) == 2  # z is 0, and relu′(0) is 0


def test_names_cannot_break_out_of_the_page_or_a_formula(page, tmp_path):
    name = "</script><b>{\\a_1}^$"
    net = ml.Sequential(ml.Dense(2, 2, "tanh"), ml.Dropout(0.5), ml.Dense(2, 1), seed=0)
    net.rename(name)
    walkthrough = ml.explain(net, X, [1, 0], loss="mse")
    path = tmp_path / "page.html"
    path.write_text(walkthrough.html(), encoding="utf-8")
    browser = page(at=path.as_uri())
    press(browser, Keys.ARROW_RIGHT)
    assert name in browser.execute_script(SHOWN)["title"]
    made = browser.execute_script("return document.querySelectorAll('h2 b, figcaption b').length")
    assert made == 0
    ET.fromstring(walkthrough.svg())


def test_a_step_or_row_that_does_not_exist_is_refused(walkthrough, refused):
    with refused(ml.errors.ArgumentError, "svg(step=…)", "from 0 to 16", "17", "Write 0"):
        walkthrough.svg(17)
    with refused(ml.errors.ArgumentError, "svg(row=…)", "from 0 to 1", "2", "Write 0"):
        walkthrough.svg(0, row=2)


class Residual(ml.Layer):
    keeps_width = True

    def __init__(self, width):
        self.inner = ml.Dense(width, width, "tanh", seed=3)

    def forward(self, x, training):
        return x + self.inner(x, training)


def test_a_way_around_a_layer_is_drawn():
    net = ml.Sequential(ml.Dense(2, 2), Residual(2), ml.Dense(2, 1), seed=1)
    root = ET.fromstring(ml.explain(net, X, [1, 0], loss="mse").svg())
    lines = [g[0].get("d") for g in of_class(root, "mw-edge")]
    assert sum("Q" in line for line in lines) == 2  # x, past the inner layer
    assert len(lines) == 4 + 4 + 2 + 2 + 2 + 1


# ── LaTeX and Markdown ────────────────────────────────────────────────────────────────────────


ROWLESS = [
    e.name for e in ml.losses if not e.name.startswith("categorical") and e.name != "kl_divergence"
]


def calculated(latex):
    """A LaTeX formula of numbers, read by Python's rules and not by minidl's."""
    text = latex.split(r" \quad \text{as }")[0]
    text = re.sub(r"\\operatorname\{(\w+)\}", r"\1", text)
    for sign, meaning in {
        r"\left|": "abs(", r"\right|": ")", r"\left": "", r"\right": "", r"\cdot": "*",
        r"\ln": "log", r"\sigma": "sigmoid", "\\": "", "{": "(", "}": ")",
    }.items():  # fmt: skip
        text = text.replace(sign, meaning)
    text = re.sub(r"(?<![\w.])e\^", "exp", text).replace("^", "**")
    assert not re.search(r"[-+*] *-", text), "two signs without brackets"
    known = {name: getattr(math, name) for name in ("exp", "log", "tanh", "sqrt", "erf", "pi")}
    known |= {
        "frac": lambda above: lambda below: above / below,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "sign": np.sign,
    }
    return float(eval(text, known))


@pytest.mark.parametrize("hidden", [a.name for a in ml.activations if a.name != "log_softmax"])
def test_formulas_in_latex_come_to_their_results(hidden):
    net = ml.mlp([2, 3, 2], hidden=hidden, output="softmax", seed=2)
    optimizer = "adam" if hidden == "relu" else "sgd"
    walkthrough = ml.explain(net, X, [1, 0], loss="cce", optimizer=optimizer, digits=6)
    notation, checked = Notation(walkthrough.problem, walkthrough.steps), 0
    for _, _, _, equations in walkthrough.every():
        for equation in equations:
            sides = equation_latex(equation, notation)
            ET.fromstring(mathml(" = ".join(sides)))
            if len(sides) == 4:
                result = calculated(sides[3])
                assert calculated(sides[2]) == pytest.approx(result, rel=1e-5, abs=1e-300)
                checked += 1
    assert checked > 60


@pytest.mark.parametrize("loss", ROWLESS)
def test_losses_in_latex_come_to_their_results(loss):
    entry = ml.losses[loss]
    output = (
        "sigmoid"
        if entry.prediction.high == 1
        else "softplus"
        if entry.prediction.low == 0
        else "linear"
    )
    net = ml.mlp([2, 1], output=output, seed=2)
    labels = [1, -1] if "hinge" in loss else [1, 0]
    walkthrough = ml.explain(net, X, labels, loss=loss, digits=6)
    notation, checked = Notation(walkthrough.problem, walkthrough.steps), 0
    for step, _, _, equations in walkthrough.every():
        for equation in equations if step.expansion in ("each", "loss_back") else ():
            sides = equation_latex(equation, notation)
            if len(sides) == 4:
                result = calculated(sides[3])
                assert calculated(sides[2]) == pytest.approx(result, rel=1e-5, abs=1e-300)
                checked += 1
    assert checked > 2


def test_markdown_contains_every_equation(walkthrough):
    text = walkthrough.markdown()
    blocks = re.findall(r"\$\$\\begin\{aligned\} (.*?) \\end\{aligned\}\$\$", text)
    found = 0
    for step, name, _, equations in walkthrough.every():
        if name.endswith((".m", ".v")):  # worked out on the way to their weight
            continue
        for equation in equations:
            numbers = [o.text for o in equation.operands] + [equation.result]
            wanted = [n.split("e")[0].replace("−", "-") for n in numbers]
            block = blocks[found]
            assert all(n in block for n in wanted if n != "1"), (step.title, block)
            found += 1
    assert found == len(blocks) > 100
    for step in walkthrough.steps:
        assert step.why in text
    assert text.count("Differences say **pass**") == len(walkthrough.verdicts)


# ── the command ───────────────────────────────────────────────────────────────────────────────


def test_the_command_writes_all_renderings_at_once(tmp_path):
    names = {"html": "page.html", "markdown": "page.md", "svg": "graph.svg", "json": "data.json"}
    options = [part for key, name in names.items() for part in (f"--{key}", str(tmp_path / name))]
    done = CliRunner().invoke(app, ["explain", *options])
    assert done.exit_code == 0, done.output
    walkthrough = two_layers()
    written = {key: (tmp_path / name).read_text("utf-8") for key, name in names.items()}
    assert written == {
        "html": walkthrough.html(), "markdown": walkthrough.markdown(),
        "svg": walkthrough.svg(), "json": walkthrough.to_json(),
    }  # fmt: skip
    assert plain(walkthrough) not in done.output


@pytest.mark.parametrize("option", ["--html", "--markdown", "--svg"])
def test_a_file_that_cannot_be_written_is_a_clear_error_and_nothing_is_left(option, tmp_path):
    done = CliRunner().invoke(app, ["explain", option, str(tmp_path / "none" / "file")])
    assert done.exit_code == 2
    assert "Make the folder, or choose another." in done.output
    (tmp_path / "folder").mkdir()
    done = CliRunner().invoke(app, ["explain", option, str(tmp_path / "folder")])
    assert done.exit_code == 2
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]
