/* A run in plain JavaScript: a recipe, data and a seed train a network. A page's worker runs this
   after network.js. Read it beside handmlp/recipe.py, initialisers.py, inputs.py, orders.py,
   measures.py and runs.py: the same names, the same steps.

   Choices are named as handmlp prints them: "fan_in", "runs_of(100)". The random numbers are not
   NumPy's, so a seed draws other weights here than there. */
"use strict";

const CLASSES = 10;
const SAMPLE = 1000;  // of the rows trained on, so many are measured after an epoch, or a few more
const BINS = 41;
const LEAST = 1;      // grey level: what varies by less than one is hardly there

const range = n => Array.from({ length: n }, (_, i) => i);
const mean_of_all = values => sum(values) / values.length;
const whole = least => value => Number.isInteger(value) && value >= least;

/* The standard deviation of first weights, given the fan-in. */
const initialisers = {
  unit_normal: () => 1,
  fan_in: fan_in => 1 / Math.sqrt(fan_in),
  he: fan_in => Math.sqrt(2 / fan_in),
  normal: size => size >= 0 && (() => size),
  fan_in_times: factor => factor >= 0 && (fan_in => factor / Math.sqrt(fan_in)),
};

/* From pixels to inputs: shift and scale of x = (pixel - shift) / scale, numbers or one of each per
   pixel, given the moments of the rows trained on. */
const inputs = {
  unit_range: () => [0, 255],
  inverted: () => [255, -255],
  centred: ({ mean }) => [mean, 255],
  centred_each: ({ means }) => [means, 255],
  mean_of: wanted => ({ mean, std }) => [mean - wanted * std, std],
  zero_mean: ({ mean, std }) => [mean, std],
  zero_mean_each: ({ means, variances }) => [means, Math.sqrt(mean_of_all(variances)) || 1],
  zero_mean_per_pixel: ({ means, variances }) => [means, variances.map(
    variance => (variance > 0 ? Math.max(Math.sqrt(variance), LEAST) : Infinity))],
};

/* An order yields row numbers for each epoch, for ever. */
const orders = {
  file_order: function* (labels) {
    while (true) yield range(labels.length);
  },
  shuffled_once: function* (labels, random) {
    const rows = random.permutation(labels.length);
    while (true) yield rows;
  },
  shuffled: function* (labels, random) {
    while (true) yield random.permutation(labels.length);
  },
  sorted_by_class: function* (labels) {
    while (true) yield range(labels.length).sort((i, j) => labels[i] - labels[j]);
  },
  runs_of: length => whole(1)(length) && function* (labels, random) {
    while (true) {
      const shuffled = random.permutation(labels.length), runs = [];
      for (const label of range(CLASSES)) {
        const rows = shuffled.filter(i => labels[i] === label);
        for (let i = 0; i < rows.length; i += length) runs.push(rows.slice(i, i + length));
      }
      yield random.permutation(runs.length).flatMap(i => runs[i]);
    }
  },
};

/* The choice of a table that a text names, such as "runs_of(100)", or undefined. */
const WITH_NUMBER = ["normal", "fan_in_times", "mean_of", "runs_of"];
function named(table, text) {
  const [, name, told] = /^(\w+)(?:\((.+)\))?$/.exec(text) ?? [], number = Number(told);
  if (!Object.hasOwn(table, name)) return undefined;
  if (!WITH_NUMBER.includes(name)) return told === undefined ? table[name] : undefined;
  return Number.isFinite(number) ? table[name](number) || undefined : undefined;
}
const rule = choice =>
  named(initialisers, Number.isFinite(choice) ? `fan_in_times(${choice})` : choice);

/* What a recipe may say of each choice, and whether it holds; what it does not say is as in 2015. A
   number as `init` stands for fan_in_times. */
const each = holds => value => (Array.isArray(value) ? value : [value]).every(holds);
const one_of = table => [`one of ${Object.keys(table).join(", ")}`, value => named(table, value)];
const number = (expected, holds) => [expected, value => Number.isFinite(value) && holds(value)];
const RANGES = {
  units: ["an array with the size of each hidden layer",
    value => Array.isArray(value) && value.every(whole(1))],
  hidden: one_of(activations),
  output: one_of(outputs),
  init: [`a number, or ${one_of(initialisers)[0]}, or an array of them`, each(rule)],
  inputs: one_of(inputs),
  order: one_of(orders),
  learning_rate: number("a positive number", value => value > 0),
  batch_size: ["a whole number from 1", whole(1)],
  epochs: ["a whole number from 0", whole(0)],
  momentum: number("a number in [0, 1)", value => value >= 0 && value < 1),
  weight_decay: ["a number of at least 0, or an array of them",
    each(value => Number.isFinite(value) && value >= 0)],
  images: ["a whole number from 1", whole(1)],
  wrong_labels: number("a share in [0, 1]", value => value >= 0 && value <= 1),
};
const BASELINE = {
  units: [100], hidden: "logistic", output: "logistic_squared_error", init: "unit_normal",
  inputs: "unit_range", order: "file_order", learning_rate: 3, batch_size: 10, epochs: 10,
  momentum: 0, weight_decay: 0, images: 5000, wrong_labels: 0,
};

