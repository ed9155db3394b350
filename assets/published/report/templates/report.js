"use strict";
(() => {
  const zhOfChart = JSON.parse(document.getElementById("chart-words").textContent);
  const attributes = ["aria-label"];

  function speak(language) {
    document.documentElement.lang = language;
    for (const node of document.querySelectorAll("[data-en]")) node.textContent = node.getAttribute("data-" + language);
    for (const name of attributes)
      for (const node of document.querySelectorAll(`[data-${name}-en]`)) node.setAttribute(name, node.getAttribute(`data-${name}-${language}`));
    for (const node of document.querySelectorAll(".chart text")) {
      if (node.dataset.said === undefined) {
        if (!(node.textContent in zhOfChart)) continue;
        node.dataset.said = node.textContent;
      }
      node.textContent = language === "zh" ? zhOfChart[node.dataset.said] : node.dataset.said;
    }
    for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", String(button.dataset.lang === language));
    for (const link of document.querySelectorAll("nav a, .brand a, main a[href*='.html']")) {
      const [path, hash] = link.getAttribute("href").split("#");
      const plain = path.split("?")[0];
      if (!plain || /^[a-z]+:/.test(plain)) continue;
      link.setAttribute("href", plain + (language === "en" ? "" : "?lang=" + language) + (hash ? "#" + hash : ""));
    }
  }

  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "zh") speak("zh");
  for (const button of document.querySelectorAll("[data-lang]"))
    button.addEventListener("click", () => {
      speak(button.dataset.lang);
      const url = new URL(location.href);
      if (button.dataset.lang === "en") url.searchParams.delete("lang");
      else url.searchParams.set("lang", button.dataset.lang);
      try { history.replaceState(null, "", url); } catch { /* a page from a file may not change its address */ }
    });

  for (const input of document.querySelectorAll("input[data-table]")) {
    const rows = [...document.querySelectorAll(`#${CSS.escape(input.dataset.table)} tbody tr`)];
    const hits = input.parentElement.querySelector(".hits");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        count += row.hidden ? 0 : 1;
      }
      hits.textContent = words.length ? `${count} / ${rows.length}` : "";
    });
  }

  const superscript = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  function measure(text) {
    const clean = text.replace(/,/g, "").trim();
    const power = clean.match(/^(-?[\d.]+) × 10(⁻?)([⁰-⁹¹²³]+)/);
    if (power) return Number(power[1]) * 10 ** Number((power[2] ? "-" : "") + [...power[3]].map((c) => superscript.indexOf(c)).join(""));
    const plain = clean.match(/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?(?=$|[\s%])/);
    return plain ? Number(plain[0]) : NaN;
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (!button) return;
    const cell = button.closest("th"), table = button.closest("table"), body = table.tBodies[0];
    const index = [...cell.parentElement.children].indexOf(cell);
    const sign = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of cell.parentElement.children) other.removeAttribute("aria-sort");
    cell.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const keyed = [...body.rows].map((row) => [row.cells[index].textContent.trim(), row]);
    keyed.sort(([a], [b]) => {
      const x = measure(a), y = measure(b);
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
      return sign * (Number.isNaN(x) ? a.localeCompare(b) : x - y);
    });
    body.append(...keyed.map(([, row]) => row));
  });

  const tip = document.getElementById("tip");
  document.addEventListener("pointermove", (event) => {
    const mark = event.target.closest?.(".chart [role=graphics-symbol][aria-label]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("aria-label");
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = (event.clientY + tip.offsetHeight + 24 > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16) + "px";
  });

  addEventListener("beforeprint", () => { for (const node of document.querySelectorAll("details:not(.sql)")) node.open = true; });
})();
