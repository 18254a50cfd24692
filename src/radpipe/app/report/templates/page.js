// A click on a heading, or Enter, sorts the rows below it; the ceiling's row stays on top.
const text = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
// Counts have thin spaces, differences a true minus, shares a sign.
const number = (said) => (said === "" ? NaN : Number(said.replace(/[\u202f\s%<]/g, "").replace("\u2212", "-")));
const empty = (said) => said === "" || said === "\u2013";
const compare = (a, b) => {
  const [x, y] = [number(a), number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a.localeCompare(b, "en", { numeric: true });
};
const sort = (body, column, down) => {
  const rows = [...body.rows].map((row) => [text(row, column), row]);
  const known = rows.filter(([said]) => !empty(said)).sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
  // What is not known stands last either way.
  body.append(...[...known, ...rows.filter(([said]) => empty(said))].map(([, row]) => row));
};
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table.querySelector("tbody.rows"), column, down);
    });
  });
}
// What is wider than the window is scrolled with the keyboard, too.
const reach = () => {
  for (const box of document.querySelectorAll(".scroll")) {
    const wide = box.scrollWidth > box.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", "Table"]]) {
      if (wide) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  }
};
addEventListener("resize", reach);
reach();
// An address inside of what is folded unfolds it; so does printing, of all.
const unfold = () => {
  for (let at = document.getElementById(location.hash.slice(1)); at; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
  }
};
addEventListener("hashchange", unfold);
unfold();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