/* A whole recipe, checked, with one rule and one λ for each weight matrix. */
function Recipe(choices) {
  const recipe = { ...BASELINE, ...choices };
  for (const [name, value] of Object.entries(recipe)) {
    if (!RANGES[name]) throw new RangeError(`a recipe has no ${name}`);
    const [expected, holds] = RANGES[name];
    if (!holds(value)) throw new RangeError(`${name} must be ${expected}, got ${told(value)}`);
  }
  for (const name of ["init", "weight_decay"]) {
    const value = recipe[name], layers = recipe.units.length + 1;
    recipe[name] = Array.isArray(value) ? value : Array(layers).fill(value);
    if (recipe[name].length !== layers)
      throw new RangeError(`${name} must be one for each of the ${layers} weight matrices, `
        + `got ${told(value)}`);
  }
  return recipe;
}
const told = value => (typeof value === "number" ? String(value) : JSON.stringify(value));

/* Random numbers from a seed, by sfc32 of PractRand; each stream of a seed is one of its own. */
class Random {
  constructor(seed, stream) {
    this.state = [0, seed, stream, 1];
    for (let i = 0; i < 12; i++) this.uniform();  // until no bit shows the seed
  }

  /* A number in [0, 1). */
  uniform() {
    const [a, b, c, count] = this.state, bits = (a + b + count) | 0;
    this.state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + bits) | 0,
      (count + 1) | 0];
    return (bits >>> 0) / 2 ** 32;
  }

  /* A standard normal number, of two uniform ones (Box and Muller 1958). */
  normal() {
    const [u, v] = [1 - this.uniform(), this.uniform()];
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  }

  below(n) { return Math.floor(n * this.uniform()); }

  permutation(n) {
    const rows = range(n);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [rows[i], rows[j]] = [rows[j], rows[i]];
    }
    return rows;
  }
}

/* Three streams: for the weights, the order, and the sample of the images. */
function streams(seed) {
  if (!(whole(0)(seed) && seed < 2 ** 32))
    throw new RangeError(`seed must be a whole number from 0 to ${2 ** 32 - 1}, got ${told(seed)}`);
  return range(3).map(stream => new Random(seed, stream));
}

/* The images that a recipe learns from and is watched on. A part has pixels, a byte each, row after
   row, and labels. */
function sample(recipe, data, random) {
  const { images, labels } = data.train, n = labels.length, pixels = images.length / n;
  if (recipe.images > n)
    throw new RangeError(`images must be at most ${n}, as many as there are, got ${recipe.images}`);
  const rows = random.permutation(n).slice(0, recipe.images).sort((i, j) => i - j);
  const train = { images: take(images, rows, pixels), labels: take(labels, rows, 1) };
  const wrong = Math.round(recipe.wrong_labels * rows.length);
  for (const i of random.permutation(rows.length).slice(0, wrong))
    train.labels[i] = (train.labels[i] + 1 + random.below(CLASSES - 1)) % CLASSES;
  return { ...data, train };
}
const take = (array, rows, width, out = new array.constructor(rows.length * width)) => {
  rows.forEach((i, at) => out.set(array.subarray(i * width, (i + 1) * width), at * width));
  return out;
};

/* Mean and variance of each pixel, and mean and standard deviation over all. */
function moments({ images, labels }) {
  const n = labels.length, pixels = images.length / n;
  const of_each = value => Float64Array.from(range(pixels), p => {
    let total = 0;
    for (let i = p; i < images.length; i += pixels) total += value(images[i], p);
    return total / n;
  });
  const means = of_each(pixel => pixel), mean = mean_of_all(means);
  const variances = of_each((pixel, p) => (pixel - means[p]) ** 2);
  const variance = mean_of_all(variances) + mean_of_all(means.map(m => (m - mean) ** 2));
  return { means, variances, mean, std: Math.sqrt(variance) || 1 };
}

/* The untrained network of a recipe, with its scaling of the pixels as `inputs`. */
function draw(recipe, data, random) {
  const { images, labels } = data.train, pixels = images.length / labels.length;
  const parameters = new Parameters([pixels, ...recipe.units, CLASSES]);
  const network = new Network(parameters, recipe.hidden, recipe.output);
  parameters.W.forEach((W, l) => {
    const std = rule(recipe.init[l])(parameters.sizes[l]);
    for (let i = 0; i < W.length; i++) W[i] = std * random.normal();
  });
  const [shift, scale] = named(inputs, recipe.inputs)(moments(data.train)).map(
    value => (value.length ? value : new Float64Array(pixels).fill(value)));
  network.inputs = rows => {
    const x = new Float32Array(rows.length);
    for (let i = 0; i < x.length; i++) x[i] = (rows[i] - shift[i % pixels]) / scale[i % pixels];
    return x;
  };
  return network;
}

