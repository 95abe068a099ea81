"use strict";
// The stepper: shows one step at a time, draws the graph as it stands then, and works out the
// number that is picked. All numbers come from the page's own JSON; nothing is computed here.
(() => {
  const told = JSON.parse(document.getElementById("content").textContent);
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const sections = all(".step");
  const last = sections.length - 1;
  const rows = document.getElementById("row"); // missing where the batch has a single row
  const SIGNS = { "-": "negative", "0": "zero", "?": "pending", "+": "" };
  // By the kind of an equation, as content.py counts them.
  const KINDS = ["", "local derivative", "local × upstream", "sum", "", "", ""];
  const VERDICTS = {
    pass: ["✓", "Proved by differences"],
    rounded: ["~", "Right in float64; this type has lost digits"],
    kink: ["∧", "A corner within h: no derivative exists"],
    bounded: ["∧", "The loss is bounded here: value and slope part by design"],
    fail: ["✗", "Differences say otherwise"],
  };
  let current = 0;
  let row = 0;
  let receipt = null; // the parameter's name and place
  const picked = told.steps.map((step) => step.first);

  // ── formulas ─────────────────────────────────────────────────────────────────────────────────

  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const bracketed = (inner) => `<mrow><mo>(</mo>${inner}<mo>)</mo></mrow>`;

  function digits(text) {
    const [digit, exponent] = text.split("e");
    const signed = (part) => (part.startsWith("−") ? `<mo>−</mo><mn>${part.slice(1)}</mn>` : `<mn>${part}</mn>`);
    if (exponent === undefined) return `<mrow>${signed(digit)}</mrow>`;
    const power = `<msup><mn>10</mn><mrow>${signed(exponent.replace("-", "−"))}</mrow></msup>`;
    return digit === "1" ? power : `<mrow>${signed(digit)}<mo>·</mo>${power}</mrow>`;
  }

  // A symbol's short form, as content.py makes it, in full: "7:0,1" is "dense1.weight[0, 1]".
  function named(short) {
    const [form, ...places] = short.split(":");
    return told.symbols[form][0].replace(/\[\]/g, () => `[${places.shift().replace(/,/g, ", ")}]`);
  }

  const forms = new Map(told.symbols);

  function symbol(text) {
    const places = [];
    const form = text.replace(/\[([\d, ]+)\]/g, (_, place) => (places.push(place.replace(/ /g, "")), "[]"));
    if (!forms.has(form)) return `<mtext>${escaped(text)}</mtext>`;
    return forms.get(form).replace(/<mtext>⟨(\d+)⟩<\/mtext>/g,
      (_, i) => places[i].split(",").map((n) => `<mn>${n}</mn>`).join("<mo>,</mo>"));
  }

  function filled(template, parts, texts) {
    return template.replace(/<mtext>⟨(\d+)([!^]?)⟩<\/mtext>/g, (_, i, mark) => {
      const text = texts[i];
      const negative = text.startsWith("−");
      const compound = text.includes("[") || /\de/.test(text);
      return (mark && negative) || (mark === "^" && compound) ? bracketed(parts[i]) : `<mrow>${parts[i]}</mrow>`;
    });
  }

  function equation([kind, number, left, result, parts, note, held, words]) {
    const symbols = parts.filter((_, i) => i % 2 === 0).map(named);
    const numbers = parts.filter((_, i) => i % 2 === 1);
    const lines = [];
    if (number >= 0) {
      const [rule, worked, because] = told.templates[number];
      lines.push(filled(rule, symbols.map(symbol), symbols));
      const put = filled(worked, numbers.map(digits), numbers);
      const why = because && filled(because, numbers.map(digits), numbers);
      lines.push(put + (why ? `<mspace width="1.5em"/><mtext>as&nbsp;</mtext>${why}` : ""));
    } else if (words) lines.push(`<mtext>${escaped(words)}</mtext>`);
    lines.push(`<mrow class="result">${digits(result)}</mrow>`);
    const unique = lines.filter((line, i) => line.replace(/<.?mrow[^>]*>/g, "") !==
      (lines[i - 1] || "").replace(/<.?mrow[^>]*>/g, ""));
    const rows = unique.map((line, i) =>
      `<mtr><mtd columnalign="right">${i ? "" : symbol(named(left))}</mtd><mtd><mo>=</mo></mtd><mtd columnalign="left">${line}</mtd></mtr>`);
    const label = [KINDS[kind], note].filter(Boolean).join(" · ");
    const rounding = held ? `<p class="held">In its own type the instruction holds ${held}.</p>` : "";
    return `<div class="equation"><p class="kind">${escaped(label)}</p>` +
      `<div class="scroll"><math display="block"><mtable displaystyle="true">${rows.join("")}</mtable></math></div>${rounding}</div>`;
  }

  const equations = (made) =>
    `<div class="equations ${made.length > 1 ? "many" : ""}">${made.map(equation).join("")}</div>`;

  function verdict(n, name, place) {
    const found = (told.verdicts[name] || [])[place];
    if (!found || !told.steps[n].whole.includes(name)) return "";
    const [kind, difference, step, error] = found;
    const [sign, words] = VERDICTS[kind];
    const measured = kind === "kink" || kind === "bounded" ? "" :
      ` (L(x + h) − L(x − h)) / 2h = <b>${difference}</b> with h = ${step}, relative error ${error}.`;
    return `<p class="verdict ${kind}"><span aria-hidden="true">${sign}</span> <b>${words}.</b>${measured}</p>`;
  }

  // ── arrays: cells and their places ───────────────────────────────────────────────────────────

  // Cells are counted as they are shown, row by row; symbols count as the array does.
  function cellsOf(table) {
    const rows = all("tr", table).map((line) => all("td", line));
    if (!("transposed" in table.dataset)) return rows.flat();
    return rows[0].flatMap((_, j) => rows.map((line) => line[j]));
  }

  function symbolOf(table, place) {
    const shape = table.dataset.shape ? table.dataset.shape.split(",").map(Number) : [];
    if (!shape.length) return table.dataset.array;
    const wide = "transposed" in table.dataset ? all("tr", table).length : all("tr:first-child td", table).length;
    const index = [place % wide];
    let line = Math.floor(place / wide);
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      index.unshift(line % shape[axis]);
      line = Math.floor(line / shape[axis]);
    }
    return `${table.dataset.array}[${index.join(", ")}]`;
  }

  function eachTable(root, take) {
    for (const table of all("table[data-array]", root)) take(table, cellsOf(table));
  }

  const worked = (n, name) => {
    const step = told.steps[n];
    return step.cells[step.shares[name] || name];
  };

  // ── one step ─────────────────────────────────────────────────────────────────────────────────

  function work(n) {
    const box = one(".worked", sections[n]);
    if (!box || !picked[n].length) return;
    const [name, place] = picked[n];
    const made = (worked(n, name) || [])[place] || [];
    const used = new Set(made.flatMap(([, , left, , parts]) =>
      [left, ...parts.filter((_, i) => i % 2 === 0)].map(named)));
    let chosen = "";
    eachTable(sections[n], (table, cells) => cells.forEach((cell, i) => {
      const own = symbolOf(table, i);
      const here = cell.closest(".made") && table.dataset.array === name && i === place;
      if (here) chosen = own;
      cell.classList.toggle("picked", Boolean(here));
      cell.classList.toggle("used", !here && used.has(own));
      if (table.role === "grid") cell.setAttribute("aria-selected", String(Boolean(here)));
    }));
    const hint = '<span class="hint">Pick another number above: click, or Tab and arrow keys.</span>';
    const many = all(".made .pickable td", sections[n]).length > 1;
    box.innerHTML = made.length
      ? `<h3><math>${symbol(chosen)}</math> worked out ${many ? hint : ""}</h3>${equations(made)}${verdict(n, name, place)}`
      : verdict(n, name, place);
    if (n === current) mark(chosen, used);
  }

  function mark(chosen, used) {
    const near = new Set([...used, chosen].map((text) => text.replace(/^(new )?∂?/, "")));
    for (const edge of all(".mw-edge[data-weight]")) {
      edge.classList.toggle("near", near.has(edge.dataset.weight));
    }
  }

  function pick(n, table, place) {
    picked[n] = [table.dataset.array, place];
    const shape = table.dataset.shape.split(",").map(Number);
    const own = Number((symbolOf(table, place).match(/\[(\d+)/) || [])[1]);
    if (rows && shape.length > 1 && shape[0] === told.rows && own < rows.length) showRow(own);
    work(n);
  }

  function showRow(n) {
    row = rows.selectedIndex = n;
    draw(current, one(".graph svg"));
  }

  // ── the graph ────────────────────────────────────────────────────────────────────────────────

  function draw(n, root) {
    const state = told.steps[n].graph;
    const [widths, signs] = told.strokes[state.strokes];
    root.classList.toggle("back", Boolean(state.back));
    one(".way", root).textContent = state.back ? "← backwards" : "forwards →";
    all(".mw-node", root).forEach((node, i) => {
      const texts = state.nodes[Math.min(row, state.nodes.length - 1)][i].split("|");
      const sign = texts.pop();
      // Lines above are drawn from the node upwards, as in svg.py.
      const lines = [...all(".above", node).reverse(), ...all(".below", node)];
      lines.forEach((line, k) => { line.textContent = texts[k]; });
      one(".mark", node).textContent = sign;
      node.setAttribute("class", ["mw-node", sign, state.lit[i] === "1" ? "lit" : ""].join(" "));
    });
    all(".mw-edge", root).forEach((edge, i) => {
      edge.setAttribute("class", ["mw-edge", SIGNS[signs[i]], state.edges[i] === "1" ? "lit" : ""].join(" "));
      one(".line", edge).style.strokeWidth = widths[i];
    });
    for (const text of all(".mw-number", root)) text.textContent = state.numbers[text.dataset.edge] || "";
  }

  // A graph that is wider than its place is moved to what the step is about.
  function centre() {
    const lit = one(".graph .mw-node.lit"), place = one(".graph .scroll");
    if (!lit || place.scrollWidth <= place.clientWidth) return;
    const left = lit.getBoundingClientRect().left - place.getBoundingClientRect().left;
    place.scrollLeft += left - place.clientWidth / 2;
  }

  // ── receipts ─────────────────────────────────────────────────────────────────────────────────

  function showReceipt() {
    const box = document.getElementById("receipt");
    if (!receipt) {
      box.innerHTML = "<p class=\"ask\">Click an arrow, or a number of a weight, for the receipt of its gradient.</p>";
      return;
    }
    const [name, place, text] = receipt;
    const parts = told.receipts[name].map(([n, array]) => {
      const known = n <= current;
      const link = `<a href="#step-${n}">step ${n}</a>`;
      const made = (worked(n, array) || [])[place] || [];
      return known ? `<p class="kind">${link}</p>${equations(made)}${verdict(n, array, place)}`
        : `<p class="kind">${link}: — not computed yet</p>`;
    });
    box.innerHTML = `<h3>Receipt of <math>${symbol(`∂${text}`)}</math> <span class="listing">∂${escaped(text)}</span></h3>` +
      `<button type="button" class="close" aria-label="Close the receipt">×</button>${parts.join("")}`;
    one(".close", box).addEventListener("click", () => { receipt = null; showReceipt(); });
  }

  function askReceipt(text) {
    const name = text.replace(/\[.*/, "");
    if (!told.receipts[name]) return;
    eachTable(sections[0], (table, cells) => {
      if (table.dataset.array !== name) return;
      const place = cells.findIndex((_, i) => symbolOf(table, i) === text);
      if (place >= 0) receipt = [name, place, text];
    });
    showReceipt();
  }

  // Tab leads to the first arrow of the graph, arrow keys from there to the others.
  function edgeKey(event, edges) {
    const place = edges.indexOf(event.currentTarget);
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - 1, ArrowDown: place + 1 }[event.key];
    if (event.key === "Escape") event.currentTarget.blur();
    else if (event.key === "Enter" || event.key === " ") takeEdge(edges[place]);
    else if (to !== undefined && edges[to]) {
      edges.forEach((edge, i) => edge.setAttribute("tabindex", i === to ? 0 : -1));
      edges[to].focus();
    } else if (to === undefined) return;
    event.preventDefault();
  }

  function takeEdge(edge) {
    askReceipt(edge.dataset.weight);
    pickWeight(edge.dataset.weight);
    if (matchMedia("(max-width: 69.9rem)").matches) document.getElementById("receipt").scrollIntoView();
  }

  // Where the step at hand makes a weight, or its gradient, the same number is worked out.
  function pickWeight(text) {
    eachTable(sections[current], (table, cells) => {
      if (!table.closest(".made") || !worked(current, table.dataset.array)) return;
      const place = cells.findIndex((_, i) => symbolOf(table, i).replace("∂", "") === text);
      if (place >= 0) pick(current, table, place);
    });
  }

  // ── moving ───────────────────────────────────────────────────────────────────────────────────

  function show(n, speak = true) {
    current = Math.max(0, Math.min(last, n));
    sections.forEach((section, i) => section.classList.toggle("current", i === current));
    all("nav a").forEach((link, i) => {
      link.classList.toggle("done", i < current);
      if (i === current) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    });
    one('[data-move="first"]').disabled = one('[data-move="back"]').disabled = current === 0;
    one('[data-move="last"]').disabled = one('[data-move="next"]').disabled = current === last;
    draw(current, one(".graph svg"));
    centre();
    work(current);
    showReceipt();
    const link = all("nav a")[current];
    const strip = one(".parts");
    strip.scrollLeft = link.offsetLeft - strip.clientWidth / 2;
    if (speak) {
      const top = one("nav").getBoundingClientRect().bottom;
      if (matchMedia("(min-width: 70rem)").matches && sections[current].getBoundingClientRect().top < top - 1) {
        sections[current].scrollIntoView();
      }
      const result = all(".worked .result", sections[current]).pop();
      document.getElementById("said").textContent =
        `${one(".eyebrow", sections[current]).textContent}. ${told.steps[current].title}. ` +
        (result ? `Result ${result.textContent}.` : "");
    }
    // Not while the page loads: a browser would scroll past the graph to what the address names.
    if (speak && location.protocol !== "about:") history.replaceState(null, "", `#step-${current}`);
  }

  const moves = {
    first: () => show(0), back: () => show(current - 1),
    next: () => show(current + 1), last: () => show(last),
  };
  const keys = { Home: "first", End: "last", ArrowLeft: "back", ArrowRight: "next", PageUp: "back", PageDown: "next" };
  let typed = "";
  let typing = 0;

  function type(digit) {
    clearTimeout(typing);
    typed = Number(typed + digit) <= last ? typed + digit : digit;
    typing = setTimeout(() => { typed = ""; }, 900);
    if (Number(typed) <= last) show(Number(typed));
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("select, input, summary") && !/^\d$/.test(event.key)) return;
    if (!/^\d$/.test(event.key)) typed = "";
    if (/^\d$/.test(event.key)) type(event.key);
    else if (event.key === "Escape" && receipt) { receipt = null; showReceipt(); }
    else if (keys[event.key]) moves[keys[event.key]]();
    else return;
    event.preventDefault();
  });

  // Inside a table that was reached by Tab, arrow keys go from number to number.
  function cellKey(event, table, cells, take) {
    const place = cells.indexOf(event.target);
    const wide = "transposed" in table.dataset ? 1 : all("tr:first-child td", table).length;
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - wide, ArrowDown: place + wide }[event.key];
    if (event.key === "Escape") event.target.blur();
    else if (event.key === "Enter" || event.key === " ") take(place);
    else if (to !== undefined && cells[to]) {
      cells.forEach((cell, i) => { cell.tabIndex = i === to ? 0 : -1; });
      cells[to].focus();
      take(to);
    } else if (to === undefined) return;
    event.preventDefault();
  }

  function makePickable(n, table, cells) {
    const name = table.dataset.array;
    const made = table.closest(".made") && worked(n, name);
    const parameter = told.receipts[name];
    if (!made && !parameter) return;
    const take = (place) => {
      if (made) pick(n, table, place);
      if (parameter) askReceipt(symbolOf(table, place));
      else if (told.receipts[name.slice(1)]) askReceipt(symbolOf(table, place).slice(1));
    };
    table.classList.add("pickable");
    table.role = "grid";
    table.ariaLabel = name;
    cells.forEach((cell, i) => {
      cell.tabIndex = i ? -1 : 0;
      cell.setAttribute("aria-label", `${symbolOf(table, i)} = ${cell.textContent}`);
      cell.addEventListener("mousedown", (event) => event.preventDefault()); // arrows go on stepping
      cell.addEventListener("click", () => take(i));
      cell.addEventListener("keydown", (event) => cellKey(event, table, cells, take));
    });
  }

  // ── print: every step with its own graph ─────────────────────────────────────────────────────

  function beforePrint() {
    sections.forEach((section, n) => {
      const copy = one(".graph svg").cloneNode(true);
      draw(n, copy);
      copy.classList.add("printed");
      section.insertBefore(copy, one(".rule, .arrays, .facts", section));
    });
  }

  const afterPrint = () => all(".printed").forEach((copy) => copy.remove());

  // ── begin ────────────────────────────────────────────────────────────────────────────────────

  document.documentElement.classList.add("scripted");
  all("[hidden]").forEach((part) => { part.hidden = false; });
  sections.forEach((section, n) => {
    eachTable(section, (table, cells) => makePickable(n, table, cells));
    work(n);
  });
  one(".graph svg").setAttribute("role", "group"); // an image would hide its arrows
  all(".graph .mw-edge[data-weight]").forEach((edge, i, edges) => {
    edge.setAttribute("tabindex", i ? -1 : 0);
    edge.setAttribute("role", "button");
    edge.setAttribute("aria-label", `Receipt of ∂${edge.dataset.weight}`);
    edge.addEventListener("keydown", (event) => edgeKey(event, edges));
  });
  for (const button of all("[data-move]")) button.addEventListener("click", () => moves[button.dataset.move]());
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#step-"]');
    const edge = event.target.closest(".mw-edge[data-weight]");
    if (edge) takeEdge(edge);
    if (!link) return;
    event.preventDefault();
    show(Number(link.hash.slice(6)));
  });
  if (window !== window.top) one(".keys").prepend("Click here first: ");
  one(".legend").open = matchMedia("(min-width: 70rem)").matches;
  if (rows) rows.addEventListener("change", () => { showRow(rows.selectedIndex); work(current); });
  document.getElementById("print").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", beforePrint);
  window.addEventListener("afterprint", afterPrint);
  window.addEventListener("hashchange", () => show(Number(location.hash.slice(6)) || 0));
  const linked = Boolean(location.hash);
  show(Number(location.hash.slice(6)) || 0, false);
  if (linked) sections[current].scrollIntoView();
})();
