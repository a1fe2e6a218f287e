// The pages take Airflow's theme: it keeps it as a class of its own document, in which these pages are framed.
"use strict";
(() => {
  const own = document.documentElement;
  let frame;
  try {
    frame = window.parent !== window ? window.parent.document.documentElement : null;
  } catch {
    frame = null; // framed by another origin: the system's preference holds
  }
  const kept = () => {
    try {
      return window.localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const follow = () => {
    const said = frame ? ["dark", "light"].find((name) => frame.classList.contains(name)) : kept();
    if (said === "dark" || said === "light") own.dataset.theme = said;
    else delete own.dataset.theme;
  };
  follow();
  if (frame) new MutationObserver(follow).observe(frame, { attributes: true, attributeFilter: ["class"] });
  else window.addEventListener("storage", follow);
})();
