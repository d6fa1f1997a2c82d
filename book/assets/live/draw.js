/* Draw a digit: the page centres it as MNIST was, and trained networks of the book read it.

   Ink is a Uint8Array of grey levels, one line after the other: 0 is empty, 255 a full stroke.
   data = { rungs: which networks, counted along the story; why: whether to look inside one;
            record: whether the networks of the record run can be asked too }. */
"use strict";

const drawing = (() => {
  const SIDE = 28, BOX = 20;             // of an image of MNIST, and of the box that a digit fills
  const FINE = 10, SQUARE = SIDE * FINE; // the square to draw on is this much finer
  const PEN = 24;                        // as wide, in its parts, as the strokes of MNIST are

  const within = (value, low, high) => Math.min(Math.max(value, low), high);

  /* Draw a line with a round pen, its edge smooth over one part of the square. */
  const stroke = (ink, [x0, y0], [x1, y1]) => {
    const reach = PEN / 2 + 1, [dx, dy] = [x1 - x0, y1 - y0];
    const range = (a, b) => [within(Math.floor(Math.min(a, b) - reach), 0, SQUARE),
                             within(Math.ceil(Math.max(a, b) + reach), 0, SQUARE)];
    const [[left, right], [top, bottom]] = [range(x0, x1), range(y0, y1)];
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = within((px * dx + py * dy) / (dx * dx + dy * dy) || 0, 0, 1);
        const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
        const level = 255 * within(PEN / 2 + 0.5 - distance, 0, 1);
        ink[y * SQUARE + x] = Math.max(ink[y * SQUARE + x], level);
      }
  };

  /* An image of 28 × 28 pixels, each as a block of the square. */
  const enlarged = pixels => {
    const ink = new Uint8Array(SQUARE * SQUARE);
    for (let y = 0; y < SQUARE; y++)
      for (let x = 0; x < SQUARE; x++)
        ink[y * SQUARE + x] = pixels[Math.floor(y / FINE) * SIDE + Math.floor(x / FINE)];
    return ink;
  };

  /* The part of the square that holds all ink, or null. */
  const bounds = ink => {
    let [left, top, right, bottom] = [SQUARE, SQUARE, 0, 0];
    for (let y = 0; y < SQUARE; y++)
      for (let x = 0; x < SQUARE; x++)
        if (ink[y * SQUARE + x]) {
          left = Math.min(left, x);
          right = Math.max(right, x + 1);
          top = Math.min(top, y);
          bottom = y + 1;
        }
    return left < right ? { left, top, width: right - left, height: bottom - top } : null;
  };

  /* The means over `count` equal parts of a line, whose ends may cut through a value. */
  const means = (line, count) => Array.from({ length: count }, (_, i) => {
    const start = i * line.length / count, end = (i + 1) * line.length / count;
    let total = 0;
    for (let j = Math.floor(start); j < Math.min(end, line.length); j++)
      total += line[j] * (Math.min(end, j + 1) - Math.max(start, j));
    return total / (end - start);
  });

  /* A part of the square as fewer, larger pixels: each is the mean of the ink that it covers. */
  const reduced = (ink, { left, top, width, height }, columns, rows) => {
    const lines = Array.from({ length: height }, (_, y) => {
      const start = (top + y) * SQUARE + left;
      return means(ink.subarray(start, start + width), columns);
    });
    const picture = new Uint8Array(columns * rows);
    for (let x = 0; x < columns; x++)
      means(lines.map(line => line[x]), rows)
        .forEach((level, y) => (picture[y * columns + x] = Math.round(level)));
    return { picture, columns, rows };
  };

  const whole = { left: 0, top: 0, width: SQUARE, height: SQUARE };
  const uncentred = ink => reduced(ink, whole, SIDE, SIDE).picture;

  /* Step 1: the ink in a box of 20 × 20 pixels, which its longer side fills. */
  const boxed = (ink, box) => {
    const scale = BOX / Math.max(box.width, box.height);
    const [columns, rows] = [box.width, box.height].map(
      length => Math.max(1, Math.round(length * scale)));
    return reduced(ink, box, columns, rows);
  };

  /* Where the left edge of a picture goes, so that its middle is in the middle of the image. */
  const middle = ({ columns, rows }) => [columns, rows].map(
    length => Math.round((SIDE - length) / 2));

  /* Step 2: where it goes, so that its centre of mass comes to pixel 14, 14, as in the files of
     MNIST; less far where ink would be lost. */
  const centre_of_mass = ({ picture, columns, rows }) => {
    let [mass, x, y] = [0, 0, 0];
    picture.forEach((level, i) => {
      mass += level;
      x += level * (i % columns);
      y += level * Math.floor(i / columns);
    });
    return [[x, columns], [y, rows]].map(([moment, length]) =>
      within(Math.round(SIDE / 2 - moment / mass), 0, SIDE - length));
  };

  /* An image, empty but for a picture. */
  const placed = ({ picture, columns }, [left, top]) => {
    const image = new Uint8Array(SIDE * SIDE);
    picture.forEach((level, i) => {
      const [x, y] = [i % columns, Math.floor(i / columns)];
      image[(top + y) * SIDE + left + x] = level;
    });
    return image;
  };

  const centred = ink => {
    const small = boxed(ink, bounds(ink));
    return placed(small, centre_of_mass(small));
  };

  /* The networks and images of a file; its layout is told in book/weights.py. */
  const unpack = buffer => {
    let start = 4 + new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4)));
    const next = (Kind, count) => new Kind(buffer, (start += count) - count, count);
    const networks = header.networks.map(told => {
      const parameters = new Parameters(header.sizes), { W, b, flat } = parameters;
      flat.set(next(Int8Array, flat.length));
      const arrays = W.flatMap((weights, l) => [weights, b[l]]);
      arrays.forEach((array, i) => array.forEach((n, j) => (array[j] = n * told.steps[i])));
      return { ...told, network: new Network(parameters, told.hidden, told.output) };
    });
    const examples = header.labels.map(
      label => ({ label, pixels: next(Uint8Array, header.sizes[0]) }));
    return { networks, examples };
  };

  const inputs = ({ shift, scale }, pixels) =>
    Float32Array.from(pixels, pixel => (pixel - shift) / scale);

  const COLUMNS = 16, EDGE = 60;         // as in book/views.py

  /* The views of book/views.py: what each row shows is what stood off to the side, by `off(x, y)`
     places, between two pixels. */
  const looking_off = (pixels, off) => pixels.map((_, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    const there = x + off(x, y), left = Math.floor(there);
    const at = column => (within(column, 0, SIDE - 1) === column ? pixels[y * SIDE + column] : 0);
    return Math.round(at(left) * (left + 1 - there) + at(left + 1) * (there - left));
  });

  const deslanted = pixels => {
    const mass = sum(pixels), place = i => [i % SIDE, Math.floor(i / SIDE)];
    const mean = axis =>
      pixels.reduce((total, ink, i) => total + ink * place(i)[axis], 0) / mass;
    const [middle_x, middle_y] = [mean(0), mean(1)];
    let [both, down] = [0, 0];
    pixels.forEach((ink, i) => {
      const [x, y] = place(i);
      both += ink * (y - middle_y) * (x - middle_x);
      down += ink * (y - middle_y) ** 2;
    });
    return looking_off(pixels, (x, y) => (both / down || 0) * (y - middle_y));
  };

  const narrowed = pixels => {
    const inked = [];
    pixels.forEach((ink, i) => { if (ink > EDGE) inked.push(i % SIDE); });
    if (!inked.length) return pixels;
    const [left, right] = [Math.min(...inked), Math.max(...inked)], width = right - left + 1;
    const middle = (left + right) / 2;
    return looking_off(pixels, x => (x - (SIDE - 1) / 2) * width / COLUMNS + middle - x);
  };

  const VIEWS = { "as it is": pixels => pixels, "upright": deslanted, "narrow": narrowed,
                  "upright and narrow": pixels => narrowed(deslanted(pixels)) };

  /* What a network makes of an image: the values of its layers, its answers, and what it reads. Of a
     committee, the mean of the answers, each to its own view. */
  const read = (rung, pixels) => {
    if (rung.members) {
      const all = rung.members.map(
        member => read(member, VIEWS[member.name](pixels)).answers);
      const answers = all[0].map((_, k) => sum(all.map(each => each[k])) / all.length);
      return { answers, digit: answers.indexOf(Math.max(...answers)) };
    }
    const a = rung.network.forward(inputs(rung, pixels), 1), z = Array.from(a.at(-1));
    const answers = rung.output.startsWith("softmax") ? softmax(z) : logistics(z);
    return { a, z, answers, digit: z.indexOf(Math.max(...z)) };
  };

  /* What the ink of each pixel adds to the sum of output k, in a network with one hidden layer.
     Between the empty square and the drawing, the value of a hidden unit changes. The change is
     shared among the pixels as they add to the sum of the unit, and weighed as the output weighs
     the unit. So the shares add up to what the whole drawing adds to the sum of the output. */
  const shares = (rung, pixels, k) => {
    const { parameters: { sizes: [, units, classes], W: [first, last] }, hidden } = rung.network;
    const [before, after] = [new Uint8Array(pixels.length), pixels].map(
      image => read(rung, image).a[1]);
    const added = new Float64Array(units);                 // to the sum of each unit
    pixels.forEach((ink, p) => {
      for (let j = 0; ink && j < units; j++) added[j] += ink / rung.scale * first[p * units + j];
    });
    const worth = added.map((sum, j) => last[j * classes + k] * (Math.abs(sum) > 1e-3
      ? (after[j] - before[j]) / sum : hidden.slope(after[j])));
    return Float64Array.from(pixels, (ink, p) => {
      let share = 0;
      for (let j = 0; ink && j < units; j++) share += first[p * units + j] * worth[j];
      return share * ink / rung.scale;
    });
  };

  return { SIDE, BOX, FINE, SQUARE, within, stroke, enlarged, bounds, uncentred, boxed, middle,
           centre_of_mass, placed, centred, VIEWS, unpack, read, shares };
})();

