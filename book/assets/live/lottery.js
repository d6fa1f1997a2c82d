/* The lottery of 2015: train a seed, and watch which digits the network learns to read and which
   fall asleep. Then change one thing, and train it again from the same seed. */
"use strict";

hm.live("lottery", (root, { recorded, recipes }) => {
  const { make, say, the } = hm;
  const digits = [...Array(10).keys()];
  const LARGEST = 2 ** 32 - 1, ROWS = 4;  // of dots; what finds no free row lies over another
  const runs = [];                        // that were finished: { seed, key, accuracy, asleep }
  let training = null, current = "", loaded = false;

  const percent = share => `${Math.round(100 * share)}\u00a0%`;
  const sleepers = asleep => (asleep.length
    ? `Asleep: ${the(asleep)}.` : "No digit is asleep.");

  // --- the faces

  const faces = digits.map(digit => {
    const picture = make("span", { class: "picture" }, String(digit));
    const share = make("span", { class: "share" }), state = make("span", { class: "state" });
    const level = make("span", { class: "level" });
    const tile = make("span", { class: "tile", "aria-hidden": "true" }, level, picture);
    const item = make("li", { "aria-label": `digit ${digit}` }, tile, share, state);
    return { digit, item, picture, share, state, level };
  });

  const load_pictures = ({ validation: { images, labels } }) => faces.forEach(face => {
    const canvas = make("canvas", { width: 28, height: 28 }), context = canvas.getContext("2d");
    const ink = context.createImageData(28, 28), first = labels.indexOf(face.digit) * 784;
    for (let p = 0; p < 784; p++) ink.data[4 * p + 3] = images[first + p];
    context.putImageData(ink, 0, 0);
    face.picture.replaceChildren(canvas);
  });

  /* Show how much of each digit is read right, and return those asleep: fewer than one in ten. An
     untrained network has not fallen asleep. */
  const show = ({ number, confusion }) => faces.filter(face => {
    const counts = confusion[face.digit], own = counts[face.digit];
    const share = own / counts.reduce((total, count) => total + count, 0);
    const asleep = number > 0 && share < 0.1;
    face.item.classList.toggle("asleep", asleep);
    face.level.style.height = `${100 * share}%`;
    face.share.textContent = percent(share);
    face.state.textContent = asleep ? "asleep" : "";
    return asleep;
  }).map(face => face.digit);

  // --- the strip: where the recorded runs ended, and the reader's

  const own = make("div", { class: "own" }), record = make("div", { class: "record" });
  const ticks = [[0, "0"], [50, "50"], [100, "100\u00a0% read right"]].map(([x, text]) => {
    const tick = make("span", { class: "tick" }, text);
    tick.style.left = `${x}%`;
    return tick;
  });
  const strip = make("div", { class: "strip", role: "img" }, make("span", {}, "your runs"),
    make("span", {}, `${recorded.length} recorded runs`), ...ticks, own, record);

  /* Put a dot where there is room for it, row by row away from the line. */
  const dot = (lane, accuracy, apart, ...inside) => {
    const [x, others] = [100 * accuracy, [...lane.children]];
    const free = row => others.every(({ dataset }) =>
      Number(dataset.row) !== row || Math.abs(dataset.x - x) >= apart);
    const rows = [...Array(ROWS).keys()];
    const row = rows.find(free) ?? others.length % ROWS;
    const placed = make("span", { "data-x": x, "data-row": row }, ...inside);
    placed.style.left = `${x}%`;
    placed.style.setProperty("--row", row);
    lane.append(placed);
    return placed;
  };
  const name_strip = () => {
    const ends = runs.map(({ seed, key, accuracy }, i) =>
      `${i + 1}: seed ${seed}, ${recipes[key].label}, ${percent(accuracy)}`);
    strip.setAttribute("aria-label", `Digits read right at the end, from 0 to 100\u00a0%. `
      + `${recorded.length} recorded runs: ${percent(Math.min(...recorded) / 100)} to `
      + `${percent(Math.max(...recorded) / 100)}. Yours: ${ends.join("; ") || "none yet"}.`);
  };

  // --- the controls

  const [baseline] = Object.keys(recipes);
  const field = make("input", { inputmode: "numeric", maxlength: 10, autocomplete: "off" });
  const draw = make("button", { type: "button", class: "draw", click: event => {
    if (event.detail > 1) return;  // a double click starts a run and does not stop it
    if (training) return training.stop();
    field.value = Math.floor(1000 * Math.random());
    start();
  } });
  const again = make("button", { type: "submit" }, "Train this seed");
  const form = make("form", { class: "controls", submit: event => {
    event.preventDefault();
    start();
  } }, draw, make("span", {}, make("label", {}, "Seed", field), again));

  const choices = Object.entries(recipes).map(([key, { label, gloss }], i) => {
    const radio = make("input", { type: "radio", name: "hm-lottery-recipe", value: key,
      change: () => start() });
    radio.checked = key === baseline;
    const mark = make("span", { "aria-hidden": "true" }, "●○■□"[i] ?? "");  // as on the strip
    return make("label", {}, radio, mark,
      make("span", {}, `${label}: `, make("span", { class: "gloss" }, gloss)));
  });
  const changes = make("fieldset", { disabled: true },
    make("legend", {}, "After a run, change one thing: the same seed is trained again at once"), ...choices);
  const chosen = () => changes.querySelector(":checked").value;

  const words = make("p", { class: "words" });
  const tell = text => (words.textContent = text);
  const settle = () => {
    const size = loaded ? "" : ` (loads ${(hm.sizes.digits / 1000).toFixed(1)}\u00a0MB once)`;
    draw.textContent = training ? "Stop" : `Train a new seed${size}`;
  };

  // --- a run

  /* The seed in the field, or null after a word about it. */
  const seed_of = text => {
    const seed = /^\d+$/.test(text) ? Number(text) : NaN, good = seed <= LARGEST;
    field.setAttribute("aria-invalid", String(!good));
    if (good) return seed;
    const problem = `A seed is a whole number from 0 to ${LARGEST.toLocaleString("en")}, `
      + `not \u201c${text}\u201d.`;
    tell(problem);
    say(problem);
    field.focus();
    return null;
  };

  const start = () => {
    const seed = seed_of(field.value.trim()), key = chosen(), { recipe, label } = recipes[key];
    if (seed === null) return;
    const left = training ? `${current} is broken off. ` : "";
    training?.stop();
    const name = current = `Seed ${seed}, ${label}`;
    let last = null, asleep = [];
    const endings = {
      finished: () => {
        const before = key !== baseline
          && runs.findLast(run => run.seed === seed && run.key === baseline);
        const told = `${name}: after ${last.number} epochs ${percent(last.validation_accuracy)} `
          + `are read right. ${sleepers(asleep)}`;
        runs.push({ seed, key, asleep, accuracy: last.validation_accuracy });
        const placed = dot(own, last.validation_accuracy, 2400 / own.clientWidth, runs.length);
        placed.className = `kind-${Object.keys(recipes).indexOf(key)}`;
        name_strip();
        changes.disabled = false;
        return before ? `${told} The same seed ${recipes[before.key].label}: `
          + `${percent(before.accuracy)}. ${sleepers(before.asleep)}` : told;
      },
      stopped: () => `${name}: stopped ${last ? `after epoch ${last.number}, `
        + `${percent(last.validation_accuracy)} read right` : "before it began"}.`,
      diverged: text => `${name}: the numbers grew beyond all bounds. ${text}`,
      failed: text => `Nothing was trained: ${text}. Press again to try once more.`,
    };
    tell(left + (loaded ? `${name}: drawing the first weights.` : "Loading the digits."));
    if (left) say(`${left}${name} is trained.`);
    training = hm.train(recipe, seed, {
      epoch: e => {
        [last, asleep] = [e, show(e)];
        tell(`${left}${name}, ${e.number ? `epoch ${e.number}` : "before it learns"}: `
          + `${percent(e.validation_accuracy)} are read right.`);
      },
      end: ({ kind, text }) => {
        training = null;
        settle();
        const told = endings[kind](text);
        tell(told);
        say(told);
      },
    });
    settle();
    if (!loaded) hm.digits().then(data => {
      loaded = true;
      load_pictures(data);
    }, () => {});  // the run tells of it
  };

  root.className = "hm-lottery";
  root.append(form, words, make("ol", { class: "faces", role: "list", "aria-label":
    "How much of each digit is read right" }, ...faces.map(face => face.item)), changes, strip);
  field.value = Math.floor(1000 * Math.random());
  recorded.forEach(accuracy => dot(record, accuracy / 100, 1.7));
  tell("The network has not been trained yet. Which digits will it learn to read?");
  name_strip();
  settle();
});
