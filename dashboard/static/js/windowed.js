// A long table of which only the rows in sight are in the document.  All rows are of one height; room above
// and below them stands for the others.  The table is one stop for the keyboard: arrows, page keys, Home and
// End move within it, Enter acts on a row, left and right fold and unfold.

const OVERSCAN = 8;

export class Windowed {
  // `fill(row, index)` writes a row whose cells are there already; `handleOf(index)` names a row by what it
  // shows and `indexOf(handle)` finds it again after rows came or went; `onAct(index)` is a click or Enter;
  // `onFold(index, unfold)` an arrow to the side; `onSeen(first, last)` tells which rows are in sight.
  constructor(box, table, { fill, handleOf, indexOf, onAct, onFold = () => {}, onSeen = () => {} }) {
    Object.assign(this, { box, table, fill, handleOf, indexOf, onAct, onFold, onSeen });
    this.count = 0;
    this.active = null;
    this.top = null; // The first row in sight and how far it is scrolled, or null at the very top.
    this.start = this.end = 0;
    this.body = table.tBodies[0];
    this.columns = table.tHead.rows[0].cells.length;
    this.room = document.createElement("div");
    this.room.className = "room";
    this.room.append(table);
    table.tabIndex = 0;
    table.tHead.rows[0].setAttribute("aria-rowindex", "1");
    table.hidden = true;
    box.classList.add("windowed");
    box.append(this.room);
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    table.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    new ResizeObserver(() => this.shown()).observe(box);
  }

  get atTop() {
    return this.top === null;
  }

  // Changes what the rows are: `change()` returns how many there are then.  Whoever reads further down keeps
  // the rows they look at in their place; whoever is at the top sees what is new.
  update(change) {
    const active = this.active === null ? null : this.handleOf(this.active);
    this.count = change();
    this.active = active === null ? null : Math.min(this.indexOf(active), this.count - 1);
    if (this.active < 0) this.active = null;
    this.table.setAttribute("aria-rowcount", String(this.count + 1));
    this.table.hidden = this.count === 0;
    if (!this.count) this.empty();
    this.shown();
  }

  // Call when the box has come into view or changed its size: a hidden box has none and is not drawn.
  shown() {
    if (!this.box.clientHeight || !this.count) return;
    this.measure();
    this.room.style.height = `${this.headHeight + this.count * this.rowHeight}px`;
    const wanted = this.top ? this.indexOf(this.top.handle) * this.rowHeight + this.top.offset : 0;
    if (Math.abs(this.box.scrollTop - wanted) >= 1) this.box.scrollTop = wanted;
    this.draw();
  }

  // Nothing is left to scroll over, and what comes next is seen from the top.
  empty() {
    this.top = null;
    this.room.style.height = this.room.style.paddingTop = "0";
  }

  toTop() {
    this.top = null;
    this.shown();
  }

  measure() {
    this.headHeight = this.table.tHead.offsetHeight;
    const row = this.body.rows[0] ?? this.addRow();
    this.rowHeight = row.getBoundingClientRect().height;
  }

  scrolled() {
    if (!this.box.clientHeight || !this.count) return;
    const at = Math.max(0, this.box.scrollTop);
    const first = Math.min(this.count - 1, Math.floor(at / this.rowHeight));
    this.top = at < 1 ? null : { handle: this.handleOf(first), offset: at - first * this.rowHeight };
    this.draw(false);
  }

  // The drawn rows begin at a multiple of a few, so that most steps of a scroll change no row at all.
  draw(anew = true) {
    const first = Math.floor(this.box.scrollTop / this.rowHeight);
    const seen = Math.ceil((this.box.clientHeight - this.headHeight) / this.rowHeight) + 1;
    const start = Math.max(0, Math.floor(first / OVERSCAN) * OVERSCAN - OVERSCAN);
    const end = Math.min(this.count, start + Math.ceil(seen / OVERSCAN) * OVERSCAN + 3 * OVERSCAN);
    this.onSeen(Math.min(first, this.count), Math.min(first + seen, this.count));
    if (!anew && start === this.start && end === this.end) return;
    if (!anew) this.turn(start);
    [this.start, this.end] = [start, end];
    this.room.style.paddingTop = `${start * this.rowHeight}px`;
    while (this.body.rows.length < end - start) this.addRow();
    while (this.body.rows.length > end - start) this.body.deleteRow(-1);
    for (let index = start; index < end; index += 1) {
      const row = this.body.rows[index - start];
      if (anew || row.id !== this.idOf(index)) this.drawRow(row, index);
    }
    this.mark();
  }

  // Rows that stay in sight keep their place in the document; those that leave at one end come in at the other.
  turn(start) {
    if (start >= this.end || this.start >= start + this.body.rows.length) return;
    for (let index = this.start; index < start; index += 1) this.body.append(this.body.rows[0]);
    for (let index = start; index < this.start; index += 1) this.body.prepend(this.body.lastElementChild);
  }

  idOf(index) {
    return `${this.table.id}-${index}`;
  }

  drawRow(row, index) {
    row.id = this.idOf(index);
    row.setAttribute("aria-rowindex", String(index + 2));
    this.fill(row, index);
  }

  addRow() {
    const row = this.body.insertRow();
    for (let column = 0; column < this.columns; column += 1) {
      row.insertCell().className = this.table.tHead.rows[0].cells[column].className;
    }
    return row;
  }

  // Which row the keyboard is at; a row that is not drawn cannot be named.
  mark() {
    for (const row of this.body.querySelectorAll(".active")) row.classList.remove("active");
    const drawn = this.active !== null && this.active >= this.start && this.active < this.end;
    if (!drawn) {
      this.table.removeAttribute("aria-activedescendant");
      return;
    }
    const row = this.body.rows[this.active - this.start];
    row.classList.add("active");
    this.table.setAttribute("aria-activedescendant", row.id);
  }

  clicked(event) {
    const row = event.target.closest("tr");
    if (!row) return;
    this.active = this.start + row.sectionRowIndex;
    this.mark();
    this.onAct(this.active);
  }

  key(event) {
    const page = Math.max(1, Math.floor((this.box.clientHeight - this.headHeight) / this.rowHeight) - 1);
    const first = Math.ceil(this.box.scrollTop / this.rowHeight);
    const now = this.active ?? first - 1;
    const targets = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: this.count - 1 };
    if (event.ctrlKey || event.metaKey || event.altKey || !this.count) return;
    if (event.key in targets) this.goTo(targets[event.key]);
    else if (this.active === null) return;
    else if (event.key === "Enter" || event.key === " ") this.onAct(this.active);
    else if (event.key === "ArrowRight") this.onFold(this.active, true);
    else if (event.key === "ArrowLeft") this.onFold(this.active, false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  goTo(index) {
    this.active = Math.max(0, Math.min(this.count - 1, index));
    const above = this.active * this.rowHeight;
    const below = above + this.rowHeight + this.headHeight - this.box.clientHeight;
    if (this.box.scrollTop > above) this.box.scrollTop = above;
    else if (this.box.scrollTop < below) this.box.scrollTop = below;
    this.scrolled();
    this.mark();
  }
}
