// What a page must keep to, by the rules of WCAG 2.2 that a program can judge. Gives a list of faults.
(() => {
  const faults = [];
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const named = (e) => (e.getAttribute("aria-label") || e.textContent || e.getAttribute("alt") || "").trim();
  const all = (what) => [...document.querySelectorAll(what)];
  if (!document.documentElement.lang) faults.push("no lang");
  if (!document.title.trim()) faults.push("no title");
  const ids = all("[id]").map((e) => e.id);
  ids.filter((id, k) => ids.indexOf(id) !== k).forEach((id) => faults.push(`id twice: ${id}`));
  let level = 0;
  for (const h of all("h1,h2,h3,h4,h5,h6")) {
    const own = Number(h.tagName[1]);
    if (own > level + 1) faults.push(`heading ${h.tagName} after h${level}: ${h.textContent}`);
    level = own;
  }
  for (const e of all("img")) if (!e.alt) faults.push("img without alt");
  for (const e of all("svg")) if (!e.closest("[aria-hidden=true]") && !e.getAttribute("aria-label")) faults.push("svg without name");
  for (const e of all("a[href],button,summary")) if (!named(e)) faults.push(`${e.tagName} without name`);
  for (const e of all("a[href^='#']")) if (!document.getElementById(e.hash.slice(1))) faults.push(`leads nowhere: ${e.hash}`);
  for (const e of all("th")) if (!e.scope) faults.push(`th without scope: ${e.textContent}`);
  for (const e of all("table")) if (!e.querySelector("th")) faults.push("table without headers");
  for (const e of all(".scroll")) if (e.scrollWidth > e.clientWidth && e.tabIndex !== 0) faults.push("scrolls, but not by keyboard");
  // Contrast of text and what lies behind it: 4.5, or 3 for large text.
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colour, below) => {
    pixel.fillStyle = `rgb(${below})`;
    pixel.fillRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (e) => {
    const chain = [];
    for (let at = e; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const known = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ["SCRIPT", "STYLE"].includes(e.tagName) || !shown(e)) continue;
    const style = getComputedStyle(e);
    const back = behind(e);
    const key = [style.color, back, style.fontSize, style.fontWeight].join("/");
    if (known.has(key)) continue;
    const [x, y] = [light(over(style.color, back)), light(back)];
    const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    known.set(key, ratio);
    if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return faults;
})();
