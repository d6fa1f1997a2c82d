// Where the widget manager finds its files: beside this script, on whatever path the site lives.
(() => {
  const here = document.currentScript.src.replace(/widgets\.js.*$/, "vendor/widgets/");
  const manager = "@jupyter-widgets/html-manager";
  require.config({
    baseUrl: here,
    paths: { [manager]: `${here}html-manager`, [`${manager}/dist/libembed-amd`]: `${here}embed-amd` },
  });
  // The manager asks MathJax 2 to typeset labels; MathJax 3 has no such queue. Ours are plain text.
  const ready = window.MathJax ?? (window.MathJax = {});
  ready.Hub ??= { Queue: () => {} };
})();
