"use strict";
(() => {
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest("details");
    if (folded) { folded.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));

  const table = document.querySelector("table.ranking");
  if (!table) return;
  const tools = document.querySelector("div.tools");
  const select = tools.querySelector("select");
  const said = tools.querySelector("output");
  const comparisons = JSON.parse(document.querySelector("script.comparisons").textContent);
  const compared = Number(table.dataset.compared);
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const nameOf = (row) => row.cells[0].querySelector("code").textContent;
  const key = (row, column) => {
    if (column === 0) return nameOf(row);
    const value = row.cells[column].dataset.value;
    return value === undefined ? null : Number(value);
  };
  const sort = (column, ascending) => {
    const rows = [...body.rows].sort((a, b) => {
      const [first, second] = [key(a, column), key(b, column)];
      if (first === null || second === null) return (first === null) - (second === null);
      const order = typeof first === "string" ? first.localeCompare(second) : first - second;
      return ascending ? order : -order;
    });
    body.append(...rows);
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column, head.getAttribute("aria-sort") !== "ascending"));
    head.append(button);
  });
  heads[3].setAttribute("aria-sort", "ascending");

  const compare = () => {
    const found = comparisons[select.value] || {};
    heads[compared].firstChild.textContent = `step against ${select.value}`;
    for (const row of body.rows) {
      const cell = row.cells[compared];
      const [text, ratio] = found[nameOf(row)] || ["–", null];
      cell.textContent = text;
      if (ratio === null) delete cell.dataset.value;
      else cell.dataset.value = ratio;
    }
  };
  select.addEventListener("change", compare);

  const cells = (row) => [...row.cells].map((cell, column) => {
    const text = column === 0 && cell.querySelector("code") ? nameOf(row) : cell.textContent;
    return text.replace(/\s+/g, " ").trim();
  });
  const formula = (text) => (/^[=+@-]/.test(text) ? `'${text}` : text);
  const written = {
    markdown: (rows) => {
      const lines = rows.map((row) => `| ${row.map((cell) => cell.replace(/[\\|`*_<>]/g, "\\$&")).join(" | ")} |`);
      lines.splice(1, 0, `|${rows[0].map((_, column) => (column ? " ---: |" : " :--- |")).join("")}`);
      return lines.join("\n");
    },
    csv: (rows) => rows.map((row) => row.map((cell) => `"${formula(cell).replace(/"/g, '""')}"`).join(",")).join("\r\n"),
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  tools.addEventListener("click", async (event) => {
    const format = event.target.dataset.copy;
    if (!format) return;
    const rows = [table.tHead.rows[0], ...body.rows].map(cells);
    await copy(written[format](rows) + "\n");
    said.textContent = "copied";
  });
  tools.hidden = false;
})();
