"""A walkthrough as a page in a real browser: its steps, its numbers, in a notebook."""

import json
import math
import re

import pytest
from browsing import DESK, PHONE, SHOWN, X, check, press
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from walked import of_step

import minidl as ml
from minidl.walkthrough.examples import two_layers

# ── steps ─────────────────────────────────────────────────────────────────────────────────────


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


# ── numbers ───────────────────────────────────────────────────────────────────────────────────


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


def test_arrows_of_the_graph_are_reached_by_key(page, walkthrough):
    browser = page()
    focus = "const e = document.querySelector('.mw-edge[tabindex=\"0\"]'); e.focus(); return e"
    edge = browser.execute_script(focus)
    weights = [edge.get_attribute("data-weight")]
    edge.send_keys(Keys.ARROW_RIGHT)
    weights.append(browser.switch_to.active_element.get_attribute("data-weight"))
    assert len(set(weights)) == 2
    assert browser.execute_script(SHOWN)["number"] == 0  # it did not step
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert f"∂{weights[1]}" in browser.find_element(By.ID, "receipt").text


def test_a_receipt_that_is_asked_for_is_not_under_the_bar(page, walkthrough):
    browser = page(PHONE)
    press(browser, Keys.END)
    edge = browser.find_element(By.CSS_SELECTOR, ".mw-edge[data-weight]")
    browser.execute_script(
        "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", edge
    )
    top, bar = browser.execute_script(
        "return [document.querySelector('#receipt').getBoundingClientRect().top,"
        "document.querySelector('nav').getBoundingClientRect().bottom]"
    )
    assert bar <= top < PHONE[1]


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


# ── odd names ─────────────────────────────────────────────────────────────────────────────────


def test_names_cannot_break_out_of_the_page_or_a_formula(page, tmp_path):
    name = "</script><b>{\\a_1}^$"
    net = ml.Sequential(ml.Dense(2, 2, "tanh"), ml.Dropout(0.5), ml.Dense(2, 1), seed=0)
    net._rename(name)
    walkthrough = ml.explain(net, X, [1, 0], loss="mse")
    path = tmp_path / "page.html"
    path.write_text(walkthrough.to_html(), encoding="utf-8")
    browser = page(at=path.as_uri())
    press(browser, Keys.ARROW_RIGHT)
    assert name in browser.execute_script(SHOWN)["title"]
    made = browser.execute_script("return document.querySelectorAll('h2 b, figcaption b').length")
    assert made == 0
