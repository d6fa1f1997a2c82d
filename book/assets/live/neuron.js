/* One neuron whose 784 weights are painted, and what it makes of ten digits at once. */
"use strict";

hm.live("neuron", (root, data) => {
  const SIDE = 28, CELL = 20;  // the picture has 560 pixels a side, and is shown half as large
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const pixels = bytes(data.digits), mean = bytes(data.mean);  // ten images, in their order
  const parameters = new Parameters([SIDE * SIDE, 1]), [w, b] = [parameters.W[0], parameters.b[0]];
  const neuron = new Network(parameters, "logistic", "logistic_squared_error");
  const x = Float32Array.from(pixels, pixel => pixel / 255);
  const image = digit => pixels.subarray(digit * SIDE * SIDE, (digit + 1) * SIDE * SIDE);
  const BRUSHES = { Positive: 0.5, Negative: -0.5, Eraser: 0 };

  // --- the painting ----------------------------------------------------------------------------

  let digit = 0, brush = "Positive", cursor = { column: SIDE / 2, row: SIDE / 2 };
  const limit = value => Math.max(-1, Math.min(1, value));
  const touch = (column, row, strength) => {
    if (column < 0 || column >= SIDE || row < 0 || row >= SIDE) return;
    const at = row * SIDE + column;
    w[at] = brush === "Eraser" ? 0 : limit(w[at] + strength);
  };
  const dab = ({ column, row }) => {  // soft at its rim, as a pen's stroke is
    const strength = BRUSHES[brush];
    touch(column, row, strength);
    for (const [right, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]])
      touch(column + right, row + down, strength / 2);
  };
  /* Dabs at all cells from one to another, so that a quick hand leaves no gaps. */
  const stroke = (from, to) => {
    const steps = Math.max(Math.abs(to.column - from.column), Math.abs(to.row - from.row));
    for (let i = 1; i <= steps; i++)
      dab({ column: Math.round(from.column + (to.column - from.column) * i / steps),
            row: Math.round(from.row + (to.row - from.row) * i / steps) });
  };

  const canvas = hm.make("canvas", { width: SIDE * CELL, height: SIDE * CELL, tabindex: 0,
                                     role: "application" });
  /* Positive weights fill their cells, negative ones are stripes: not by colour alone. */
  const paint = () => {
    const pen = canvas.getContext("2d"), thirds = [0.15, 0.65];
    pen.clearRect(0, 0, canvas.width, canvas.height);
    image(digit).forEach((ink, at) => {
      const [left, top] = [at % SIDE * CELL, Math.floor(at / SIDE) * CELL];
      pen.fillStyle = `rgb(128 128 128 / ${0.55 * ink / 255})`;
      if (ink) pen.fillRect(left, top, CELL, CELL);
      if (!w[at]) return;
      pen.globalAlpha = 0.15 + 0.75 * Math.abs(w[at]);
      pen.fillStyle = w[at] > 0 ? "#d55e00" : "#0072b2";
      if (w[at] > 0) pen.fillRect(left + 1, top + 1, CELL - 2, CELL - 2);
      else for (const share of thirds) pen.fillRect(left, top + share * CELL, CELL, 0.25 * CELL);
      pen.globalAlpha = 1;
    });
    if (!canvas.matches(":focus-visible")) return;
    pen.lineWidth = 4;
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.strokeRect(cursor.column * CELL, cursor.row * CELL, CELL, CELL);
  };
  const thumb = digit => {
    const small = hm.make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    const pen = small.getContext("2d");
    const picture = pen.createImageData(SIDE, SIDE);
    image(digit).forEach((ink, at) => picture.data.set([128, 128, 128, ink], 4 * at));
    pen.putImageData(picture, 0, 0);
    return small;
  };

  // --- what follows: ten sums, ten values ------------------------------------------------------

  const { minus, listed } = hm;
  const verdict = values => {
    const fires = values.flatMap((a, digit) => (a > 0.5 ? digit : []));
    if (fires.length === 0) return "It fires for none of the ten: no value is above one half.";
    if (fires.length === 1)
      return `It fires for the ${fires[0]} alone: a detector of ${fires[0]}, on these ten images.`;
    if (fires.length === 10) return "It fires for all ten.";
    return `It fires for ${listed(fires)}: their values are above one half.`;
  };
  const draw = () => {
    const z = Array.from(neuron.forward(x, 10)[1]), a = z.map(activations.logistic.f);
    rows.forEach(({ radio, bar, sum, value, row }, i) => {
      radio.checked = i === digit;
      bar.style.width = `${100 * a[i]}%`;
      sum.textContent = minus(z[i].toFixed(1));
      value.textContent = a[i].toFixed(2);
      row.classList.toggle("fires", a[i] > 0.5);
      radio.setAttribute("aria-label",
        `${i}: sum ${sum.textContent}, value ${value.textContent}`);
    });
    bias_shown.textContent = minus(b[0].toFixed(1));
    bias.value = b[0];
    bias.setAttribute("aria-valuetext", bias_shown.textContent);
    words.textContent = verdict(a);
    const here = minus(w[cursor.row * SIDE + cursor.column].toFixed(2));
    canvas.setAttribute("aria-label", "28 by 28 weights over a digit. Arrow keys move, space "
      + `paints. Row ${cursor.row + 1}, column ${cursor.column + 1}: ${here}.`);
    paint();
  };
  const say = () => hm.say(words.textContent);
  const then_say = act => () => {
    act();
    draw();
    say();
  };

  // --- hands ------------------------------------------------------------------------------------

  const cell = event => {
    const box = canvas.getBoundingClientRect(), at = share => Math.floor(SIDE * share);
    return { column: at((event.clientX - box.left) / box.width),
             row: at((event.clientY - box.top) / box.height) };
  };
  let last = null;
  const listen = handlers => Object.entries(handlers).forEach(([name, act]) =>
    canvas.addEventListener(name, act));
  listen({
    pointerdown(event) {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      last = cell(event);
      dab(last);
      draw();
    },
    pointermove(event) {
      if (!last) return;
      const now = cell(event);
      stroke(last, now);
      last = now;
      draw();
    },
    pointerup() { last = null; say(); },
    pointercancel() { last = null; },
    keydown(event) {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const way = move[event.key], inside = value => Math.max(0, Math.min(SIDE - 1, value));
      if (way)
        cursor = { column: inside(cursor.column + way[0]), row: inside(cursor.row + way[1]) };
      else if (event.key === " " || event.key === "Enter") dab(cursor);
      else return;
      event.preventDefault();  // the page does not scroll
      draw();
      if (!way) say();
    },
    focus: paint,
    blur: paint,
  });

  // --- the parts of the page -------------------------------------------------------------------

  const id = `neuron-${document.querySelectorAll(".hm-neuron").length}`;
  const rows = Array.from({ length: 10 }, (_, i) => {
    const radio = hm.make("input", { type: "radio", name: `${id}-digit`,
                                     change: () => { digit = i; draw(); } });
    const [bar, sum, value] = [hm.make("i"), hm.make("span"), hm.make("b")];
    const row = hm.make("label", {}, radio, hm.make("span", { class: "face" }, thumb(i),
      hm.make("span", { class: "rail" }, bar), sum, value));
    return { radio, bar, sum, value, row };
  });
  const choice = name => hm.make("label", {},
    hm.make("input", { type: "radio", name: `${id}-brush`, checked: name === brush,
                       change: () => { brush = name; } }), hm.make("span", {}, name));
  const bias = hm.make("input", { type: "range", id: `${id}-bias`, min: -60, max: 60, step: 0.5,
                                  input: then_say(() => { b[0] = bias.value; }) });
  const bias_shown = hm.make("output", { for: bias.id });
  const words = hm.make("p", { class: "words" });
  const button = (name, act) => hm.make("button", { type: "button", click: then_say(act) }, name);

  root.className = "hm-neuron";
  root.append(
    hm.make("fieldset", { class: "hm-choice" }, hm.make("legend", {}, "Paint weights with"),
            ...Object.keys(BRUSHES).map(choice)),
    hm.make("div", { class: "both" }, canvas, hm.make("fieldset", { class: "rows" },
      hm.make("legend", {}, "The digit to lay below, and the sum and value of each:"),
      ...rows.map(({ row }) => row))),
    hm.make("div", { class: "hm-slider" }, hm.make("label", { for: bias.id }, "Bias ",
      hm.make("i", {}, "b")), bias_shown, bias),
    hm.make("div", { class: "buttons" },
      button("Weights: this digit minus the mean image", () =>
        w.set(Array.from(image(digit), (ink, at) => (ink - mean[at]) / 255))),
      button("Clear", () => { w.fill(0); b[0] = 0; })),
    words,
    hm.make("p", { class: "key" }, "Filled: positive. Striped: negative. The bar is the value, "
      + "from 0 to 1; the mark in its middle is one half."));
  draw();
});
