/* A landscape of one dimension: a curve of the loss, and steps that go down it from a start that
   the reader chooses. Loss and slope at some places are the notebook's; between them lie straight
   lines. */
"use strict";

hm.live("landscape", (root, data) => {
  const { x, loss, slope, rates } = data;
  const [low, high, top] = [x[0], x.at(-1), Math.max(...loss)];
  const steepest = Math.max(...slope.map(Math.abs));
  const RUN = 20, FLAT = 1 / 30;  // a thirtieth of the steepest slope counts as flat

  // --- the curve ------------------------------------------------------------------------------

  const between = (values, place) => {
    const right = Math.max(1, x.findIndex(each => each >= place)), left = right - 1;
    const share = (place - x[left]) / (x[right] - x[left]);
    return values[left] + share * (values[right] - values[left]);
  };
  const inside = place => place >= low && place <= high;
  const valleys = x.flatMap((right, i) => {
    if (!i || slope[i - 1] >= 0 || slope[i] < 0) return [];
    const share = slope[i - 1] / (slope[i - 1] - slope[i]);  // the slope is 0 here
    return x[i - 1] + share * (right - x[i - 1]);
  });

  // --- where a path has led, in words ----------------------------------------------------------

  const { minus } = hm;
  const place_text = place => minus(place.toFixed(2));
  const small = value => minus(Math.abs(value) < 1e-6 ? "0" : String(+value.toPrecision(2)));
  const steps_text = count => (count === 1 ? "1 step" : `${count} steps`);

  const ended = () => {
    const here = path.at(-1), steps = path.length - 1;
    const begin = steps ? `After ${steps_text(steps)}: ` : "The start: ";
    if (!inside(here)) return `${begin}the last step left the picture, to ${place_text(here)}.`;
    const now = between(slope, here), near = valleys.find(valley =>
      Math.abs(here - valley) < (high - low) / 100);
    const told = `The loss is ${between(loss, here).toFixed(3)}, the slope ${small(now)}`;
    if (near !== undefined) return `${begin}in the valley at ${place_text(near)}. ${told}.`;
    if (Math.abs(now) < FLAT * steepest)
      return `${begin}on flat land at ${place_text(here)}. ${told}, where the steepest is `
        + `${small(steepest)}.`;
    const back = path.slice(-4).map(place => Math.sign(between(slope, place)));
    if (steps > 2 && back.every((sign, i) => !i || sign === -back[i - 1]))
      return `${begin}leaping to and fro across the valley, now at ${place_text(here)}. ${told}.`;
    return `${begin}on the slope at ${place_text(here)}. ${told}.`;
  };

  // --- the path ---------------------------------------------------------------------------------

  let path = [data.start], running;
  const set_start = place => {
    clearTimeout(running);
    path = [Math.min(high, Math.max(low, place))];
    draw();
  };
  const step = () => {
    const here = path.at(-1);
    if (!inside(here)) return false;
    path.push(here - rates[rate.value] * between(slope, here));
    draw();
    return true;
  };
  const run = left => {  // step by step, so that the eye can follow
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    while (left > 0 && step()) {
      left -= 1;
      if (!still) {
        running = setTimeout(run, 80, left);
        return;
      }
    }
    hm.say(ended());
  };
  const press = act => () => {
    clearTimeout(running);
    act();
    hm.say(ended());
  };

  // --- the picture: all stands in per cent, so another width needs no drawing anew ---------------

  const roof = 1.08 * top, half = +(top / 2).toPrecision(1);
  const [left_of, height_of] = [place => 100 * (place - low) / (high - low), l => 100 * l / roof];
  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const line = (places, losses) =>
    places.map((place, i) => `${left_of(place)},${100 - height_of(losses[i])}`).join(" ");
  const touch = svg("polyline", { class: "touch" });
  const picture = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" },
    svg("polyline", { class: "curve", points: line(x, loss) }), touch);
  const dots = hm.make("div", { class: "dots", "aria-hidden": "true" });
  const plot = hm.make("div", { class: "plot" }, picture, dots);
  const ticks = (values, side, share) => values.map(value =>
    hm.make("span", { class: `tick ${side}`, style: `${side}: ${share(value)}%` },
            minus(String(+value.toPrecision(3)))));

  const draw = () => {
    const here = path.at(-1), latest = path.length - 1;
    const numbered = [];  // from the last back, those whose numbers do not cover each other
    for (let i = latest; i > 0; i--)
      if (numbered.every(other => Math.abs(left_of(path[i]) - left_of(path[other])) > 5))
        numbered.push(i);
    dots.replaceChildren(...path.filter(inside).map((place, i) => hm.make("span", {
      class: i === 0 ? "start" : i === latest ? "now" : "",
      style: `left: ${left_of(place)}%; bottom: ${height_of(between(loss, place))}%`,
    }, numbered.includes(i) ? hm.make("small", {}, String(i)) : "")));
    touch.setAttribute("points", inside(here) ? line(...tangent(here)) : "");
    start.value = path[0];
    start_shown.textContent = place_text(path[0]);
    start.setAttribute("aria-valuetext", place_text(path[0]));
    words.textContent = ended();
    picture.setAttribute("aria-label",
      `The loss against the ${data.axis}, from ${low} to ${high}. ${ended()}`);
  };
  const tangent = place => {
    const reach = (high - low) / 12, ends = [place - reach, place + reach];
    return [ends, ends.map(end => between(loss, place) + (end - place) * between(slope, place))];
  };
  const follow = event => {
    const box = plot.getBoundingClientRect();
    set_start(low + (high - low) * (event.clientX - box.left) / box.width);
    hm.say(ended());
  };
  plot.addEventListener("pointerdown", event => {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    follow(event);
  });
  plot.addEventListener("pointermove", event => {
    if (plot.hasPointerCapture(event.pointerId)) follow(event);
  });

  // --- the parts of the page ---------------------------------------------------------------------

  const id = `landscape-${document.querySelectorAll(".hm-landscape").length}`;
  const start = hm.make("input", { type: "range", id, min: low, max: high, step: (high - low) / 200,
                                   input: press(() => set_start(+start.value)) });
  const start_shown = hm.make("output", { for: id });
  const rate = hm.make("input", { type: "range", max: rates.length - 1, id: `${id}-rate`,
                                  value: rates.indexOf(data.rate), input: () => name_rate() });
  const rate_shown = hm.make("output", { for: rate.id });
  const name_rate = () => {
    rate_shown.textContent = rates[rate.value];
    rate.setAttribute("aria-valuetext", rates[rate.value]);
  };
  const button = (name, act) => hm.make("button", { type: "button", click: press(act) }, name);
  const words = hm.make("p", { class: "words" });
  const slider = (input, output, ...name) => hm.make("div", { class: "hm-slider" },
    hm.make("label", { for: input.id }, ...name), output, input);

  root.className = "hm-landscape";
  root.append(hm.make("p", { class: "axis" }, "loss ", hm.make("i", {}, "L")),
    hm.make("div", { class: "frame" }, plot,
            ...ticks([0, half, 2 * half].filter(each => each <= roof), "bottom", height_of),
            ...ticks([low, (low + high) / 2, high], "left", left_of)),
    hm.make("p", { class: "axis across" }, data.axis),
    hm.make("div", { class: "sliders" },
            slider(start, start_shown, "Start (or drag in the picture)"),
            slider(rate, rate_shown, "Learning rate ", hm.make("i", {}, "η"))),
    hm.make("div", { class: "buttons" }, button("Step", step),
            hm.make("button", { type: "button", click: () => { clearTimeout(running); run(RUN); } },
                    `Run ${RUN} steps`),
            button("Back to the start", () => set_start(path[0]))),
    words);
  name_rate();
  draw();
});
