/* The Lab: the choices of a recipe are knobs, and the pictures follow training epoch by epoch.
   Read it beside book/lab.py: the same knobs and the same words; here a worker trains. */
"use strict";

{ // so that its names are its own
const { make, the } = hm;
const MATRICES = [0, 1, 2], MOST_UNITS = 1000, MOST_KEPT = 4, IMAGES = 5000, SIDE = 28;
const JUPYTER_LAYERS = 8;  // as in lab.py
const LABEL = 12;  // a run's number on a chart is as high
const FIELDS = ["units", "hidden", "output", "init", "inputs", "order", "learning_rate",
  "batch_size", "epochs", "momentum", "weight_decay", "images", "wrong_labels"];  // as in Recipe
const FLOATS = ["learning_rate", "momentum", "weight_decay", "wrong_labels"];
const INKS = ["blue", "orange", "green", "vermillion", "purple", "sky"];

/* Numbers as they are read, and as Python prints a float. */
const g3 = value => Number(value.toPrecision(3));
const percent = share => `${(100 * share).toFixed(1)}\u00a0%`;
const float = value => (value && value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1")
  : value % 1 ? String(value) : `${value}.0`);

// --- knobs: what the reader sees, what is expected, and what a text says (undefined: nonsense) ---

const choice = (label, ...options) => ({ label, options,
  expected: `${options.slice(0, -1).join(", ")} or ${options.at(-1)}`,
  read: text => (options.includes(text) ? text : undefined) });

const number = (label, low, high, kind = "a number") => ({ label,
  expected: `${kind} from ${low % 1 ? float(low) : low} to ${high.toLocaleString("en")}`,
  read(text) {
    const value = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN;
    const fits = low <= value && value <= high && (kind === "a number" || value % 1 === 0);
    return fits ? value : undefined;
  } });
const whole = (label, low, high) => number(label, low, high, "a whole number");

const units = { label: "units of each hidden layer",
  expected: "at most two whole numbers from 1 to 1,000, such as 100 or 50, 50, or nothing",
  read(text) {
    const sizes = text.trim() ? text.split(",").map(whole("", 1, MOST_UNITS).read) : [];
    return sizes.length < MATRICES.length && !sizes.includes(undefined) ? sizes : undefined;
  } };

const first_weights = l => ({
  [`init${l}`]: choice(`rule for W[${l}]`, "unit_normal", "fan_in", "he", "fan_in_times", "normal"),
  [`scale${l}`]: number(`scale for W[${l}]`, 0, 100) });

const GROUPS = {
  network: { units, hidden: choice("hidden units", ...Object.keys(activations)),
    output: choice("output and loss", ...Object.keys(outputs)) },
  "first weights": Object.assign({}, ...MATRICES.map(first_weights)),
  "inputs and order": {
    inputs: choice("inputs", "unit_range", "zero_mean", "zero_mean_each", "zero_mean_per_pixel",
      "inverted"),
    order: choice("order", "file_order", "shuffled", "shuffled_once", "sorted_by_class", "runs_of"),
    run_length: whole("length, for runs_of", 1, IMAGES) },
  training: {
    learning_rate: number("learning rate", 1e-9, 1e6), momentum: number("momentum", 0, 0.999),
    first_decay: number("λ of all weights but the last", 0, 100),
    last_decay: number("λ of the last weights", 0, 100),
    batch_size: whole("images in a minibatch", 1, IMAGES), epochs: whole("epochs", 0, 1000) },
  data: { images: whole("images to train on", 1, IMAGES),
    wrong_labels: number("share of wrong labels", 0, 1), seed: whole("seed", 0, 2 ** 32 - 1) },
};
const KNOBS = Object.assign({}, ...Object.values(GROUPS));

/* What each is, in a sentence; those of a matrix share one. */
const HELP = {
  units: `Units of each hidden layer: at most ${MATRICES.length - 1} layers here, `
    + `${JUPYTER_LAYERS} in Jupyter; nothing means none.`,
  hidden: "The function that a hidden unit applies to its weighted sum.",
  output: "How the ten sums become answers, and how far an answer is from the truth.",
  init: "How widely the random first weights of this matrix are spread.",
  scale: "The spread itself for normal; for fan_in_times, how many times 1/√fan-in it is.",
  inputs: "How grey levels from 0 to 255 become the numbers that the first layer takes.",
  order: "In which order an epoch goes through the images.",
  run_length: "How many images of one digit follow each other before another comes.",
  story: "One step of the story, which sets all knobs but the seed.",
  learning_rate: "How far a step goes against the gradient, downhill.",
  momentum: "Which share of the step before is added to each step; 0 is none.",
  first_decay: "How strongly large weights are drawn back to 0, in all matrices but the last.",
  last_decay: "How strongly large weights are drawn back to 0 in the matrix of the outputs.",
  batch_size: "How many images are averaged for one step.",
  epochs: "How many times all images are gone through.",
  images: "How many of the 5,000 images that come with this page are learned from.",
  wrong_labels: "Which share of these images gets a wrong label before training.",
  seed: "Which random numbers are drawn: the same seed repeats a run.",
};
const help_of = name => HELP[name.replace(/\d$/, "")];

// --- from what is typed to a recipe, and back ----------------------------------------------------

/* The recipe and the seed that the settings say; what is wrong and what is idle, by knob. */
function recipe_of(settings) {
  const made = {}, errors = {}, idle = {};
  for (const [name, { label, expected, read }] of Object.entries(KNOBS)) {
    made[name] = read(settings[name]);
    idle[name] = is_idle(name, made);
    if (made[name] === undefined && !idle[name])
      errors[name] = `${label}: expected ${expected}, got '${settings[name].slice(0, 40)}'`;
  }
  const matrices = MATRICES.slice(0, (made.units?.length ?? 0) + 1);
  made.init = matrices.map(l => made[`init${l}`]
    + (idle[`scale${l}`] ? "" : `(${float(made[`scale${l}`] ?? 1)})`));
  made.weight_decay = matrices.map(l => made[l < matrices.at(-1) ? "first_decay" : "last_decay"]);
  if (!idle.run_length) made.order += `(${made.run_length})`;
  const recipe = Object.fromEntries(FIELDS.map(name => [name, made[name]]));
  return { recipe, seed: made.seed, errors, idle };
}

/* Whether a knob has nothing to say: of a matrix that is not there, or of a choice not made. */
function is_idle(name, made) {
  const [, kind, l] = /^(init|scale)?(\d?)/.exec(name);
  return kind ? l > (made.units?.length ?? 0)
    || (kind === "scale" && !["fan_in_times", "normal"].includes(made[`init${l}`]))
    : name === "run_length" && made.order !== "runs_of";
}

/* The settings that say a recipe. */
function settings_of(recipe, seed) {
  const parts = choice => /^(\w+)(?:\((.*)\))?$/.exec(choice).slice(1);
  const [order, run_length = 100] = parts(recipe.order);
  const values = { ...recipe, units: recipe.units.join(", "), order, run_length, seed,
    first_decay: recipe.weight_decay[0], last_decay: recipe.weight_decay.at(-1) };
  for (const l of MATRICES)
    [values[`init${l}`], values[`scale${l}`] = 1] = parts(recipe.init[l] ?? recipe.init.at(-1));
  return Object.fromEntries(Object.keys(KNOBS).map(name => [name, String(values[name])]));
}

/* A recipe as handmlp prints it: what differs from `usual`, and how many images. */
function python(recipe, usual) {
  const print = (name, value) => {
    const texts = [value].flat().map(FLOATS.includes(name) ? float : String);
    return name !== "units" && new Set(texts).size === 1 ? texts[0]
      : `(${texts.join(", ")}${texts.length === 1 ? "," : ""})`;
  };
  const differs = name => print(name, recipe[name]) !== print(name, usual[name]);
  return `Recipe(${FIELDS.filter(name => name === "images" || differs(name))
    .map(name => `${name}=${print(name, recipe[name])}`).join(", ")})`;
}

// --- a run: what was set, how far it has come, and how it ended ----------------------------------

const total = counts => counts.reduce((so_far, count) => so_far + count, 0);
const own_share = confusion => confusion.map((row, digit) => row[digit] / (total(row) || 1));
const is_asleep = share => share < 0.1;
const last = run => run.epochs.at(-1);

/* A run that was stopped is measured again by a recipe with as many epochs as it had. */
const done = run => (run.ending.startsWith("Stopped;")
  ? { ...run.recipe, epochs: last(run).number } : run.recipe);

/* What sets each of these runs apart from the others. */
function differences(runs) {
  const all = runs.map(run => settings_of(done(run), run.seed));
  return all.map(mine => Object.entries(KNOBS).filter(([name]) => !recipe_of(mine).idle[name]
    && all.some(other => other[name] !== mine[name]))
    .map(([name, { label }]) => `${label} ${mine[name] || "none"}`).join(", "));
}

/* Whether all measure their loss alike: the square is one for all outputs, cross-entropy is not. */
const one_loss = runs => new Set(runs.map(
  ({ recipe: { output } }) => (output.endsWith("squared_error") ? "square" : output))).size < 2;

const ENDINGS = { finished: () => "Finished.",
  stopped: (_, run) => (last(run) ? "Stopped; what the last whole epoch measured stands."
    : "Stopped before anything was measured."),
  diverged: text => `Diverged: ${text}. The epoch before it stands.`,
  failed: text => `Failed: ${text}` };

const in_short = run => (last(run) ? `Run ${run.number}, epoch ${last(run).number} of `
  + `${run.recipe.epochs}: ${percent(last(run).validation_accuracy)} read right. `
  + (run.ending || "Training.") : words(run));

function words(run) {
  if (!last(run)) return `Run ${run.number}: ${run.ending || "drawing the first weights."}`;
  const { number, confusion, train_accuracy, validation_accuracy } = last(run);
  const called = confusion.map((_, k) => total(confusion.map(row => row[k])));
  const only = called.indexOf(total(called));
  const sleepers = own_share(confusion).flatMap((share, digit) => (is_asleep(share) ? digit : []));
  return `Run ${run.number}, after epoch ${number} of ${run.recipe.epochs}: reads `
    + `${percent(train_accuracy)} of its training images as they are labelled, and `
    + `${percent(validation_accuracy)} of the ${total(called).toLocaleString("en")} for `
    + `validation. ${only >= 0 ? `Every image is called ${only}: it has learned nothing.`
      : sleepers.length ? `Asleep, fewer than one in ten read: ${the(sleepers)}.`
        : "No digit is asleep."} `
    + (run.ending || "Training.");
}

// --- pictures: as wide as they are told, with a label that says what is to be seen ---------------

const ink = run => `var(--hm-${INKS[(run.number - 1) % INKS.length]})`;
const text = (x, y, content, anchor = "start", style = "") =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" style="${style}">${content}</text>`;
const line = (points, stroke, dash = "") => `<path stroke="${stroke}" stroke-dasharray="${dash}" `
  + `d="M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}"/>`;
const grid_line = (left, right, y) => line([[left, y], [right, y]], "var(--hm-rule)");

function svg(width, height, label, ...content) {
  const holder = make("template");
  holder.innerHTML = `<svg role="img" width="${width}" height="${height}" aria-label="${label}">`
    + `${content.flat(2).join("")}</svg>`;
  return holder.content.firstChild;
}

/* Round numbers from 0 to `top`, at most six. */
function ticks(top) {
  const power = 10 ** Math.floor(Math.log10(top));
  const step = [0.2, 0.5, 1, 2].map(part => part * power).find(each => top / each <= 5);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => g3(i * step));
}

