// Who changed what, newest first.

import { byId, element, fillTable, setText, table } from "./dom.js";
import { day, time } from "./format.js";
import { plain } from "./knobs_field.js";
import { get, Refused } from "./server.js";

const SHOWN = 200;

export class Changes {
  constructor() {
    this.table = table("changes-list", ["When", "What", "From → to", "Who"]);
    this.empty = element("p", "Nothing was changed yet.", "empty");
    byId("changes").append(this.table, this.empty);
    this.table.hidden = true;
  }

  async load() {
    try {
      const { changes } = await get(`/api/changes?limit=${SHOWN}`);
      const today = day(Date.now());
      fillTable(this.table, changes.map((one) => [
        [day(one.ms) === today ? time(one.ms) : `${day(one.ms)} ${time(one.ms)}`],
        [`${one.what} ${one.name.replaceAll("_", " ")}`],
        [`${plain(one.from)} → ${plain(one.to)}`],
        [one.who, "quiet"],
      ]));
      this.table.hidden = changes.length === 0;
      this.empty.hidden = changes.length > 0;
      setText(this.empty, "Nothing was changed yet.");
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      this.empty.hidden = !this.table.hidden;
      setText(this.empty, refusal.message);
    }
  }
}
