// Says the values of a week under the pointer, or under the arrow keys. They come from the chart's own table.
"use strict";
for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const picture = figure.querySelector("svg");
  const readout = figure.querySelector("output");
  const heads = [...figure.querySelectorAll("thead th")].map((head) => head.textContent);
  const rows = [...figure.querySelectorAll("tr[data-x]")];
  if (!rows.length) continue;
  const rest = readout.textContent;
  const cross = picture.querySelector(".cross");
  const dot = picture.querySelector(".at");
  let shown = rows.length - 1;

  const show = (number) => {
    shown = Math.max(0, Math.min(rows.length - 1, number));
    const { x, y } = rows[shown].dataset;
    cross.setAttribute("transform", `translate(${x} 0)`);
    dot.setAttribute("transform", `translate(${x} ${y})`);
    cross.style.visibility = dot.style.visibility = "visible";
    const cells = [...rows[shown].children].map((cell) => cell.textContent);
    const named = cells.slice(1, -1).map((cell, place) => `${heads[place + 1]} ${cell}`);
    readout.textContent = `${cells[0]}: ${named.join(", ")}; ${cells.at(-1)}`;
  };
  const hide = () => {
    cross.style.visibility = dot.style.visibility = "hidden";
    readout.textContent = rest;
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
    const gap = (row) => Math.abs(Number(row.dataset.x) - x);
    show(rows.reduce((best, row, number) => (gap(row) < gap(rows[best]) ? number : best), 0));
  });
  picture.addEventListener("pointerleave", hide);
  picture.setAttribute("tabindex", "0");
  picture.addEventListener("focus", () => show(shown));
  picture.addEventListener("blur", hide);
  picture.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: shown - 1, ArrowRight: shown + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
}
