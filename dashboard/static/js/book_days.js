// The timeline of trades as rows: years, months and days with their sums, and the trades of the days that
// are open.  Trades are fetched in pages as they come into sight; nobody holds a whole day of them.

import { dayName, monthName } from "./format.js";
import { get } from "./server.js";

export const PAGE = 200;
const PAGES_KEPT = 40;
const ABOVE_PAGES = 10;

// A day of the calendar.  Its trades are counted from its `anchor`, the newest one when it was opened: what
// came since stands in `above`, so a page stays where it is however much is traded.  `sunk` counts those that
// were above once and are in pages by now.
class Day {
  constructor(sums) {
    this.reset();
    this.sums = sums;
  }

  reset() {
    this.above = [];
    this.sunk = 0;
    this.pages = new Map();
    this.lastIds = new Map();
    this.anchor = null;
    this.anchored = null;
    this.loading = new Map();
  }

  get isHeld() {
    return this.anchored !== null || this.loading.size > 0;
  }

  // What is above the first anchor, in pages or not.
  get risen() {
    return this.above.length + this.sunk;
  }

  get size() {
    return this.anchored === null ? this.sums.count : this.above.length + this.anchored;
  }

  at(place) {
    if (place < this.above.length) return this.above[place];
    const from = place - this.above.length;
    return this.pages.get(Math.floor(from / PAGE))?.[from % PAGE];
  }

  // The pages behind these places that are not here and not on their way.
  missing(first, last) {
    const pages = [];
    const from = Math.max(0, first - this.above.length);
    for (let page = Math.floor(from / PAGE); page * PAGE + this.above.length < Math.min(last, this.size); page += 1) {
      if (!this.pages.has(page) && !this.loading.has(page)) pages.push(page);
    }
    return pages;
  }

  async load(page) {
    const generation = this.loading;
    generation.set(page, true);
    try {
      if (page && this.anchor === null) await this.take(0, generation);
      await this.take(page, generation);
    } finally {
      generation.delete(page);
    }
  }

  async take(page, generation) {
    const asked = this.sums.count;
    const { trades } = await get(`/api/history?${this.query(page)}`);
    // Whoever was reset meanwhile counts from another trade.
    if (generation !== this.loading) return;
    if (page === 0 && this.anchor === null) [this.anchor, this.anchored] = [trades[0]?.id ?? null, asked];
    // A short page is the last one: the database knows better than the calendar how many there are.
    if (trades.length < PAGE) this.anchored = page * PAGE + trades.length;
    this.pages.set(page, trades);
    if (trades.length) this.lastIds.set(page, trades.at(-1).id);
    if (this.pages.size > PAGES_KEPT) this.drop(page);
  }

  // Behind a page that was read, its last trade is where to go on; after a jump, the place is counted.
  query(page) {
    const within = `limit=${PAGE}&from_ms=${this.sums.from_ms}&to_ms=${this.sums.to_ms}`;
    if (page === 0) return within;
    const before = this.lastIds.get(page - 1);
    if (before !== undefined) return `${within}&before_id=${before}`;
    return `${within}&before_id=${this.anchor}&offset=${page * PAGE - 1}`;
  }

  // Lets go of the page that is farthest from here; the first one tells what is newer than all of them.
  drop(near) {
    const others = [...this.pages.keys()].filter((page) => page !== 0);
    others.sort((a, b) => Math.abs(b - near) - Math.abs(a - near));
    this.pages.delete(others[0]);
  }

  has(trade) {
    return trade.exchange_ts_ms >= this.sums.from_ms && trade.exchange_ts_ms < this.sums.to_ms;
  }

  // Puts the trades that are newer than all known ones on top; what the count does not explain then came
  // late, somewhere below, and the day is read anew.
  renew(sums, newest) {
    const grown = sums.count !== this.sums.count;
    this.sums = sums;
    if (this.anchored === null) return;
    const known = this.above[0] ?? this.pages.get(0)?.[0];
    const fresh = known ? newest.filter((trade) => this.has(trade) && isAfter(trade, known)) : [];
    this.above.unshift(...fresh);
    if (grown && sums.count > this.size) this.reset();
    else if (this.above.length >= ABOVE_PAGES * PAGE) this.sink();
  }

