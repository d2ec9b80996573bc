// Sorting and filtering of tables and findings; also loaded into notebooks, where it must not be installed twice.
(() => {
  "use strict";
  if (window.readybookTables) return;
  window.readybookTables = true;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const value = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent.trim();
  const RANK = { critical: 0, high: 1, medium: 2, low: 3 };

  function compare(a, b) {
    if (a in RANK && b in RANK) return RANK[a] - RANK[b];
    const x = Number(a), y = Number(b);
    if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, "en", { numeric: true });
  }

  function sort(button) {
    const head = button.closest("th"), body = button.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending", i = head.cellIndex;
    all("th", head.parentNode).forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => compare(value(a, i), value(b, i)));
    body.append(...(down ? rows.reverse() : rows));
  }

  function filter(input) {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const scope = input.closest(".table, .findings");
    const own = scope.matches(".findings") ? ".finding" : "tbody tr";
    const items = all(own, scope);
    let shown = 0;
    for (const item of items) {
      const check = item.closest(".check");
      const text = (item.textContent + " " + (check ? check.querySelector("summary").textContent : "")).toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
      shown += item.hidden ? 0 : 1;
    }
    for (const check of all(".check", scope)) {
      check.hidden = words.length > 0 && !check.querySelector(".finding:not([hidden])");
      if (words.length && !check.hidden) check.open = true;
    }
    scope.querySelector("[data-count]").textContent = words.length ? `${shown} of ${items.length} shown` : "";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-sort]");
    if (button) sort(button);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-find]")) filter(event.target);
  });
})();
