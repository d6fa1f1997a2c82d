/* What every page has. Live pieces find here their place, their files and their voice. It is deferred,
   as are they: when it runs, the page is there. */
"use strict";

// A page from disk may not read its neighbours, so its search shows titles without excerpts.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined")
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Search excerpts are of the text: what the code of a page imports says nothing to a reader.
if (typeof Search !== "undefined") {
  const { htmlToText } = Search;
  Search.htmlToText = (page, anchor) => {
    const html = new DOMParser().parseFromString(page, "text/html");
    html.querySelectorAll(".cell_input, .hm-control, .hm-live").forEach(part => part.remove());
    return htmlToText(html.documentElement.outerHTML, anchor);
  };
}

// Formulas come once controls can be used: their script is as heavy as many a page.
addEventListener("DOMContentLoaded", () => {
  const later = document.querySelector("script[type='text/later']");
  if (later) document.head.append(hm.make("script", { src: later.src }));
});

// From here on every part of the page has its height: book.css spares some while it loads.
addEventListener("load", () => document.documentElement.classList.add("hm-loaded"));

// On paper it is light, and what is folded is open.
(() => {
  const root = document.documentElement;
  let theme, closed = [];
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    closed = [...document.querySelectorAll("main details:not([open])")];
    closed.forEach(part => (part.open = true));
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    closed.forEach(part => (part.open = false));
  });
})();

const hm = (() => {
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const files = {};

  /* Make an element: attributes, or listeners where the value is a function; then its children. */
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  /* A number's text with a true minus, and none before a zero; "1, 2 and 3"; "the 1 and the 2". */
  const minus = text => text.replace(/^-(0\.?0*)$/, "$1").replace("-", "−");
  const listed = items => items.join(", ").replace(/, (\d)$/, " and $1");
  const the = digits => listed(digits).replace(/\d/g, "the $&");

  /* Say a sentence to those who hear the page, once it has come to rest. */
  const status = make("div", { class: "hm-status", role: "status" });
  (document.querySelector("main") ?? document.body).append(status);
  let pause;
  const say = text => {
    clearTimeout(pause);
    pause = setTimeout(() => (status.textContent = text), 300);
  };

  /* The bytes of `live/NAME.js`, loaded when first asked for: a script, since a page from disk may
     load nothing else. tools/packing.py writes them. */
  const file = name => files[name] ??= new Promise((resolve, reject) => {
    if (typeof DecompressionStream === "undefined")
      throw new Error("this browser is too old to unpack the files");
    arrived[name] = resolve;
    document.head.append(make("script", { src: `${here}live/${name}.js`, error: () => {
      delete files[name];  // a second press may find it
      reject(new Error(`${name} could not be loaded`));
    } }));
  });
  const arrived = (name, text) => {
    const packed = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    arrived[name](new Response(stream).arrayBuffer());
  };

  /* Build a piece in each of its places: `build(root, data)`, where data is what the notebook gave.
     The words that stand there without scripts go. */
  const live = (name, build) => {
    for (const place of document.querySelectorAll(`[data-live="${name}"]`)) {
      const data = JSON.parse(place.querySelector("script").textContent), root = make("div");
      build(root, data);
      place.replaceChildren(root);
    }
  };

  return { make, minus, listed, the, say, file, arrived, live, sizes: {} };
})();
