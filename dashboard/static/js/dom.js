// Small helpers over the document.  Text from outside only ever becomes text content.

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  const value = text ?? "";
  if (node.textContent === value) return false;
  node.textContent = value;
  return true;
}

// Write a live number; one that changes rarely flashes once, softly, when it does.
export function setNumber(node, text, { direction = 0, flash = false } = {}) {
  const known = node.dataset.known === "yes";
  const changed = setText(node, text);
  node.classList.toggle("up", direction > 0);
  node.classList.toggle("down", direction < 0);
  if (flash && changed && known) {
    node.classList.remove("flash");
    void node.offsetWidth; // Restarts the animation.
    node.classList.add("flash");
  }
  node.dataset.known = "yes";
}

export function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// Rows as lists of [text, className]; existing rows are reused so that selection and scroll stay.
export function fillTable(table, rows) {
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach(([text, className = ""], column) => {
      const cell = row.cells[column] ?? row.insertCell();
      setText(cell, text);
      if (cell.className !== className) cell.className = className;
    });
  });
}

export function setPressed(buttons, isPressed) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(isPressed(button)));
}

// A panel for a view that is built by script: a section with its title, and what follows the title.
export function panel(title, className, ...inHeader) {
  const section = element("section", null, `panel ${className}`);
  const header = element("header");
  header.append(element("h2", title), ...inHeader);
  section.append(header);
  section.setAttribute("aria-label", title);
  return section;
}

// The part of a panel that may be wider or longer than it: it can be scrolled with the keyboard, too.
export function scrolling(title, ...nodes) {
  const box = element("div", null, "scroll");
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", title);
  box.append(...nodes);
  return box;
}

// A table with its head; `columns` are names, or [name, className].
export function table(id, columns) {
  const node = element("table", null, "table");
  node.id = id;
  const head = node.createTHead().insertRow();
  for (const column of columns) {
    const [name, className] = [column].flat();
    const cell = element("th", name, className);
    cell.scope = "col";
    head.append(cell);
  }
  node.createTBody();
  return node;
}

// A choice of one among few: `choices` are [value, text]; `onChoice(value)` is called with each press.
export function segments(label, choices, chosen, onChoice) {
  const group = element("div", null, "segments");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", label);
  for (const [value, text] of choices) {
    const button = element("button", text);
    button.type = "button";
    button.dataset.value = value;
    button.addEventListener("click", () => {
      setPressed(group.children, (one) => one === button);
      onChoice(value);
    });
    group.append(button);
  }
  setPressed(group.children, (one) => one.dataset.value === String(chosen));
  return group;
}
