// Of the credentials, those of the chosen gateway alone. Without it all are shown, and those of the others do not count.
(() => {
  "use strict";
  const chooser = document.querySelector("[data-chooses=dialect]");
  if (!chooser) return;

  function show() {
    for (const group of document.querySelectorAll("[data-dialect]")) {
      group.hidden = group.dataset.dialect !== chooser.value;
      group.disabled = group.hidden;
    }
  }

  chooser.addEventListener("change", show);
  show();
})();