  // Makes pages of what is above: pages may be let go, so a day that is left open holds few of its trades.
  sink() {
    const count = Math.floor(this.above.length / PAGE);
    const moved = this.above.splice(this.above.length - count * PAGE);
    const below = (map) => [...map].map(([page, value]) => [page + count, value]);
    [this.pages, this.lastIds] = [new Map(below(this.pages)), new Map(below(this.lastIds))];
    for (let page = 0; page < count; page += 1) {
      const trades = moved.slice(page * PAGE, (page + 1) * PAGE);
      this.pages.set(page, trades);
      this.lastIds.set(page, trades.at(-1).id);
    }
    [this.anchor, this.anchored] = [moved[0].id, this.anchored + moved.length];
    this.sunk += moved.length;
    this.loading = new Map(); // What is on its way was counted from the anchor before.
    while (this.pages.size > PAGES_KEPT) this.drop(0);
  }
}

const isAfter = (one, other) =>
  one.exchange_ts_ms > other.exchange_ts_ms || (one.exchange_ts_ms === other.exchange_ts_ms && one.id > other.id);

export class Timeline {
  constructor() {
    this.days = [];
    this.folds = new Map(); // What a person opened or closed, by key.
    this.parts = [];
    this.count = 0;
  }

  // Takes the calendar and the newest trades; returns how many rows there are.
  renew(rows, newest) {
    const known = new Map(this.days.map((day) => [day.sums.day, day]));
    this.days = rows.map((sums) => {
      const day = known.get(sums.day) ?? new Day(sums);
      day.renew(sums, newest);
      return day;
    });
    return this.arrange();
  }

  forget() {
    for (const day of this.days) day.reset();
  }

  isOpen(key) {
    // Years and months are open, and the newest day.
    return this.folds.get(key) ?? (key.length < 10 || key === this.days[0]?.sums.day);
  }

  fold(key, open) {
    this.folds.set(key, open);
    return this.arrange();
  }

  // Lists the groups in sight with the row each begins at.  A year says nothing while there is only one.
  arrange() {
    // What is closed is not held: a page that stays open for a week sees many days end.
    for (const day of this.days) if (day.isHeld && !this.isOpen(day.sums.day)) day.reset();
    this.parts = [];
    this.count = 0;
    const years = grouped(this.days, 4);
    for (const [year, ofYear] of years) {
      if (years.size > 1 && !this.group(year, year, 1, ofYear)) continue;
      for (const [month, ofMonth] of grouped(ofYear, 7)) {
        if (!this.group(month, monthName(month), 2, ofMonth)) continue;
        for (const day of ofMonth) this.group(day.sums.day, dayName(day.sums.day), 3, [day], day);
      }
    }
    return this.count;
  }

  // Adds a group's own row, and those of its trades when it is an open day; tells whether it is open.
  group(key, name, level, days, day = null) {
    const open = this.isOpen(key);
    this.parts.push({ key, name, level, open, day, start: this.count, sums: sumOf(days) });
    this.count += 1 + (open && day ? day.size : 0);
    return open;
  }

  // The group of a row, and its place within: -1 is the group's own row.
  locate(index) {
    let [low, high] = [0, this.parts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.parts[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    const part = this.parts[low];
    return { part, place: index - part.start - 1 };
  }

  handleOf(index) {
    const { part, place } = this.locate(index);
    return { key: part.key, from: place < 0 ? null : place - part.day.risen };
  }

  indexOf({ key, from }) {
    const part = this.parts.find((one) => one.key === key);
    if (!part) return 0;
    if (from === null || !part.open) return part.start;
    return part.start + Math.min(part.day.size, 1 + part.day.risen + from);
  }

  // The pages to fetch for what is in sight, as [day, page].
  missing(first, last) {
    if (!this.count) return [];
    const pages = [];
    const inSight = this.parts.filter((part) => part.open && part.day && part.start < last && part.start + part.day.size >= first);
    for (const { day, start } of inSight) {
      for (const page of day.missing(first - start - 1, last - start - 1)) pages.push([day, page]);
    }
    return pages;
  }
}

function grouped(days, letters) {
  const groups = new Map();
  for (const day of days) {
    const key = day.sums.day.slice(0, letters);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(day);
  }
  return groups;
}

function sumOf(days) {
  const total = { count: 0, net: 0, fees: 0, wins: 0, losses: 0 };
  for (const { sums } of days) for (const name of Object.keys(total)) total[name] += sums[name];
  return total;
}
