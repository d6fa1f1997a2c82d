/* The small network: a few units whose every weight can be moved. The twin works out what follows;
   here are the words, the formulas with numbers in them, and what a hand does. */
"use strict";

hm.live("small-network", (root, data) => {
  const { sizes, backward } = data, last = sizes.length - 1;
  const parameters = new Parameters(sizes, Float32Array.from(data.w));
  const network = new Network(parameters, data.hidden, data.output);
  const x = Float32Array.from(data.x), t = data.t && Float32Array.from(data.t);
  const RATES = [0.1, 0.3, 1, 3, 10, 30];
  const PIXELS = 5;  // to drag for a step of 0.1

  // --- words for numbers, and formulas with them -----------------------------------------------

  const { minus } = hm;
  const short = value => minus(String(+value.toFixed(3) + 0));
  const three = value => minus(value.toFixed(3));
  const factor = text => (text.startsWith("−") ? `(${text})` : text);
  const given = layer => (layer ? three : short);  // inputs are the reader's, values are worked out
  const named = (letter, ...indices) => `<i>${letter}</i><sub>${indices.join("")}</sub>`;
  const power = value => `<i>e</i><sup>${three(value)}</sup>`;
  const answer = k => named("ŷ", k + 1);
  const along = name => `<i>∂L</i>/<i>∂</i>${name}`;
  const layer_name = layer => (layer === 0 ? "input" : layer < last ? "hidden neuron" : "output");
  const unit_name = (layer, j) => `${layer_name(layer)} ${j + 1}`;

  /* A line of a formula may break before each of its equals signs, not elsewhere if it fits. */
  const line = (...sides) => `<p>${sides.map((side, i) =>
    `<span>${i ? "= " : ""}${side}</span>`).join(" ")}</p>`;

  const hidden_formulas = {
    logistic: {
      name: z => `1 / (1 + <i>e</i><sup>−${z}</sup>)`, f: z => `1 / (1 + ${power(-z)})`,
      slope_name: a => `${a} (1 − ${a})`, slope: a => `${three(a)} · ${three(1 - a)}`,
    },
    tanh: {
      name: z => `tanh ${z}`, f: z => `tanh ${factor(three(z))}`,
      slope_name: a => `(1 − ${a}²)`, slope: a => `(1 − ${factor(three(a))}²)`,
    },
  };
  const outputs_formulas = {
    logistic_squared_error: {
      answers: logistics,
      answer: (z, k) => [hidden_formulas.logistic.name(named("z", k + 1)),
                         hidden_formulas.logistic.f(z[k])],
      delta: (y, k) => [
        `(${answer(k)} − ${named("t", k + 1)}) ${answer(k)} (1 − ${answer(k)})`,
        `${factor(three(y[k] - t[k]))} · ${three(y[k])} · ${three(1 - y[k])}`],
      loss: y => ["½ Σ (<i>ŷ</i> − <i>t</i>)²", `½ (${y.map((each, k) =>
        `${factor(three(each - t[k]))}²`).join(" + ")})`],
    },
    softmax_cross_entropy: {
      answers: softmax,
      answer: (z, k) => [`<i>e</i><sup>${named("z", k + 1)}</sup> / Σ <i>e<sup>z</sup></i>`,
                         `${power(z[k])} / (${z.map(power).join(" + ")})`],
      delta: (y, k) => [`${answer(k)} − ${named("t", k + 1)}`, `${three(y[k])} − ${short(t[k])}`],
      loss: y => [`−log ${answer(t.indexOf(1))}`, `−log ${three(y[t.indexOf(1)])}`],
    },
  };
  const hidden = hidden_formulas[data.hidden], output = outputs_formulas[data.output];

  // --- what can be chosen and moved: inputs, weights and biases --------------------------------

  const group = `small-network-${document.querySelectorAll(".hm-small-network").length}`;
  const at = (layer, i) =>  // per cent from the left and from the top
    [9 + 78 * layer / last, sizes[layer] > 1 ? 14 + 66 * i / (sizes[layer] - 1) : 47];
  const between = ([x1, y1], [x2, y2], share) => [x1 + share * (x2 - x1), y1 + share * (y2 - y1)];
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const lines = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" });

  const numbers = [];
  const add = (number, [left, top], ...face) => {
    const radio = hm.make("input", { type: "radio", name: group, change: () => choose(number) });
    number.radio = radio;
    number.place = hm.make("label", { style: `left: ${left}%; top: ${top}%`, class: number.kind },
      radio, hm.make("span", { class: "face" }, ...face));
    number.place.addEventListener("pointerdown", event => drag(number, event));
    numbers.push(number);
  };
  const row_of = (name, value) => hm.make("span", {}, hm.make("i", {}, name), value);

  sizes.forEach((units, layer) => {
    for (let j = 0; j < units; j++) {
      const part = () => hm.make("b"), parts = { z: part(), a: part(), b: part(), delta: part() };
      const rows = layer === 0 ? [row_of("x", parts.a)] : [row_of("z", parts.z)];
      if (layer > 0 && layer < last) rows.push(row_of("a", parts.a));
      if (layer === last && t) rows.push(row_of("ŷ", parts.a), row_of("t", short(t[j])));
      const below = layer ? [row_of("b", parts.b)] : [];
      if (layer && backward) below.push(row_of("δ", parts.delta));
      const [array, low, high] = layer ? [parameters.b[layer - 1], -6, 6] : [x, 0, 1];
      add({ kind: "unit", layer, j, parts, array, index: j, low, high,
            words: layer ? `bias of ${unit_name(layer, j)}` : unit_name(layer, j) },
          at(layer, j), hm.make("span", { class: "box" }, ...rows),
          hm.make("span", { class: "below" }, ...below));
    }
    for (let p = 0; layer < last && p < units; p++)
      for (let j = 0; j < sizes[layer + 1]; j++) {
        const [from, to] = [at(layer, p), at(layer + 1, j)];
        const edge = svg("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] });
        const [weight, slope] = [hm.make("b"), hm.make("small")];
        lines.append(edge);
        add({ kind: "weight", layer: layer + 1, p, j, edge, weight, slope, low: -6, high: 6,
              array: parameters.W[layer], index: p * sizes[layer + 1] + j,
              words: `weight from ${unit_name(layer, p)} to ${unit_name(layer + 1, j)}` },
            between(from, to, p === j ? 0.5 : 0.36), weight, ...(backward ? [slope] : []));
      }
  });

  // --- the state, and all that follows from it -------------------------------------------------

  let chosen = numbers.at(-1 - sizes[last]);  // the weight that the chapters turn: the last one
  let moved = false, steps = 0, told = "";
  const start = { w: parameters.flat.slice(), x: x.slice() };
  const first_loss = t && three(network.loss(x, t, 1));

  const work_out = () => {
    const a = network.forward(x, 1), z = Array.from(a[last]);
    const sums = parameters.W.map((W, l) => Array.from({ length: sizes[l + 1] }, (_, j) =>
      parameters.b[l][j] + sum(Array.from(a[l], (value, p) => value * W[p * sizes[l + 1] + j]))));
    if (!t) return { a, z, sums };
    const now = { a, z, sums, y: output.answers(z), loss: network.loss(x, t, 1) };
    if (!backward) return now;
    return { ...now, deltas: network.deltas(a, t, 1),
             gradient: network.backward(a, t, 1, parameters.like()) };
  };

  const sum_lines = ({ a, sums }, layer, j, marked) => {
    const l = layer - 1, letter = l ? "a" : "x", terms = [], names = [];
    for (let p = 0; p < sizes[l]; p++) {
      const weight = factor(short(parameters.W[l][p * sizes[layer] + j]));
      const [name, term] = [named(letter, p + 1) + named("W", p + 1, j + 1),
                            `${factor(given(l)(a[l][p]))} · ${weight}`];
      names.push(p === marked ? `<mark>${name}</mark>` : name);
      terms.push(p === marked ? `<mark>${term}</mark>` : term);
    }
    return line(named("z", j + 1), `${names.join(" + ")} + ${named("b", j + 1)}`,
                `${terms.join(" + ")} + ${factor(short(parameters.b[l][j]))}`,
                three(sums[l][j]));
  };

  const unit_lines = (now, layer, j) => {
    if (layer === 0)
      return `<p>It is a given number, here from 0 to 1, and goes into every hidden neuron.</p>`;
    let text = sum_lines(now, layer, j);
    const { a, sums, z, y, deltas } = now;
    if (layer < last)
      text += line(named("a", j + 1), hidden.name(named("z", j + 1)),
                   hidden.f(sums[layer - 1][j]), three(a[layer][j]));
    else if (t) text += line(answer(j), ...output.answer(z, j), three(y[j]));
    if (!backward) return text;
    if (layer === last)
      return text + line("<i>δ</i>", ...output.delta(y, j), three(deltas[last - 1][j]));
    const W = parameters.W[layer], value = named("a", j + 1);
    const paths = Array.from(deltas[layer], (delta, k) => [delta, W[j * sizes[layer + 1] + k]]);
    const pull = sum(paths.map(([delta, weight]) => delta * weight));
    return text
      + line(along(value),
             paths.map((_, k) => named("δ", k + 1) + named("W", j + 1, k + 1)).join(" + "),
             paths.map(path => `${factor(three(path[0]))} · ${factor(short(path[1]))}`).join(" + "),
             three(pull))
      + line("<i>δ</i>", `${along(value)} · ${hidden.slope_name(value)}`,
             `${factor(three(pull))} · ${hidden.slope(a[layer][j])}`, three(deltas[layer - 1][j]));
  };

  const weight_lines = (now, { layer, p, j }) => {
    const text = sum_lines(now, layer, j, p);
    if (!backward) return text;
    const l = layer - 1, slope = now.gradient.W[l][p * sizes[layer] + j];
    const way = slope > 0 ? "Positive: the loss falls when this weight goes down."
      : slope < 0 ? "Negative: the loss falls when this weight goes up."
      : "Zero: a small change of this weight changes nothing.";
    const come = named(l ? "a" : "x", p + 1);
    return text + line(along(named("W", p + 1, j + 1)), `${come} ${named("δ", j + 1)}`,
      `${factor(given(l)(now.a[l][p]))} · ${factor(three(now.deltas[l][j]))}`, three(slope))
      + `<p>${way}</p>`;
  };

  const verdict = ({ z, loss }) => {
    const since = moved ? `; at the start it was ${first_loss}` : "";
    if (t) return `The loss is ${three(loss)}${since}.`;
    const best = Math.max(...z), first = z.indexOf(best), tie = z.lastIndexOf(best) > first;
    return `The sums of the outputs are ${z.map(three).join(" and ")}. ` + (tie
      ? "None is larger than the other, so there is no answer."
      : `Output ${first + 1} has the larger: it is the answer.`);
  };

  const draw = () => {
    const now = work_out(), { a, z, y, sums, deltas, gradient } = now;
    for (const number of numbers) {
      const { kind, layer, j, p, parts, radio, words, array, index } = number;
      const value = array[index];
      radio.checked = number === chosen;
      if (kind === "weight") {
        number.weight.textContent = short(value);
        number.edge.setAttribute("class", value < 0 ? "negative" : "positive");
        number.edge.style.strokeWidth = `${value ? 0.8 + Math.min(Math.abs(value), 6) : 0}px`;
        number.edge.classList.toggle("chosen", number === chosen);
        const slope = gradient?.W[layer - 1][index];
        if (backward) number.slope.textContent = three(slope);
        radio.setAttribute("aria-label",
          `${words}: ${short(value)}` + (backward ? `, slope ${three(slope)}` : ""));
        continue;
      }
      const said = [], tell = (part, word, text) => {
        part.textContent = text;
        said.push(`${word} ${text}`);
      };
      if (layer) tell(parts.z, "sum", three(sums[layer - 1][j]));
      if (layer < last) tell(parts.a, "value", given(layer)(a[layer][j]));
      else if (t) tell(parts.a, "answer", three(y[j]));
      if (layer) tell(parts.b, "bias", short(value));
      if (layer && backward) tell(parts.delta, "delta", three(deltas[layer - 1][j]));
      radio.setAttribute("aria-label", `${unit_name(layer, j)}: ${said.join(", ")}`);
    }
    const value = chosen.array[chosen.index];
    Object.assign(slider, { min: chosen.low, max: chosen.high, value });
    slider.setAttribute("aria-valuetext", short(value));
    label.textContent = chosen.words[0].toUpperCase() + chosen.words.slice(1);
    shown.textContent = short(value);
    const title = chosen.kind === "weight" || !chosen.layer ? chosen.words
      : unit_name(chosen.layer, chosen.j);
    formulas.innerHTML = `<h4>${title[0].toUpperCase() + title.slice(1)}</h4>`
      + (chosen.kind === "weight" ? weight_lines(now, chosen)
                                  : unit_lines(now, chosen.layer, chosen.j));
    if (t) loss.innerHTML = line("<i>L</i>", ...output.loss(y), `<b>${three(now.loss)}</b>`);
    words.textContent = told || verdict(now);
    lines.setAttribute("aria-label", `A network of ${sizes.join(", ")} units, inputs first. `
      + `Its last sums are ${z.map(three).join(" and ")}.` + (t ? ` ${verdict(now)}` : ""));
    return now;
  };

  const choose = number => {
    chosen = number;
    draw();
  };
  const move = value => {
    const { low, high, array, index, words } = chosen;
    array[index] = Math.min(high, Math.max(low, Math.round(10 * value) / 10));
    [moved, steps, told] = [true, 0, ""];
    const now = draw();
    hm.say(`${words} ${short(array[index])}. ${verdict(now)}`);
  };
  const drag = (number, event) => {
    if (event.button) return;
    choose(number);
    const [from, value] = [event.clientX, number.array[number.index]];
    const follow = ({ clientX }) => {
      const tenths = Math.trunc((clientX - from) / PIXELS);
      if (tenths) move(value + tenths / 10);
    };
    number.place.setPointerCapture(event.pointerId);
    number.place.addEventListener("pointermove", follow);
    for (const end of ["pointerup", "pointercancel"])
      number.place.addEventListener(end, () =>
        number.place.removeEventListener("pointermove", follow), { once: true });
  };
  const step = () => {
    const before = network.loss(x, t, 1);
    sgd_step(network, x, t, 1, null, RATES[rate.value]);
    const after = network.loss(x, t, 1);
    steps += 1;
    told = `Step ${steps}: the loss goes from ${three(before)} to ${three(after)}.`
      + (after > before ? " It went up: the step was too long." : "");
    draw();
    hm.say(told);
  };
  const reset = () => {
    parameters.flat.set(start.w);
    x.set(start.x);
    [moved, steps, told] = [false, 0, ""];
    hm.say(`As at the start. ${verdict(draw())}`);
  };
  const name_rate = () => {
    rate_shown.textContent = RATES[rate.value];
    rate.setAttribute("aria-valuetext", RATES[rate.value]);
  };

  // --- the parts of the page -------------------------------------------------------------------

  const slider = hm.make("input", { type: "range", step: 0.1, id: `${group}-value`,
                                    input: () => move(+slider.value) });
  const label = hm.make("label", { for: slider.id }), shown = hm.make("output", { for: slider.id });
  const rate = hm.make("input", { type: "range", max: RATES.length - 1, value: RATES.indexOf(3),
                                  id: `${group}-rate`, input: name_rate });
  const rate_shown = hm.make("output", { for: rate.id });
  const words = hm.make("p", { class: "words" }), loss = hm.make("div", { class: "loss" });
  const formulas = hm.make("div", { class: "formulas" });
  const heads = sizes.map((_, layer) => {
    const [word, letter] = layer === 0 ? ["inputs ", "x"]
      : layer < last ? ["hidden ", `a[${layer}]`] : t ? ["answer ", "ŷ"] : ["outputs ", "z"];
    return hm.make("span", { style: `left: ${at(layer, 0)[0]}%` }, word, hm.make("i", {}, letter));
  });

  root.className = "hm-small-network";
  if (backward) root.classList.add("backward");
  root.append(
    hm.make("fieldset", {},
      hm.make("legend", {}, "Choose a number, then move the slider; or drag the number sideways."),
      hm.make("div", { class: "heads", "aria-hidden": "true" }, ...heads),
      hm.make("div", { class: "drawing" }, lines, ...numbers.map(number => number.place))),
    hm.make("p", { class: "key" }, "Solid: positive. Dashed: negative. Thicker: larger."
      + (backward ? " Below a weight: its slope." : "")),
    hm.make("div", { class: "hm-slider" }, label, shown, slider));
  const again = hm.make("button", { type: "button", click: reset }, "Reset");
  root.append(hm.make("div", { class: "buttons" }, ...(backward ? [
    hm.make("button", { type: "button", click: step }, "One step downhill"),
    again,
    hm.make("div", { class: "hm-slider" }, hm.make("label", { for: rate.id }, "Learning rate ",
      hm.make("i", {}, "η")), rate_shown, rate)] : [again])));
  root.append(words, ...(t ? [loss] : []), formulas);
  name_rate();
  draw();
});
