// JupyterLab takes arrows, Enter and Space of controls in an output for itself, unless the control says that it wants them.
(() => {
  "use strict";
  if (window.readybookKeys) return;
  window.readybookKeys = true;
  document.addEventListener("focusin", (event) => {
    if (event.target.closest?.(".readybook-part, .readybook"))
      event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  });
})();
