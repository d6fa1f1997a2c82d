/* The network once more, in plain JavaScript, for the page to train by itself. Read it beside
   handmlp/network.py, training.py, activations.py and outputs.py: the same names, the same steps.

   x, a, z and δ are Float32Arrays with one row for each of n examples, one row after the other.
   W[l] has fan-in rows. Sums are worked out in double precision and kept in single. */
"use strict";

const activations = {
  logistic: { f: z => 1 / (1 + Math.exp(-z)), slope: a => a * (1 - a) },
  tanh: { f: Math.tanh, slope: a => 1 - a * a },
  relu: { f: z => Math.max(z, 0), slope: a => (a > 0 ? 1 : 0) },
};

/* Of one row: the answers ŷ of its sums z, then the loss and its slope in z. */
const logistics = z => z.map(activations.logistic.f);
const softmax = z => {
  const largest = Math.max(...z), e = z.map(each => Math.exp(each - largest));
  const total = sum(e);
  return e.map(each => each / total);                          // ŷ = eᶻ / Σ eᶻ
};
const sum = row => row.reduce((total, each) => total + each, 0);
const squared = (y, t) => sum(y.map((each, k) => (each - t[k]) ** 2)) / 2;
const error = (y, t) => y.map((each, k) => each - t[k]);
const row = (rows, i, width) => Array.from(rows.subarray(i * width, (i + 1) * width));

const outputs = {
  logistic_squared_error: {
    loss: (z, t) => squared(logistics(z), t),
    delta: (z, t) => logistics(z).map(                           // (ŷ - t) ŷ (1 - ŷ)
      (y, k) => (y - t[k]) * y * (1 - y)),
  },
  logistic_cross_entropy: {
    loss: (z, t) => sum(z.map(                                   // log(1 + eᶻ) - z t
      (s, k) => Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s))) - s * t[k])),
    delta: (z, t) => error(logistics(z), t),                     // ŷ - t
  },
  softmax_cross_entropy: {
    loss: (z, t) => {
      const largest = Math.max(...z), below = z.map(s => s - largest);
      return Math.log(sum(below.map(Math.exp))) - sum(below.map((s, k) => s * t[k]));
    },
    delta: (z, t) => error(softmax(z), t),                       // ŷ - t
  },
  softmax_squared_error: {
    loss: (z, t) => squared(softmax(z), t),
    delta: (z, t) => {
      const y = softmax(z), e = error(y, t), mean = sum(y.map((each, k) => each * e[k]));
      return y.map((each, k) => each * (e[k] - mean));           // ŷ (e - Σ ŷ e)
    },
  },
};

/* All weights and biases in one flat array; W[l] and b[l] are views into it. */
class Parameters {
  constructor(sizes, flat) {
    this.sizes = sizes;
    const count = sizes.slice(1).reduce((total, units, l) => total + (sizes[l] + 1) * units, 0);
    this.flat = flat || new Float32Array(count);
    if (this.flat.length !== count)
      throw new RangeError(`flat must hold ${count} numbers, got ${this.flat.length}`);
    this.W = [], this.b = [];
    for (let l = 0, start = 0; l < sizes.length - 1; l++) {
      const middle = start + sizes[l] * sizes[l + 1], end = middle + sizes[l + 1];
      this.W.push(this.flat.subarray(start, middle));
      this.b.push(this.flat.subarray(middle, end));
      start = end;
    }
  }

  like() { return new Parameters(this.sizes); }
}

class Network {
  constructor(parameters, hidden, output) {
    this.parameters = parameters;
    this.hidden = activations[hidden];
    this.output = outputs[output];
  }