/* Accuracy and loss of the runs on the chart. */
function curves(runs, width) {
  const losses = runs.flatMap(run => run.epochs.flatMap(e => [e.loss, e.validation_loss]));
  const said = runs.map(
    run => `run ${run.number} ends at ${percent(last(run).validation_accuracy)}`);
  return svg(width, 150, "Accuracy and loss over the epochs. " + (said.length
    ? `On the validation images, ${said.join(", ")}.` : "There is no run yet."),
  panel(runs, 0, width / 2, "read right, in %", 100,
    e => 100 * e.validation_accuracy, e => 100 * e.train_accuracy),
  panel(runs, width / 2, width / 2, "mean loss", Math.max(0, ...losses) || 1,
    e => e.validation_loss, e => e.loss));
}

function panel(runs, left, width, title, top, watched, trained) {
  const right = left + width - 22, height = 150;
  const epochs = Math.max(1, ...runs.map(
    run => (run.ending ? last(run).number : run.recipe.epochs)));
  const x = epoch => left + 32 + (width - 54) * epoch / epochs;
  const y = value => height - 20 - (height - 44) * value / top;
  const curve = (run, of, dash) =>
    line(run.epochs.map(e => [x(e.number), y(of(e))]), ink(run), dash);
  const ends = runs.map(run => ({ run, x: x(last(run).number), y: y(watched(last(run))) }));
  ends.sort((one, other) => one.y - other.y);
  let free = height - 16 - LABEL * ends.length;  // each has room below those so far, on the chart
  for (const end of ends) end.label = Math.min(end.y + 4, free += LABEL);
  free = 0;
  for (const end of ends) free = end.label = Math.max(end.label, free + LABEL);
  return [text(left, 12, title),
    ticks(top).map(value => grid_line(x(0), right, y(value))
      + text(x(0) - 5, y(value) + 4, value < 1e5 ? value : value.toExponential(), "end")),
    ticks(epochs).filter(Number.isInteger).map(
      epoch => text(x(epoch), height - 5, epoch, "middle")),
    runs.map(run => curve(run, trained, "1.5 3") + curve(run, watched)),
    ends.map(({ run, x, y, label }) => `<circle cx="${x}" cy="${y}" r="3" fill="${ink(run)}"/>`
      + text(x + 6, label, run.number, "start",
        `fill: ${ink(run)}; font-weight: 650`))].flat();
}

