// Small repairs for readers who use the keyboard or hear the page; nothing here moves on its own.
window.FontAwesomeConfig = { observeMutations: false }; // else the theme's icons break the widgets'

// A page from disk may not read its neighbours, so its search shows titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

document.addEventListener("DOMContentLoaded", () => {
  // MathJax 3 has no queue, and the widget manager asks for one for each label. Ours are plain text.
  (window.MathJax ??= {}).Hub ??= { Queue: () => {} };

  const status = document.createElement("div");
  status.className = "hm-status";
  status.setAttribute("role", "status");
  document.querySelector("main")?.append(status);

  const set = (element, attributes) => {
    for (const [name, value] of Object.entries(attributes)) {
      // Writing what is there already would wake the observer for ever.
      if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    }
  };

  const name = (control) => {
    control.querySelectorAll('[title="null"]').forEach((label) => label.removeAttribute("title"));
    // While it glides to where it was clicked, the slider would not hear a second click.
    control.querySelectorAll(".noUi-state-tap").forEach((rail) => rail.classList.remove("noUi-state-tap"));
    for (const slider of control.querySelectorAll(".widget-hslider")) {
      const [label, readout, handle] = [".widget-label", ".widget-readout", ".noUi-handle"].map(
        (part) => slider.querySelector(part));
      if (!handle) continue;
      set(handle, { "aria-label": label.textContent, "aria-valuetext": readout.textContent });
      set(readout, { contenteditable: "false", "aria-hidden": "true" }); // the handle says it
    }
    for (const buttons of control.querySelectorAll(".widget-toggle-buttons")) {
      set(buttons, { role: "group", "aria-label": buttons.querySelector(".widget-label").textContent });
      for (const button of buttons.querySelectorAll("button")) {
        set(button, { "aria-pressed": String(button.classList.contains("mod-active")) });
      }
    }
  };

  // What is seen below the picture is also said, once the control has come to rest.
  const said = new WeakMap();
  let pause;
  const say = (control) => {
    const text = control.querySelector("figcaption > :first-child")?.textContent;
    if (text && said.has(control) && said.get(control) !== text) {
      clearTimeout(pause);
      pause = setTimeout(() => (status.textContent = text), 300);
    }
    if (text) said.set(control, text);
  };

  const watch = { subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["class", "contenteditable"] };
  new MutationObserver((changes) => {
    const touched = changes.map((change) => change.target.parentElement?.closest(".hm-control"));
    const added = changes.flatMap((change) => [...change.addedNodes]
      .flatMap((node) => [...node.querySelectorAll?.(".hm-control") ?? []]));
    for (const control of new Set([...touched, ...added])) {
      if (!control) continue;
      control.closest(".cell_output")?.querySelectorAll(".hm-stand-in").forEach((picture) => picture.parentElement.remove());
      name(control);
      say(control);
    }
  }).observe(document.querySelector("main"), watch);
});