  /* The values of every layer: [x, a[1], …, z]. */
  forward(x, n) {
    const { sizes, W, b } = this.parameters, a = [x];
    for (let l = 0; l < W.length; l++) {
      const [fan_in, units] = [sizes[l], sizes[l + 1]], w = W[l];
      const z = new Float32Array(n * units), sums = new Float64Array(units);
      for (let i = 0; i < n; i++) {
        sums.set(b[l]);                                    // z = b
        for (let p = 0; p < fan_in; p++) {                 //     + a W
          const value = a[l][i * fan_in + p], start = p * units;
          if (value === 0) continue;  // most pixels are black
          for (let j = 0; j < units; j++) sums[j] += value * w[start + j];
        }
        z.set(sums, i * units);
      }
      a.push(l === W.length - 1 ? z : z.map(this.hidden.f));  // a = f(z)
    }
    return a;
  }

  /* The deltas of every layer, first layer first: slopes of the mean loss. */
  deltas(a, t, n) {
    const { sizes, W } = this.parameters, last = W.length - 1;
    const classes = sizes[last + 1], all = [new Float32Array(n * classes)];
    for (let i = 0; i < n; i++) {
      const [z, targets] = [row(a[last + 1], i, classes), row(t, i, classes)];
      const delta = this.output.delta(z, targets);         // δ of the outputs
      all[0].set(delta.map(each => each / n), i * classes);  // a mean over n
    }
    for (let l = last; l > 0; l--) {
      const [units, next, w, delta] = [sizes[l], sizes[l + 1], W[l], all[0]];
      const before = new Float32Array(n * units);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < units; j++) {
          let pull = 0;                                    // δ ← δ Wᵀ
          for (let k = 0; k < next; k++)
            pull += delta[i * next + k] * w[j * next + k];
          const slope = this.hidden.slope(a[l][i * units + j]);
          before[i * units + j] = pull * slope;            //       ∘ f′(z)
        }
      all.unshift(before);
    }
    return all;
  }

  /* Add `factor` times the gradient to `out`, in place. */
  backward(a, t, n, out, factor = 1) {
    this.deltas(a, t, n).forEach((delta, l) => {
      const [fan_in, units] = [out.sizes[l], out.sizes[l + 1]];
      const [w, b] = [out.W[l], out.b[l]];
      for (let i = 0; i < n; i++) {
        const of_image = delta.subarray(i * units, (i + 1) * units);
        for (let p = 0; p < fan_in; p++) {                 // ∂L/∂W = aᵀ δ
          const value = factor * a[l][i * fan_in + p], start = p * units;
          if (value === 0) continue;
          for (let j = 0; j < units; j++) w[start + j] += value * of_image[j];
        }
        for (let j = 0; j < units; j++) b[j] += factor * of_image[j];  // = Σ δ
      }
    });
    return out;
  }

  /* The class with the largest sum, of each example. */
  answers(x, n) {
    const z = this.forward(x, n).pop(), classes = z.length / n;
    return Array.from({ length: n }, (_, i) => {
      const sums = row(z, i, classes);
      return sums.indexOf(Math.max(...sums));
    });
  }

  /* The mean loss. */
  loss(x, t, n) {
    const z = this.forward(x, n).pop(), classes = z.length / n;
    return sum(Array.from({ length: n }, (_, i) =>
      this.output.loss(row(z, i, classes), row(t, i, classes)))) / n;
  }
}

/* One step of gradient descent on a minibatch, in place; `decay` is λ of each
   weight matrix. */
function sgd_step(network, x, t, n, velocity, rate, momentum = 0, decay = []) {
  const [w, v, a] = [network.parameters, velocity, network.forward(x, n)];
  if (!momentum && !decay.some(Boolean)) {
    network.backward(a, t, n, w, -rate);           // w ← w - η ∂L/∂w
    return;
  }
  for (let i = 0; i < v.flat.length; i++) v.flat[i] *= momentum;  // μ v
  network.backward(a, t, n, v, -rate);             // - η ∂L/∂w
  decay.forEach((strength, l) => {                 // - η λ W
    for (let i = 0; i < v.W[l].length; i++)
      v.W[l][i] -= rate * strength * w.W[l][i];
  });
  for (let i = 0; i < w.flat.length; i++) w.flat[i] += v.flat[i];  // w + v
}

if (typeof module !== "undefined")
  module.exports = { activations, outputs, Parameters, Network, sgd_step };
