(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  function follow() {
    const goal = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!goal) return;
    for (let box = goal; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    goal.scrollIntoView({ behavior: "instant" });
  }

  const plots = () => all(".plot.js-plotly-plot");
  let folded = [];
  function beforePrint() {
    folded = all("details[data-print]:not([open])");
    folded.forEach((box) => { box.open = true; });
    plots().forEach((plot) => Plotly.relayout(plot, { width: 660 }));
  }
  function afterPrint() {
    folded.forEach((box) => { box.open = false; });
    plots().forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
  }

  async function draw() {
    const packed = document.getElementById("plotly");
    if (packed) {
      const bytes = Uint8Array.from(atob(packed.textContent.trim()), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
      for (const chart of all("figure.chart")) {
        const figure = JSON.parse(chart.querySelector("script").textContent);
        await Plotly.newPlot(chart.querySelector(".plot"), figure.data, figure.layout,
          { responsive: true, displayModeBar: false });
        const narrow = innerWidth < 620 && figure.layout.meta.narrow;
        if (narrow) await Plotly.relayout(chart.querySelector(".plot"), narrow);
      }
    }
    document.documentElement.dataset.rendered = "1";
  }

  const switcher = document.querySelector("[data-theme-switch]");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  function label() {
    switcher.hidden = false;
    switcher.textContent = isDark() ? "Light colours" : "Dark colours";
  }
  switcher.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  dark.addEventListener("change", label);
  label();

  addEventListener("hashchange", follow);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  if (innerWidth < 620) all("nav details").forEach((box) => { box.open = false; });
  draw().then(follow);
})();
