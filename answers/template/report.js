for (const link of document.querySelectorAll(".anchor-link")) link.remove();

// Table of contents: every heading of the page, as a nested list.
const contents = document.querySelector("nav details");
contents.open = matchMedia("(min-width: 64rem)").matches;
let chapters = contents.appendChild(document.createElement("ul"));
let sections = chapters;
for (const heading of document.querySelectorAll("main h2, main h3")) {
  const link = document.createElement("a");
  link.href = `#${heading.id}`;
  link.textContent = heading.textContent.trim();
  const item = document.createElement("li");
  item.append(link);
  if (heading.tagName === "H2") {
    chapters.append(item);
    sections = null;
  } else {
    sections ??= chapters.lastElementChild.appendChild(document.createElement("ul"));
    sections.append(item);
  }
}

const code = document.querySelector(".switch");
code.addEventListener("click", () => {
  const isShown = document.body.classList.toggle("with-code");
  code.setAttribute("aria-pressed", isShown);
});

// What is closed would not be printed.
addEventListener("beforeprint", () => {
  for (const rows of document.querySelectorAll("details.rows")) rows.open = true;
});

// A click on a heading sorts by that column: ascending, then descending (WAI-ARIA Authoring
// Practices, "Sortable Table"). Empty cells stay last.
for (const table of document.querySelectorAll(".table table")) {
  const headings = [...table.querySelectorAll("th")];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => {
        const cell = row.cells[column];
        return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
      };
      const isEmpty = (value) => value === "-" || value === "";
      const compare = (a, b) =>
        typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(b);
      const rows = [...table.tBodies[0].rows].sort((left, right) => {
        const [a, b] = [key(left), key(right)];
        if (isEmpty(a) || isEmpty(b)) return isEmpty(a) - isEmpty(b);
        return down ? compare(b, a) : compare(a, b);
      });
      table.tBodies[0].append(...rows);
    });
  });
}
