// A link to one of Airflow's own pages moves Airflow itself, not the frame that these pages are in.
"use strict";
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const path = new URL(link.href, window.location.href);
  window.parent.history.pushState({}, "", path.pathname + path.search);
  window.parent.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
});
// A choice in a filter acts at once; without this script its button does.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-at-once]");
  if (form) form.requestSubmit();
});