/* What the validation images of each digit are called. */
function confusion_matrix(run, width) {
  const counts = last(run).confusion, shares = own_share(counts), high = 19, left = 24;
  const wide = Math.min(44, (width - left) / 10), x = j => left + j * wide, y = i => 18 + i * high;
  const [best, worst] = [Math.max(...shares), Math.min(...shares)];
  const cell = (count, i, j) => {
    const share = count / (total(counts[i]) || 1);
    return `<rect x="${x(j)}" y="${y(i)}" width="${wide - 1}" height="${high - 1}" `
      + `style="--share: ${share}"/>`
      + (share < 0.005 ? "" : text(x(j + 0.5), y(i) + 14, Math.round(100 * share), "middle"));
  };
  return svg(width, 208, "Confusion matrix in %: a row is what an image shows, a column what it is "
    + `called. Digit ${shares.indexOf(best)} is read best, ${percent(best)}, and digit `
    + `${shares.indexOf(worst)} worst, ${percent(worst)}.`,
  counts.map((row, i) => [text(12, y(i) + 14, i, "middle"), text(x(i + 0.5), 12, i, "middle"),
    row.map((count, j) => cell(count, i, j)).join("")]));
}

/* Each weight matrix before training and now. */
function histograms(run, width) {
  const [before, now] = [run.epochs[0].weights, last(run).weights], wide = width / now.length;
  const density = ({ limit, counts }) => counts.map(count => count / limit / total(counts));
  const said = now.map((one, l) => `W[${l}] from ${g3(before[l].std)} to ${g3(one.std)}`);
  return svg(width, 208, "Histograms of the weights, dashed before training, solid now; their "
    + `standard deviations went, ${said.join(", ")}.`, now.map((_, l) => {
    const pair = [before[l], now[l]], limit = Math.max(...pair.map(one => one.limit));
    const left = l * wide + 1, right = (l + 1) * wide - 14, middle = (left + right) / 2;
    const x = weight => middle + (right - left) / 2 * weight / limit;
    const y = value => 188 - 148 * value / Math.max(...pair.flatMap(density));
    const stairs = one => density(one).flatMap((value, i, { length }) =>
      [i, i + 1].map(edge => [x(one.limit * (2 * edge / length - 1)), y(value)]));
    return [text(left, 12, `W[${l}], sd`),
      text(left, 28, pair.map(one => g3(one.std)).join(" → ")), grid_line(left, right, y(0)),
      line(stairs(pair[0]), "var(--hm-muted)", "4 3"), line(stairs(pair[1]), ink(run)),
      text(left, 204, `−${g3(limit)}`), text(middle, 204, 0, "middle"),
      text(right, 204, g3(limit), "end")];
  }));
}

