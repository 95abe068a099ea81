"""A walkthrough as a page in a real browser: its steps, its numbers, its looks."""

import json
import math
import re

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import minidl as ml
from minidl.walkthrough.examples import two_layers
from minidl.walkthrough.svg import DARK, LIGHT

DESK, PHONE = (1440, 900), (390, 844)
X = [[0.5, -1.0], [1.5, 2.0]]


@pytest.fixture(scope="module")
def address(walkthrough, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(walkthrough.to_html(), encoding="utf-8")
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


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_page_opens_at_its_top_and_one_with_a_step_in_its_address_there(page, address, size):
    assert page(size).execute_script("return scrollY") == 0
    browser = page(size, at=f"{address}#step-9")
    assert browser.execute_script(SHOWN)["number"] == 9
    place = "document.querySelector('.step.current h2').getBoundingClientRect().top"
    assert 0 < browser.execute_script(f"return {place}") < size[1]


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
    step = of_step(walkthrough, "∂dense1.weight")
    press(browser, *str(step.number))
    browser.execute_script(click, weight)  # and the step at hand works the same number out
    want = walkthrough.equations(step.number, "∂dense1.weight", (1, 2))
    assert browser.execute_script(SHOWN)["results"] == [e.result for e in want]


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
    path.write_text(walkthrough.to_html(), encoding="utf-8")
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
    path.write_text(wide.to_html(), encoding="utf-8")
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


# ── in a browser: odd names ─────────────────────────────────────────────────────────────────


def test_names_cannot_break_out_of_the_page_or_a_formula(page, tmp_path):
    name = "</script><b>{\\a_1}^$"
    net = ml.Sequential(ml.Dense(2, 2, "tanh"), ml.Dropout(0.5), ml.Dense(2, 1), seed=0)
    net.rename(name)
    walkthrough = ml.explain(net, X, [1, 0], loss="mse")
    path = tmp_path / "page.html"
    path.write_text(walkthrough.to_html(), encoding="utf-8")
    browser = page(at=path.as_uri())
    press(browser, Keys.ARROW_RIGHT)
    assert name in browser.execute_script(SHOWN)["title"]
    made = browser.execute_script("return document.querySelectorAll('h2 b, figcaption b').length")
    assert made == 0
