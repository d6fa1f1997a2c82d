/* Training beside the page, in a worker, so that the page stays awake. */
"use strict";

/* The digits of the page: 5,000 images to train on and 1,000 to watch, as labels and pixels. */
hm.digits = () => hm.file("digits").then(bytes => {
  const part = (start, n) => ({ labels: new Uint8Array(bytes, start, n),
    images: new Uint8Array(bytes, start + n, n * 784) });
  return { train: part(0, 5000), validation: part(5000 * 785, 1000) };
});

/* Train by a recipe (see training.js), from a seed. `epoch` hears what is measured before the first
   and after every epoch; `end` hears once how it ended: { kind, text }, where kind is "finished",
   "stopped", "diverged" or "failed". */
hm.train = (recipe, seed, { epoch, end }) => {
  let worker, over = false;
  const finish = reason => {
    if (over) return;
    over = true;
    worker?.terminate();
    end(reason);
  };
  const fail = error => finish({ kind: "failed", text: error.message });
  Promise.all([hm.digits(), hm.file("worker")]).then(([data, code]) => {
    if (over) return;
    hm.worker ??= URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    worker = new Worker(hm.worker);  // a new one each time, since ending it is what stops a run
    worker.onmessage = ({ data: told }) => {
      if (over) return;
      if (told.epoch) epoch(told.epoch);
      else finish(told.end);
    };
    worker.onerror = fail;
    worker.postMessage({ recipe, data, seed });
  }).catch(fail);
  return { stop: () => finish({ kind: "stopped", text: "" }) };
};