class WeightStatistics {
  constructor(W) {
    this.mean = mean_of_all(W);
    this.std = Math.sqrt(W.reduce((total, w) => total + (w - this.mean) ** 2, 0) / W.length);
    this.limit = W.reduce((most, w) => Math.max(most, Math.abs(w)), 0) || 1;
    this.counts = Array(BINS).fill(0);
    for (const w of W)
      this.counts[Math.min(Math.floor((w / this.limit + 1) / 2 * BINS), BINS - 1)]++;
  }
}

const one_hot = labels => {
  const t = new Float32Array(labels.length * CLASSES);
  labels.forEach((label, i) => (t[i * CLASSES + label] = 1));
  return t;
};
const accuracy = confusion => sum(confusion.map((counts, i) => counts[i])) / sum(confusion.flat());

/* The mean loss of examples, the confusion matrix, and the mean value of each hidden unit. */
function evaluate(network, { x, labels }) {
  const n = labels.length, a = network.forward(x, n), z = a.at(-1);
  const t = one_hot(labels), confusion = range(CLASSES).map(() => Array(CLASSES).fill(0));
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const sums = row(z, i, CLASSES);
    loss += network.output.loss(sums, row(t, i, CLASSES)) / n;
    confusion[labels[i]][sums.indexOf(Math.max(...sums))]++;
  }
  const hidden_means = a.slice(1, -1).map(layer => {
    const units = layer.length / n, totals = Array(units).fill(0);
    layer.forEach((value, i) => (totals[i % units] += value / n));
    return totals;
  });
  return { loss, confusion, hidden_means };
}

/* What is measured after an epoch; epoch 0 is the untrained network. `loss` and `train_accuracy`
   are of an evenly spaced sample. */
function measure(network, few, validation, number) {
  const { W, flat } = network.parameters, seen = evaluate(network, few);
  const { loss: validation_loss, confusion, hidden_means } = evaluate(network, validation);
  if (!Number.isFinite(seen.loss + validation_loss) || !flat.every(Number.isFinite)) return null;
  return { number, loss: seen.loss, train_accuracy: accuracy(seen.confusion), validation_loss,
    validation_accuracy: accuracy(confusion), confusion, hidden_means,
    weights: W.map(matrix => new WeightStatistics(matrix)), first_weights: W[0].slice() };
}

class Diverged extends Error {
  constructor(epoch, step, rate) {
    super(`loss is not finite in epoch ${epoch}, step ${step}: try a smaller learning_rate `
      + `(now ${rate}) or smaller first weights`);
  }
}

/* One step for each minibatch; the number of a step that was not finite, or nothing. */
function train_epoch(network, x, t, rows, velocity, recipe) {
  const { batch_size, learning_rate, momentum, weight_decay } = recipe;
  const pixels = network.parameters.sizes[0], most = Math.min(batch_size, rows.length);
  const [few, targets] = [pixels, CLASSES].map(width => new Float32Array(most * width));
  for (let start = 0, step = 1; start < rows.length; start += batch_size, step++) {
    const batch = rows.slice(start, start + batch_size);
    sgd_step(network, take(x, batch, pixels, few), take(t, batch, CLASSES, targets), batch.length,
      velocity, learning_rate, momentum, weight_decay);
    if (!network.parameters.b.at(-1).every(Number.isFinite)) return step;
  }
  return undefined;
}

/* Train in place, yielding what is measured before the first and after every epoch. */
function* train(network, data, recipe, random) {
  const { images, labels } = data.train, x = network.inputs(images), t = one_hot(labels);
  const velocity = network.parameters.like();
  const order = named(orders, recipe.order)(labels, random);
  const apart = Math.max(1, Math.floor(labels.length / SAMPLE));
  const sampled = range(labels.length).filter(i => i % apart === 0);
  const few = { labels: take(labels, sampled, 1), x: take(x, sampled, x.length / labels.length) };
  const validation = { ...data.validation, x: network.inputs(data.validation.images) };
  for (let number = 0; number <= recipe.epochs; number++) {
    const rows = number > 0 ? order.next().value : [];
    const failed = train_epoch(network, x, t, rows, velocity, recipe);
    const epoch = failed ? null : measure(network, few, validation, number);
    if (!epoch && number === 0)
      throw new RangeError("the loss is not finite before the first step: init is too large");
    if (!epoch)
      throw new Diverged(number, failed ?? Math.ceil(rows.length / recipe.batch_size),
        recipe.learning_rate);
    yield epoch;
  }
}

/* A run: what is measured after each epoch of a network drawn and trained by a recipe. */
function* run(choices, data, seed) {
  const recipe = Recipe(choices), [for_weights, for_order, for_sample] = streams(seed);
  data = sample(recipe, data, for_sample);
  yield* train(draw(recipe, data, for_weights), data, recipe, for_order);
}

/* In a worker: a message starts the run. To stop it, the page ends the worker. */
if (typeof WorkerGlobalScope !== "undefined")
  onmessage = ({ data: { recipe, data, seed } }) => {
    try {
      for (const epoch of run(recipe, data, seed)) postMessage({ epoch });
      postMessage({ end: { kind: "finished", text: "" } });
    } catch (error) {
      const kind = error instanceof Diverged ? "diverged" : "failed";
      postMessage({ end: { kind, text: error.message } });
    }
  };
