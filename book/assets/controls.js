/* Links the handles of a control with its pictures: all are in the page, and one is shown. */
"use strict";

for (const control of document.querySelectorAll(".hm-control")) {
  const handles = [...control.querySelectorAll(":scope > :is(.hm-slider, .hm-choice)")];
  const place = control.querySelector(".hm-frame");
  const frames = [...control.querySelectorAll(":scope > template")]
    .map(laid_by => laid_by.content.firstChild);
  let at = Number(control.dataset.at);
  frames.splice(at, 0, place.firstChild);

  const inputs = handle => [...handle.querySelectorAll("input")];
  const chosen = handle => Number((handle.querySelector(":checked") ?? inputs(handle)[0]).value);
  const stops = handle => (inputs(handle)[1] ? inputs(handle).length : Number(inputs(handle)[0].max) + 1);
  const names = handle => [...handle.querySelectorAll("[data-name], span")]
    .map(stop => stop.dataset.name ?? stop.textContent);

  control.addEventListener("input", ({ target }) => {
    const slider = target.closest(".hm-slider");
    if (slider) {
      const name = names(slider)[target.value];
      slider.querySelector("b").textContent = name;
      target.setAttribute("aria-valuetext", name);
    }
    at = handles.reduce((place, handle) => place * stops(handle) + chosen(handle), 0);
    place.replaceChildren(frames[at]);
    hm.say(place.querySelector("figcaption > :first-child").textContent);
  });

  // Paper does not move: few pictures are printed whole, of many the first and the last besides.
  addEventListener("beforeprint", () => {
    const few = handles.length === 1 && frames.length <= 4;
    const told = frames.filter((_, i) => few || [0, at, frames.length - 1].includes(i));
    place.replaceChildren(...told);
  });
  addEventListener("afterprint", () => place.replaceChildren(frames[at]));
}