/* The mean value of each hidden unit over the validation images. */
function hidden_means(run, width) {
  const layers = run.hidden_means.map(means => Array.from(means)), high = 186 / layers.length;
  const most = Math.max(0, ...layers.flat()) || 1;
  const [low, top] = { logistic: [0, 1], tanh: [-1, 1] }[run.recipe.hidden] ?? [0, most];
  const x = value => 62 + (width - 82) * (value - low) / (top - low);
  const bar = (mean, l) =>
    line([[x(mean), l * high + 8], [x(mean), (l + 1) * high - 8]], "currentColor");
  const said = layers.map((means, l) =>
    `layer ${l + 1} from ${g3(Math.min(...means))} to ${g3(Math.max(...means))}`);
  return svg(width, 208, "Mean values of the hidden units over the validation images: "
    + `${said.join(", ") || "there is no hidden layer"}.`,
  layers.map((means, l) => [text(0, (l + 0.5) * high + 4, `layer ${l + 1}`),
    ...means.map(mean => bar(mean, l))]),
  layers.length ? [low, (low + top) / 2, top].map(
    value => text(x(value), 204, g3(value), "middle")) : []);
}

/* The weights into the first layer's units, each as an image. */
function weights_as_images(run, width) {
  const W = run.first_weights, all = W.length / SIDE ** 2, units = Math.min(20, all);
  const columns = width < 480 ? 7 : 10, step = SIDE + 2, weight = (p, j) => W[p * all + j];
  const shown = Array.from({ length: SIDE ** 2 * units },
    (_, i) => [Math.floor(i / units), i % units]);
  const limit = shown.reduce((most, at) => Math.max(most, Math.abs(weight(...at))), 0);
  const canvas = make("canvas", { role: "img", width: columns * step,
    height: Math.ceil(20 / columns) * step, "aria-label": `Weights into each of the first ${units} `
      + "units as an image, red above zero and blue below; "
      + (limit ? `the largest is ${g3(limit)}.` : "all are 0, so nothing is to be seen.") });
  const context = canvas.getContext("2d");
  for (const [p, j] of shown) {
    context.fillStyle = weight(p, j) > 0 ? "#d6604d" : "#4393c3";
    context.globalAlpha = Math.abs(weight(p, j)) / (limit || 1);
    context.fillRect(j % columns * step + p % SIDE,
      Math.floor(j / columns) * step + Math.floor(p / SIDE), 1, 1);
  }
  return canvas;
}

