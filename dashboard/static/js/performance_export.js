// What of the range may be taken away as a file.

import { element, panel } from "./dom.js";

const WHAT = ["trades", "orders", "funding", "equity", "events", "candles", "markouts"];
const FORMATS = [["csv", "CSV"], ["parquet", "Parquet"]];

export class Export {
  // `query(more)` gives the range as the view has it, with more in it.
  constructor(query) {
    this.query = query;
    this.node = panel("Export", "half");
    const form = element("div", null, "form export");
    this.what = choice("What", WHAT.map((name) => [name, name]));
    this.format = choice("as", FORMATS);
    this.link = element("a", "Download", "button small");
    this.link.id = "export-link";
    this.link.download = "";
    for (const list of [this.what, this.format]) {
      list.addEventListener("change", () => this.show());
      form.append(list.parentElement);
    }
    form.append(this.link);
    this.node.append(form, element("p", "The range above, exact amounts included; a file begins to arrive at once, however long it gets.", "sub"));
  }

  show() {
    this.link.href = `/api/export?${this.query({ what: this.what.value, format: this.format.value })}`;
  }
}

function choice(name, options) {
  const label = element("label", name, "date");
  const list = element("select");
  list.append(...options.map(([value, text]) => new Option(text, value)));
  label.append(list);
  return list;
}
