// Sorts the rows of the table by the column whose title is clicked, and back by a second click.
for (const table of document.querySelectorAll("#models")) {
  const titles = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const value = (row, column) => {
    const cell = row.cells[column];
    const number = parseFloat(cell.dataset.value ?? cell.textContent.replace(/,/g, ""));
    return Number.isNaN(number) ? cell.textContent.trim() : number;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  titles.forEach((title, column) => {
    const button = document.createElement("button");
    button.append(...title.childNodes);
    if (!button.textContent) button.textContent = "verified";
    title.append(button);
    button.addEventListener("click", () => {
      const down = title.getAttribute("aria-sort") === "ascending";
      titles.forEach((each) => each.removeAttribute("aria-sort"));
      title.setAttribute("aria-sort", down ? "descending" : "ascending");
      // What has no value stands last, in either order.
      const filled = (row) => row.cells[column].textContent.trim() !== "";
      const rows = [...body.rows].sort((a, b) => {
        if (filled(a) !== filled(b)) return filled(a) ? -1 : 1;
        const order = compare(value(a, column), value(b, column));
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}
