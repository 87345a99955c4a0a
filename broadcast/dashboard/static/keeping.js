// What somebody wrote into a long form outlives a session that was over when they sent it: this tab keeps it, for as long
// as the server keeps a preview and for nobody else, until a page says that it arrived, or that they logged out.
(() => {
  "use strict";
  const PLACE = "broadcast.written", KEPT_MS = 900000;
  const drop = () => sessionStorage.removeItem(PLACE);
  if (!document.querySelector("[data-keeping]")) return drop();
  const found = JSON.parse(sessionStorage.getItem(PLACE));
  if (found) setTimeout(drop, Math.max(found.at + KEPT_MS - Date.now(), 0));
  const form = document.querySelector("[data-kept-for]");
  if (!form) return;

  // What people write: no token of the form, no file.
  const fields = [...form.elements].filter((one) => one.name && !["hidden", "file", "submit"].includes(one.type));

  function restore() {
    for (const field of fields) {
      if (field.type === "checkbox") field.checked = field.name in found.values;
      else field.value = found.values[field.name] ?? field.value;
      if (field.value && field.type !== "select-one") field.closest("details")?.setAttribute("open", "");
    }
    document.querySelector("[data-restored]").hidden = false;
  }

  const isTheirs = found && found.who === form.dataset.keptFor && found.at + KEPT_MS > Date.now();
  if (isTheirs && "restores" in form.dataset) restore();
  drop();
  form.addEventListener("submit", () => {
    const values = Object.fromEntries(fields.filter((one) => one.type !== "checkbox" || one.checked).map((one) => [one.name, one.value]));
    sessionStorage.setItem(PLACE, JSON.stringify({ who: form.dataset.keptFor, at: Date.now(), values }));
  });
})();