hm.live("draw", (root, data) => {
  const { make } = hm, { SIDE, BOX, FINE, SQUARE, within } = drawing;
  const STEP = SQUARE / 14;  // of the keyboard's pen: two pixels of an image
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  // Drawings that are no digit, in lines from 0 to 1.
  const LETTER = [[[0.2, 0.9], [0.5, 0.1], [0.8, 0.9]], [[0.33, 0.62], [0.67, 0.62]]];
  const TWELVE = [[[0.15, 0.3], [0.3, 0.15], [0.3, 0.85]],
                  [[0.5, 0.28], [0.6, 0.17], [0.78, 0.18], [0.84, 0.33], [0.5, 0.85],
                   [0.88, 0.85]]];

  root.className = "hm-draw";
  const begin = make("button",
    { type: "button", click: () => load("weights", begin, trouble, open) },
    `Draw a digit (loads ${hm.sizes.weights} kB once)`);
  const note = (...parts) => make("p", { class: "hm-draw-note" }, ...parts);
  const trouble = note();
  root.append(make("div", { class: "hm-draw-closed" },
    make("p", {}, "A square to draw on, and trained networks to read what you draw. "
      + "The drawing stays on your page."), begin, trouble));

  /* Load a file for a button that was pressed, and use what is in it; words say what goes wrong. */
  async function load(name, button, words, use) {
    button.disabled = true;
    words.textContent = "Loading …";
    try {
      use(drawing.unpack(await hm.file(name)));
    } catch (error) {
      button.disabled = false;
      words.textContent = `It did not work: ${error.message}. Press the button to try again.`;
      hm.say(words.textContent);
    }
  }

  function open({ networks, examples }) {
    const rungs = data.rungs.map(i => networks[i]), names = rungs.map(rung => `“${rung.name}”`);
    let ink = new Uint8Array(SQUARE * SQUARE), what = "";  // what the ink is, where the page knows
    let chosen = rungs.length - 1;
    const past = [];                                       // for Undo

    /* --- the square, and the pen ------------------------------------------------------------ */

    const square = make("canvas", {
      width: SQUARE, height: SQUARE, tabindex: 0, role: "application",
      "aria-label": "Square to draw a digit on", "aria-describedby": "hm-draw-hint",
      pointerdown: press, pointermove: drag, pointerup: lift, pointercancel: lift,
      keydown: key, blur: lift,
    });
    const cursor = make("span", { class: "hm-draw-cursor" });
    const hint = make("span", { class: "hm-draw-hint", id: "hm-draw-hint" },
                      "Draw here. Keys: arrows move, space lowers and lifts the pen.");
    let pen = null, place = [7, 3], lowered = false;       // the pen's last point; the keyboard's

    const remember = () => past.push([ink.slice(), what]);

    function press(event) {
      if (event.button || !event.isPrimary) return;
      square.setPointerCapture(event.pointerId);
      lowered = false;
      remember();
      what = "";
      move_pen(pen = point(event));
    }

    function drag(event) {
      if (!pen || !square.hasPointerCapture(event.pointerId)) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const each of passed.length ? passed : [event]) line_to(point(each));
      show();
    }

    function lift() {
      pen = null;
      lowered = false;
      show_cursor();
    }

    function point({ clientX, clientY }) {
      const { left, top, width, height } = square.getBoundingClientRect();
      return [(clientX - left) / width * SQUARE, (clientY - top) / height * SQUARE];
    }

    function line_to(end) {
      drawing.stroke(ink, pen, end);
      pen = end;
    }

    function move_pen(end) {
      line_to(end);
      show();
    }

    function key(event) {
      const move = MOVES[event.key];
      if (event.ctrlKey || event.altKey || event.metaKey || !move && event.key !== " ") return;
      event.preventDefault();
      const middle = () => place.map(each => (each + 0.5) * STEP);
      if (move) {
        place = place.map((each, i) => within(each + move[i], 0, 13));
        if (lowered) move_pen(middle());
      } else if (!event.repeat) {
        lowered = !lowered;
        if (lowered) {
          remember();
          what = "";
          move_pen(pen = middle());
        }
      }
      show_cursor();
      const [column, line] = place.map(each => each + 1);
      hm.say(`Line ${line}, column ${column} of 14, pen ${lowered ? "down" : "up"}. `
             + (lowered ? words.textContent : ""));
    }

    function show_cursor() {
      place.forEach((each, i) => (cursor.style[["left", "top"][i]] = `${(each + 0.5) / 0.14}%`));
      cursor.classList.toggle("down", lowered);
    }

    /* --- buttons ---------------------------------------------------------------------------- */

    const button = (text, click) => make("button", { type: "button", click }, text);

    /* Put something else on the square. */
    const put = (other, name) => {
      remember();
      [ink, what] = [other, name];
      show();
    };
    const undo = button("Undo", () => {
      if (past.length) [ink, what] = past.pop();
      show();
    });
    const clear = button("Clear", () => put(new Uint8Array(SQUARE * SQUARE), ""));

    const lines = strokes => {
      const other = new Uint8Array(SQUARE * SQUARE), at = point => point.map(each => each * SQUARE);
      for (const points of strokes)
        points.slice(1).forEach((end, i) => drawing.stroke(other, at(points[i]), at(end)));
      return other;
    };
    const digit = label => examples.find(example => example.label === label).pixels;
    const moved = (pixels, right, down) => pixels.map((_, i) => {
      const [x, y] = [i % SIDE - right, Math.floor(i / SIDE) - down];
      return within(x, 0, SIDE - 1) === x ? pixels[y * SIDE + x] ?? 0 : 0;
    });
    const image = (pixels, name) => () => put(drawing.enlarged(pixels), name);
    const puzzles = [
      () => put(lines(LETTER), "A letter A."),
      image(digit(4).slice().reverse(), "A 4 of the test set, upside down."),
      image(moved(digit(7), -6, -4), "A 7 of the test set, in a corner."),
      () => put(lines(TWELVE), "The number 12."),
    ];
    const shown = examples.map(({ label, pixels }) => image(pixels, `A ${label} of the test set.`));
    const in_turn = list => {
      let next = 0;
      return () => list[next++ % list.length]();
    };

    const centre = make("input", { type: "checkbox", checked: true, change: show });

    /* --- pictures --------------------------------------------------------------------------- */

    const picture = (words, side, ...overlays) => {
      const canvas = make("canvas", { width: side, height: side, role: "img" });
      const caption = make("figcaption", {}, ...[words].flat());
      return { canvas, caption, figure: make("figure", {},
        make("div", { class: "hm-draw-picture" }, canvas, ...overlays), caption) };
    };
    const frame = make("span", { class: "hm-draw-frame" });
    const drawn = picture("what you drew", SQUARE, frame);
    const box = picture("", SIDE, make("span", { class: "hm-draw-frame box" }));
    const seen = picture("", SIDE, make("span", { class: "hm-draw-cross" }));
    const hidden = picture(
      ["hidden values, ", make("b", { class: "against" }, "▪"), "\u00a0below\u00a00"], 80);
    const reasons = picture("", SIDE * 8);

    const label = ({ canvas }, words) => canvas.setAttribute("aria-label", words);

    /* The colours of the page, which its theme changes. */
    const colours_of_page = () => {
      const style = getComputedStyle(root);
      return { color: style.color, for: style.getPropertyValue("--hm-for"),
               against: style.getPropertyValue("--hm-against") };
    };
    let looks;

    /* Levels from 0 to 255 as ink of the page's colour. */
    const ink_of = (canvas, levels) => {
      const paper = canvas.getContext("2d"), side = canvas.width;
      const image = paper.createImageData(side, side);
      const [red, green, blue] = looks.color.match(/\d+/g), colour = blue << 16 | green << 8 | red;
      const colours = new Uint32Array(image.data.buffer);
      for (let i = 0; i < levels.length; i++) colours[i] = levels[i] << 24 | colour;
      paper.putImageData(image, 0, 0);
    };

    /* Numbers of either sign: full pixels above 0, small ones below. The root lets small numbers
       show. */
    const signs_of = ({ canvas }, values, largest) => {
      const paper = canvas.getContext("2d"), side = Math.sqrt(values.length);
      const size = canvas.width / side;
      paper.clearRect(0, 0, canvas.width, canvas.width);
      values.forEach((value, i) => {
        if (!value) return;
        const margin = value < 0 ? size / 4 : 0, width = size - 2 * margin;
        const [x, y] = [i % side, Math.floor(i / side)].map(each => each * size + margin);
        paper.globalAlpha = Math.sqrt(Math.abs(value) / largest);
        paper.fillStyle = value < 0 ? looks.against : looks.for;
        paper.fillRect(x, y, width, width);
      });
    };

    /* --- answers ---------------------------------------------------------------------------- */

    const digits = Array.from({ length: 10 }, (_, k) => k);
    const asks = data.why && rungs.length > 1;  // into which of them to look
    const row_of = (rung, i) => {
      const cells = digits.map(k => make("td", { class: rung.asleep.includes(k) && "asleep" },
        make("span", { class: "hm-draw-bar" }), make("span", { class: "hm-draw-unseen" })));
      const verdict = make("td", { class: "hm-draw-verdict" });
      const radio = make("input", { type: "radio", name: "hm-draw-rung", checked: i === chosen,
                                    change: () => { chosen = i; show(); } });
      const name = asks ? make("label", {}, radio, rung.name) : rung.name;
      return { cells, verdict, row: make("tr", {},
        make("th", { scope: "row" }, name), ...cells, verdict) };
    };
    const rows = rungs.map(row_of);
    const asleep = rungs.some(rung => rung.asleep.length)
      ? [make("span", { class: "hm-draw-asleep" }, "×"), " asleep"] : [];
    const table = make("table", { "aria-label": "What each network answers" },
      make("thead", {}, make("tr", {}, make("td", {}, ...asleep),
        ...[...digits, "reads"].map(head => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map(each => each.row)));
    const more = button(`Ask the record run too (loads ${(hm.sizes.record / 1000).toFixed(1)}\u00a0MB)`,
                        () => load("record", more, words, add_record));

    function add_record({ networks: members }) {
      const rung = { name: "the record run", members, asleep: [] };
      names.push(`“${rung.name}”`);
      rows.push(row_of(rung, rungs.push(rung) - 1));
      table.tBodies[0].append(rows.at(-1).row);
      more.replaceWith();
      square.focus({ preventScroll: true });
      show();
    }
    const words = make("p", { class: "hm-draw-words" });

    const output = make("select", { change: show },
      make("option", { value: "" }, "its answer"),
      ...digits.map(k => make("option", { value: k }, k)));
    const sums = note();

    /* Which networks read what, most of them first. */
    const told = readings => {
      const [{ digit: first, answers }] = readings;
      if (readings.length === 1) {
        const [, next] = digits.slice().sort((j, k) => answers[k] - answers[j]);
        return `The network reads ${first}, to which it says ${answers[first].toFixed(2)}. `
          + `Next comes ${next}, with ${answers[next].toFixed(2)}.`;
      }
      const groups = new Map();
      readings.forEach(({ digit }, i) => groups.set(digit, [...groups.get(digit) ?? [], names[i]]));
      if (groups.size === 1)
        return `${names.length > 2 ? `All ${names.length}` : "Both"} networks read ${first}.`;
      return [...groups].sort(([, one], [, other]) => other.length - one.length)
        .map(([k, who], i) => (groups.size === 2 && who.length < 3 ? who.join(" and ")
          : `${who.length}${i ? "" : ` of ${names.length}`}`)
          + ` read${who.length > 1 ? "" : "s"} ${k}`).join("; ") + ".";
    };

    /* --- all that follows from the ink ------------------------------------------------------ */

    function show() {
      const around = drawing.bounds(ink), empty = !around;
      looks = colours_of_page();
      hint.hidden = !empty;
      ink_of(square, ink);
      const pixels = show_steps(around);
      const readings = rungs.map(rung => drawing.read(rung, pixels));
      rows.forEach(({ row, cells, verdict }, i) => {
        const { answers, digit } = readings[i];
        row.classList.toggle("chosen", asks && i === chosen);
        cells.forEach((cell, k) => {
          const share = empty ? 0 : answers[k], [bar, number] = cell.children;
          cell.classList.toggle("largest", !empty && k === digit);
          bar.style.setProperty("--share", share);
          number.textContent = empty ? "" : `${Math.round(100 * share)} %`;
        });
        verdict.textContent = empty ? "–" : digit;
      });
      words.textContent = empty ? "Nothing is drawn yet." : `${what} ${told(readings)}`.trim();
      if (data.why) show_why(pixels, readings[chosen], empty);
      hm.say(words.textContent);
    }

    /* Show how the ink becomes 28 × 28 pixels, and return them. */
    function show_steps(around) {
      const nothing = new Uint8Array(SIDE * SIDE), boxes = around && centre.checked;
      let [in_box, pixels, way] = [nothing, nothing, ""];
      frame.hidden = !boxes;
      box.figure.classList.toggle("left-out", !centre.checked);
      if (boxes) {
        const small = drawing.boxed(ink, around);
        const [from, to] = [drawing.middle(small), drawing.centre_of_mass(small)];
        [in_box, pixels] = [drawing.placed(small, from), drawing.placed(small, to)];
        const moves = [["→", "←"], ["↓", "↑"]].flatMap(([more, less], i) => {
          const by = to[i] - from[i];
          return by ? `${Math.abs(by)}\u00a0${by > 0 ? more : less}` : [];
        });
        way = moves.length ? `moved ${moves.join(", ")}` : "not moved";
        for (const [name, length] of Object.entries(around))
          frame.style[name] = `${100 * length / SQUARE}%`;
      } else if (around) {
        [pixels, way] = [drawing.uncentred(ink), "as you drew it"];
      }
      drawn.canvas.getContext("2d").clearRect(0, 0, SQUARE, SQUARE);
      drawn.canvas.getContext("2d").drawImage(square, 0, 0);
      ink_of(box.canvas, in_box);
      ink_of(seen.canvas, pixels);
      box.caption.textContent = centre.checked ? `in a box, ${BOX}\u00a0×\u00a0${BOX}` : "left out";
      seen.caption.replaceChildren(make("b", {}, "what it sees"), make("br"), way);
      const inked = pixels.filter(Boolean).length;
      label(drawn, boxes ? "What you drew, and a frame around its ink" : "What you drew");
      label(box, `The ink in a box of ${BOX} by ${BOX} pixels${boxes ? "" : ": left out"}`);
      label(seen, `What the network sees: ${SIDE} by ${SIDE} pixels, ${inked} of them with ink`);
      return pixels;
    }

    /* Show the hidden values of a network, and what the ink does to the sum of one output. */
    function show_why(pixels, { a, z, digit }, empty) {
      const rung = rungs[chosen], k = output.value === "" ? digit : Number(output.value);
      const values = empty ? new Float32Array(a[1].length) : a[1];
      signs_of(hidden, values, 1);
      const high = values.filter(value => value > 0.5).length;
      label(hidden, `Hidden values of ${rung.name}: ${high} of ${values.length} above one half`);
      const parts = drawing.shares(rung, pixels, k), largest = Math.max(...parts.map(Math.abs));
      const count = sign => parts.filter(part => part * sign > 0).length;
      signs_of(reasons, parts, largest);
      label(reasons, `What the ink does to the sum of ${k}: ${count(1)} pixels speak for it, `
        + `${count(-1)} against it`);
      reasons.caption.textContent = empty ? "reasons" : `ink for and against ${k}`;
      const blank = drawing.read(rung, new Uint8Array(pixels.length)).z[k];
      const [from, to] = [blank, z[k]].map(value => value.toFixed(1).replace("-", "−"));
      sums.textContent = empty ? "" : `All ink together takes the sum of ${k} from ${from}, for an `
        + `empty square, to ${to}.`;
    }

    /* --- the page --------------------------------------------------------------------------- */

    root.classList.toggle("why", Boolean(data.why));
    root.replaceChildren(
      make("div", { class: "hm-draw-left" },
        make("div", { class: "hm-draw-square" }, square, cursor, hint),
        make("div", { class: "hm-draw-buttons" }, undo, clear,
          button("Show me one", in_turn(shown)), button("Puzzle it", in_turn(puzzles))),
        note("Whatever you draw gets one of ten names, even a letter A or a 4 upside down. None of "
             + "them means: no digit.")),
      make("div", { class: "hm-draw-steps" },
        make("div", { class: "hm-draw-row" }, drawn.figure, box.figure, seen.figure),
        make("label", {}, centre, "centre it as MNIST does: box, then mass")),
      make("div", { class: "hm-draw-answers" }, words, table, ...data.record ? [more] : []),
      ...data.why ? [make("div", { class: "hm-draw-why" },
        make("div", { class: "hm-draw-row" }, hidden.figure, reasons.figure,
          make("div", {}, make("label", {}, "Reasons for", output),
            note(make("b", { class: "for" }, "■"), " for ",
                 make("b", { class: "against" }, "▪"), " against"))), sums)] : [],
      ...data.why ? [make("details", {},
        make("summary", {}, "What the picture of reasons is, and is not"),
        make("p", {}, "Each output adds up a sum, and the largest sum wins. In a network without a "
          + "hidden layer a pixel would add its weight times its ink. Here the ink changes the "
          + "value of each hidden unit. We share out that change among the pixels in proportion to "
          + "weight times ink in the unit, and weigh it as the output weighs the unit. So the "
          + "parts add up to what the drawing adds."),
        make("p", {}, "It is not what you would see if you rubbed a stroke out: units squash, so "
          + "the rest would count otherwise. Other ways to share out are as good. Pixels without "
          + "ink show nothing, though the absence of a stroke can be a reason too. And it tells "
          + "how this network came to its answer, not whether the answer is a good one."))] : []);
    show_cursor();
    show();
    square.focus({ preventScroll: true });
    new MutationObserver(show).observe(document.documentElement,
                                       { attributes: true, attributeFilter: ["data-theme"] });
  }
});
