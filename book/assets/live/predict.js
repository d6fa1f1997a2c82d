/* Predictions: the page takes a guess, keeps it in the reader's browser alone, and lays the answer
   over it when the reader asks. Places with one id share one guess; a place without a truth only
   takes it. */
"use strict";

hm.live("predict", (root, data) => {
  const { unit = "", truth } = data, difference = data.difference ?? unit;
  const with_unit = (value, name = unit) => (name ? `${value}\u00a0${name}` : String(value));

  const number_of_pieces = document.querySelectorAll(".hm-predict").length;

  // --- three kinds of guess: what it starts as, whether it is one, its parts, what to say -------

  const kinds = {
    /* One number, on a slider that stands nowhere until it is touched. */
    number() {
      const { low, high, step } = data, decimals = String(step).split(".")[1]?.length ?? 0;
      const text = value => value.toFixed(decimals).replace("-", "−");
      const at = value => 100 * (value - low) / (high - low);
      const take = () => change(+slider.value);
      const slider = hm.make("input", { type: "range", min: low, max: high, step, input: take,
                                        click: take, id: `predict-${number_of_pieces}` });
      const shown = hm.make("output"), flag = hm.make("div", { class: "flag" });
      const scale = hm.make("div", { class: "scale", "aria-hidden": "true" },
        hm.make("span", {}, with_unit(text(low))), hm.make("span", {}, with_unit(text(high))));
      return {
        start: null,
        fits: guess => typeof guess === "number" && guess >= low && guess <= high,
        parts: [hm.make("div", { class: "hm-slider" },
                        hm.make("label", { for: slider.id }, "Your guess"), shown, flag, slider),
                scale],
        missing: guess => (guess === null ? "Make a guess first: move the slider." : ""),
        draw(guess, open) {
          slider.value = guess ?? (low + high) / 2;
          slider.classList.toggle("untouched", guess === null);
          const said = guess === null ? "none yet" : with_unit(text(guess));
          shown.textContent = said;
          slider.setAttribute("aria-valuetext", said);
          flag.replaceChildren();
          if (!open) return "";
          const share = at(truth);
          flag.append(hm.make("b", { style: `left: ${share}%; translate: -${share}%` },
                              with_unit(text(truth))),
                      hm.make("i", { style: `left: ${share}%` }));
          const off = truth - guess, far = with_unit(text(Math.abs(off)), difference);
          return `You said ${said}. It is ${with_unit(text(truth))}`
            + (Math.abs(off) <= step / 2 ? ": no guess could be nearer."
                                         : `, ${far} ${off > 0 ? "higher" : "lower"}.`);
        },
      };
    },

    /* Twenty dots on a line that is cut into bins. */
    dots() {
      const DOTS = 20, { low, high, width } = data, bins = Math.round((high - low) / width);
      const count = list => list.reduce((total, each) => total + each, 0);
      const add = (bin, more) => {
        if (more > 0 && count(guess) === DOTS) return say("All twenty are placed. Take one away.");
        change(guess.map((each, i) => (i === bin ? Math.max(0, each + more) : each)));
      };
      const columns = Array.from({ length: bins }, (_, bin) => {
        const slots = Array.from({ length: DOTS }, () => hm.make("span"));
        const from = low + bin * width, range = `${from} to ${with_unit(from + width)}`;
        const button = (name, act, ...children) =>
          hm.make("button", { type: "button", class: name, click: act }, ...children);
        const more = button("column", () => add(bin, 1), ...slots);
        const fewer = button("fewer", () => add(bin, -1), "−");
        fewer.setAttribute("aria-label", `Take one away from ${range}`);
        return { range, slots, more, fewer };
      });
      const edges = Array.from({ length: bins + 1 }, (_, i) =>
        hm.make("span", { style: `left: ${100 * i / bins}%` }, low + i * width));
      const key = hm.make("p", { class: "key" });
      const in_bins = values => values.reduce((counts, value) => {
        counts[Math.max(0, Math.min(bins - 1, Math.floor((value - low) / width)))] += 1;
        return counts;
      }, Array(bins).fill(0));
      const bin_of_each = counts => counts.flatMap((each, bin) => Array(each).fill(bin));
      return {
        start: Array(bins).fill(0),
        fits: guess => Array.isArray(guess) && guess.length === bins && count(guess) <= DOTS
          && guess.every(each => Number.isInteger(each) && each >= 0),
        parts: [key,
                hm.make("div", { class: "columns" }, ...columns.map(({ more }) => more)),
                hm.make("div", { class: "edges", "aria-hidden": "true" }, ...edges),
                hm.make("div", { class: "columns" }, ...columns.map(({ fewer }) => fewer))],
        missing: guess => (count(guess) < DOTS
          ? `Place all twenty first; left to place: ${DOTS - count(guess)}.` : ""),
        draw(guess, open) {
          const left = DOTS - count(guess), truths = open && in_bins(truth);
          columns.forEach(({ range, slots, more, fewer }, bin) => {
            slots.forEach((slot, i) => {
              slot.classList.toggle("guess", i < guess[bin]);
              slot.classList.toggle("truth", open && i < truths[bin]);
            });
            const told = open ? `, really ${truths[bin]}` : "";
            more.setAttribute("aria-label", `${range}: ${guess[bin]}${told}. Add one`);
            fewer.classList.toggle("idle", !guess[bin]);
          });
          key.textContent = open ? "Rings: your guess. Filled: what came out."
            : left ? `Press above the line to place a dot. Left to place: ${left}.`
            : "All twenty are placed.";
          if (!open) return "";
          const hits = count(guess.map((each, bin) => Math.min(each, truths[bin])));
          const [mine, real] = [bin_of_each(guess), bin_of_each(truths)];
          const way = count(mine.map((bin, i) => Math.abs(bin - real[i]))) * width / DOTS;
          return `${hits} of your twenty dots lie where one came out. To make all fit, a dot would `
            + `have to move ${with_unit(+way.toFixed(1), difference)} on average.`;
        },
      };
    },

    /* Things to put in order; the truth is a list of pairs, a thing and what is known of it. */
    ranking() {
      const items = Object.fromEntries(data.items.map(name => {
        const move = way => () => {
          const order = [...guess], from = order.indexOf(name);
          order.splice(from, 1);
          order.splice(from + way, 0, name);
          change(order);
          const { up, down } = items[name];
          (way < 0 ? (up.disabled ? down : up) : (down.disabled ? up : down)).focus();
        };
        const button = (way, sign, word) => hm.make("button", { type: "button", click: move(way),
          "aria-label": `Move ${name} ${word}` }, sign);
        const [up, down, really] = [button(-1, "↑", "up"), button(1, "↓", "down"), hm.make("span")];
        const row = hm.make("li", {}, hm.make("div", {}, hm.make("b", {}, name), really), up, down);
        return [name, { row, up, down, really }];
      }));
      const key = hm.make("p", { class: "key" }), list = hm.make("ol");
      return {
        start: data.items,
        fits: guess => Array.isArray(guess) && guess.length === data.items.length
          && data.items.every(name => guess.includes(name)),
        parts: [key, list],
        missing: () => "",
        /* The answer takes the place of the guess: as many rows, so nothing below moves. */
        draw(guess, open) {
          const places = open && truth.map(([name]) => name);
          key.textContent = open ? "The true order, and your places:" : "Your order: ↑ and ↓ move a line.";
          (places || guess).forEach((name, place) => {
            const { row, up, down, really } = items[name], mine = guess.indexOf(name);
            if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
            [up.disabled, down.disabled] = [place === 0, place === guess.length - 1];
            really.textContent = open ? `${truth[place][1]}, your place: ${mine + 1}` : "";
            row.classList.toggle("right", open && mine === place);
          });
          if (!open) return "";
          const off = guess.map((name, place) => places.indexOf(name) - place);
          const right = off.filter(each => each === 0).length;
          const unmoved = guess.every((name, place) => name === data.items[place])
            ? "You left them as they stood. " : "";
          if (right === guess.length) return `${unmoved}All are in their places.`;
          const far = Math.max(...off.map(Math.abs));
          const place = off.findIndex(each => Math.abs(each) === far);
          return `${unmoved}${right} of ${guess.length} are in their places. Furthest off: ${guess[place]}, `
            + `which you have at ${place + 1} and which belongs at ${place + off[place] + 1}.`;
        },
      };
    },
  };

  // --- the guess, kept in this browser if it keeps anything -------------------------------------

  const key = `hm-predict-${data.id}`;
  const stored = (act, otherwise) => {
    try {
      return act(localStorage);
    } catch {  // private windows and strict settings refuse
      return otherwise;
    }
  };
  const keeps = stored(storage => {
    storage.setItem("hm-predict", "");
    storage.removeItem("hm-predict");
    return true;
  }, false);
  const read = () => stored(storage => JSON.parse(storage.getItem(key)), null);
  const change = now => {
    stored(storage => (now === kind.start ? storage.removeItem(key)
                                          : storage.setItem(key, JSON.stringify(now))));
    document.dispatchEvent(new CustomEvent(key, { detail: now }));
  };
  document.addEventListener(key, ({ detail }) => {
    [guess, open] = [detail, false];
    draw();
  });

  // --- the parts of the page ---------------------------------------------------------------------

  const say = text => {
    words.textContent = text;
    hm.say(text);
  };
  const draw = () => {
    words.textContent = kind.draw(guess, open);
    fields.disabled = open;
    show.textContent = open ? "Cover the answer" : "Show the answer";
  };
  const reveal = () => {
    const missing = kind.missing(guess);
    if (missing) return say(missing);
    open = !open;
    draw();
    say(open ? words.textContent : "");
  };
  const forget = () => {
    change(kind.start);
    say("Your guess is forgotten.");
  };

  const kind = kinds[data.kind](), found = read();
  let guess = kind.fits(found) ? found : kind.start, open = false;
  const fields = hm.make("fieldset", {}, hm.make("legend", {}, data.question), ...kind.parts);
  const show = hm.make("button", { type: "button", click: reveal });
  const words = hm.make("p", { class: "words" });
  root.className = `hm-predict ${data.kind}`;
  root.append(fields,
    hm.make("div", { class: "buttons" }, ...(truth === undefined ? [] : [show]),
      hm.make("button", { type: "button", click: forget }, "Forget my guess")),
    words,
    hm.make("p", { class: "kept" }, keeps ? "Your guess stays in this browser and is sent nowhere."
      : "This browser keeps nothing for pages: your guess lasts until you leave this one."));
  draw();
});