const PICTURES = { "confusion matrix": confusion_matrix, weights: histograms,
  "hidden means": hidden_means, "first layer as images": weights_as_images };

// --- in a page -----------------------------------------------------------------------------------

hm.live("lab", (root, data) => {
  const defaults = settings_of(data.defaults, 0);
  let run = null, kept = [], count = 0, message = "", asked = false;

  const button = (name, click) => make("button", { type: "button", click }, name);
  const labelled = (label, id, control, ...more) => make("p", { class: `hm-lab-knob ${id}` },
    make("label", { for: id }, label), control, ...more);
  const knob = ([name, { label, options }]) => {
    const id = `hm-lab-${name}`, error = `${id}-error`, why = `${id}-help`;
    const told = { id, name, "aria-describedby": `${error} ${why}` };
    return labelled(label, id, options
      ? make("select", told, ...options.map(each => make("option", {}, each)))
      : make("input", { ...told, autocomplete: "off", autocapitalize: "off", spellcheck: "false" }),
    make("span", { class: "hm-lab-unseen", id: error }),
    make("span", { class: "hm-lab-unseen", id: why }, help_of(name)));
  };
  const story = make("select", { id: "hm-lab-story" },
    make("option", { value: "" }, "settings of your own"),
    ...data.story.map(({ label }, step) => make("option", { value: step }, label)));
  const fold = make("details", {}, make("summary", {}, "Knobs"),
    ...Object.entries(GROUPS).map(([title, knobs]) => make("fieldset", {},
      make("legend", {}, title), ...Object.entries(knobs).map(knob))));
  const start = button("Train", () => train());
  const seen = kind => make("p", { class: `hm-lab-${kind}`, "aria-hidden": "true" });
  const helps = [seen("help"), seen("help")];  // by the buttons, or below the knobs
  const status = seen("status");  // where the words may be out of sight
  const form = make("form", {}, labelled("start from", story.id, story),
    make("div", { class: "hm-lab-buttons" }, helps[0], status, start, button("Stop", () => stop()),
      button("Keep", () => keep())),
    make("div", { class: "hm-lab-knobs" }, fold, helps[1]));

  const readout = make("p", { class: "hm-lab-words" }), chart = make("div");
  const note = (...content) => make("p", { class: "hm-lab-note" }, ...content);
  const faces = make("div", { class: "hm-lab-faces", role: "img" }, ...Array.from({ length: 10 },
    (_, digit) => make("div", {}, make("b", {}, digit), make("span"))));
  const radio = (value, i) => make("label", {}, make("input",
    { type: "radio", name: "hm-lab-picture", value, checked: !i }), make("span", {}, value));
  const which = make("fieldset", { class: "hm-choice", "aria-label": "picture",
    change: () => draw() }, ...Object.keys(PICTURES).map(radio));
  const picture = make("figure"), list = make("ul"), legend = note(), whose = note();
  const view = make("div", { class: "hm-lab-view" }, readout, legend, chart, list, whose, faces,
    which, picture);

  const lines = make("pre"), copied = make("span");
  const code = make("div", { class: "hm-lab-code" },
    make("div", {}, "The same in Python: ", button("Copy", () => copy_lines()),
      button("Link to these settings", () => copy_address()), copied), lines,
    note("NumPy’s seed draws other weights and chooses other images than the same seed here, so "
      + "the digits that sleep will differ."));

  // What the knobs say

  const set = settings => {
    for (const name of Object.keys(KNOBS)) form.elements[name].value = settings[name];
    check();
  };
  /* Say what the knob at hand is, or what is wrong with it. */
  const explain = ({ target = document.activeElement } = {}) => {
    const field = target.closest?.(".hm-lab-knob")?.querySelector("select, input");
    for (const help of field ? helps : []) help.textContent = field === story ? HELP.story
      : field.nextSibling.textContent || help_of(field.name);
  };
  /* Mark the knobs that now say something else, and say which they are. */
  const mark = (before = settings()) => {
    const now = settings(), moved = Object.keys(KNOBS).filter(name => {
      const { parentNode } = form.elements[name];
      const is_new = now[name] !== before[name] && !parentNode.hidden;
      parentNode.classList.toggle("hm-lab-changed", is_new);
      return is_new;
    });
    return moved.length ? `Changed: ${moved.map(name => KNOBS[name].label).join(", ")}.`
      : "Nothing is changed by it.";
  };
  const settings = () => Object.fromEntries(Object.keys(KNOBS).map(
    name => [name, form.elements[name].value]));
  const step = i => settings_of({ ...data.defaults, ...data.story[i].recipe }, 0);
  const address = settings => `#${new URLSearchParams(Object.entries(settings).filter(
    ([name, value]) => name === "seed" || value !== defaults[name]))}`.replaceAll("%2C+", ",");

  /* Say beside each knob what is wrong with it, and below what they stand for in Python. */
  const check = () => {
    const said = settings(), { recipe, seed, errors, idle } = recipe_of(said);
    const wrong = Object.values(errors);
    for (const name of Object.keys(KNOBS)) {
      const field = form.elements[name];
      field.setAttribute("aria-invalid", name in errors);
      field.nextSibling.textContent = errors[name] ?? "";
      field.parentNode.hidden = idle[name];
    }
    explain();
    const same = i => Object.entries(step(i)).every(
      ([name, value]) => name === "seed" || idle[name] || value === said[name]);
    story.value = wrong.length ? "" : [...data.story.keys(), ""].find(i => i === "" || same(i));
    lines.textContent = wrong.join("\n") || "from handmlp import *\n\n"
      + `recipe = ${python(recipe, data.defaults)}\n`
      + `network, history = run(recipe, load_mnist(), seed=${seed})`;
    copied.textContent = "";
    draw();
    return { recipe, seed, errors };
  };

  /* An address may end in settings, as in #seed=3&units=50,50; others are of other things. */
  const read_address = () => {
    if (!location.hash.includes("=")) return;
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const unknown = Object.keys(given).find(name => !Object.hasOwn(KNOBS, name));
    const all = { ...defaults, ...given }, [wrong] = unknown === undefined
      ? Object.values(recipe_of(all).errors) : [`there is no knob '${unknown.slice(0, 40)}'`];
    set(wrong ? defaults : all);
    tell(wrong ? `The address makes no sense, so all knobs are as at first. ${wrong}.`
      : "The knobs stand as the address of this page says.");
  };

  // Buttons

  /* The recipe and the seed that the knobs say, or nothing after a word about what is wrong. */
  const sound = refusal => {
    const { errors, ...said } = check(), [bad] = Object.keys(errors);
    if (!bad) return said;
    fold.open = true;
    form.elements[bad].focus();
    tell(`${refusal} ${errors[bad]}.`);
  };
  const train = () => {
    if (run && !run.ending)
      return tell(`Run ${run.number} is training. Stop it to start another.`);
    const said = sound("Nothing was started.");
    if (!said) return;
    const { recipe, seed } = said, leaves = run?.epochs.length && !kept.includes(run);
    const news = leaves ? `Run ${run.number} was not kept and has left the chart.` : "";
    if (!kept.includes(run)) run?.item.remove();
    const mine = run = { number: ++count, recipe, seed, epochs: [], ending: "" };
    list.append(item(mine));
    tell(news);
    mine.training = hm.train(recipe, seed, {
      epoch({ hidden_means, first_weights, ...measured }) {  // of these two the latest is enough
        mine.epochs.push(measured);
        Object.assign(mine, { hidden_means, first_weights });
        draw();
      },
      end({ kind, text }) {
        mine.ending = ENDINGS[kind](text, mine);
        tell("");
      },
    });
  };
  const stop = () => (run && !run.ending ? run.training.stop() : tell("Nothing is training."));
  const keep = () => {
    if (!run?.epochs.length || kept.includes(run)) return tell("There is no new run to keep.");
    if (kept.length === MOST_KEPT)
      return tell(`${MOST_KEPT} runs are kept, and there is room for no more. Forget one.`);
    kept.push(run);
    tell(`Run ${run.number} stays on the chart.`);
  };
  const forget = one => {
    kept = kept.filter(each => each !== one);
    if (one !== run) one.item.remove();
    (list.querySelector("button") ?? start).focus();
    tell(`Run ${one.number} is forgotten.`);
  };
  /* The line of a run below the curves. */
  const item = one => {
    const { number } = one, as_it = () => {
      set(settings_of(done(one), one.seed));
      tell(`The knobs are set as for run ${number}.`);
    };
    const again = make("button", { type: "button", click: as_it,
      "aria-label": `run ${number}: set the knobs so` }, `run ${number}`);
    one.said = make("span");
    one.forget = make("button", { type: "button", click: () => forget(one),
      "aria-label": `Forget run ${number}`, hidden: true }, "Forget");
    return one.item = make("li", { hidden: true, style: `--ink: ${ink(one)}` },
      again, one.said, one.forget);
  };
  const copy = (text, done, otherwise) => {
    const say = news => hm.say(copied.textContent = news);
    (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(() => say(done),
      () => say(otherwise));
  };
  const copy_lines = () => {
    getSelection().selectAllChildren(lines);
    copy(lines.textContent, "The lines are copied.",
      "The lines are selected: copy them as you copy other text.");
  };
  const copy_address = () => {
    if (!sound("There is no address of these settings.")) return;
    const news = "The address of this page now holds these settings";
    history.replaceState(null, "", address(settings()));
    copy(location.href, `${news}, and is copied.`, `${news}.`);
  };

  // What is seen: drawn once before the next frame, however much has happened

  const all_news = () => {
    const { recipe, seed } = recipe_of(settings()), now = JSON.stringify([recipe, seed]);
    return !run || [done(run), run.recipe].some(one => JSON.stringify([one, run.seed]) === now)
      ? message
      : `${message} What follows is of run ${run.number}; the knobs say other settings.`.trim();
  };
  const size = ((hm.sizes.digits + hm.sizes.worker) / 1000).toFixed(1);
  const of_run = say => (run ? say(run)
    : `Set the knobs and press Train. The first time it loads ${size}\u00a0MB.`);
  const all_words = () => `${all_news()} ${of_run(words)}`.trim();
  const tell = news => {
    message = news;
    draw();
    hm.say(all_words());
  };
  const draw = () => {
    if (!asked) requestAnimationFrame(redraw);
    asked = true;
  };
  const redraw = () => {
    asked = false;
    const runs = [...new Set([...kept, run])].filter(each => each?.epochs.length);
    readout.replaceChildren(make("b", {}, all_news()), " ", of_run(words));
    status.textContent = `${all_news()} ${run ? in_short(run) : ""}`.trim();
    chart.replaceChildren(curves(runs, view.clientWidth));
    legend.textContent = "Solid: validation; dotted: training; number: run."
      + (one_loss(runs) ? "" : " These runs measure their loss in different ways: "
        + "do not compare its heights.");
    const apart = differences(runs);
    runs.forEach((each, i) => {
      const is_kept = kept.includes(each);
      each.said.textContent = percent(last(each).validation_accuracy)
        + (is_kept ? "" : ", not kept yet") + (runs.length < 2 ? "" : `: ${apart[i] || "as all"}`);
      each.forget.hidden = !is_kept;
      each.item.hidden = false;
    });
    whose.textContent = `Each digit read right${run ? ` by run ${run.number}` : ""}, in %. `
      + "Lying down, z: asleep.";
    draw_faces(run?.epochs.length ? own_share(last(run).confusion) : Array(10));
    if (!run?.epochs.length) return picture.replaceChildren();
    const drawn = PICTURES[which.querySelector(":checked").value](run, view.clientWidth);
    picture.replaceChildren(drawn,
      make("figcaption", { "aria-hidden": "true" }, drawn.getAttribute("aria-label")));
  };
  const draw_faces = shares => {
    const said = Array.from(faces.children, (face, digit) => {
      const share = shares[digit], asleep = is_asleep(share);
      face.classList.toggle("hm-lab-asleep", asleep);
      face.lastChild.textContent = share === undefined ? "–" : Math.round(100 * share);
      return `${digit}, ${share === undefined ? "not yet" : percent(share)}`
        + (asleep ? ", asleep" : "");
    });
    faces.setAttribute("aria-label", `Digits read right: ${said.join("; ")}`);
  };

  form.addEventListener("change", ({ target }) => {
    const before = target === story && story.value ? settings() : undefined;
    message = "";
    if (before) set({ ...step(story.value), seed: before.seed });
    else check();
    const moved = mark(before);
    if (before) tell(moved);
  });
  form.addEventListener("input", ({ target }) => {  // what is mended, not what is half typed
    if (target.ariaInvalid === "true") {
      message = "";
      check();
    }
  });
  for (const event of ["focusin", "pointerover"]) form.addEventListener(event, explain);
  addEventListener("hashchange", read_address);
  new ResizeObserver(draw).observe(view);
  const wide = matchMedia("(min-width: 1100px)"), unfold = () => (fold.open = wide.matches);
  wide.addEventListener("change", unfold);
  unfold();
  root.className = "hm-lab full-width";  // the theme then makes room
  root.append(form, view, code);
  for (const help of helps) help.textContent = "Choose a knob, and here stands what it is.";
  set(defaults);
  read_address();
});
}
