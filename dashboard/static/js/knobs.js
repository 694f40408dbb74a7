// Parameters, risk limits and who changed them: three views of one panel.

import { byId, setPressed } from "./dom.js";
import { Changes } from "./knobs_changes.js";
import { ValuesForm } from "./knobs_form.js";
import { mayLoosen } from "./knobs_loosening.js";

const KEY = "hft-knobs";
const REFRESH_MS = 2000;
const LIVE_LIMITS = ["max_loss", "target_profit", "max_position", "max_order_size"];

export class Knobs {
  constructor() {
    this.mode = "";
    this.seen = "";
    this.askedAt = -Infinity;
    this.buttons = byId("knob-tabs").children;
    this.parts = {
      params: new ValuesForm("params-form", "/api/params", { preview: true }),
      limits: new ValuesForm("limits-form", "/api/limits", {
        zeroIsOff: true,
        mayApply: (changes) => mayLoosen(changes, this.mode),
      }),
      changes: new Changes(),
    };
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.choose(button.dataset.knobs));
    }
    this.choose(kept() ?? "params");
  }

  choose(name) {
    this.chosen = name in this.parts ? name : "params";
    keep(this.chosen);
    setPressed(this.buttons, (button) => button.dataset.knobs === this.chosen);
    const nodes = { params: "params-form", limits: "limits-form", changes: "changes" };
    for (const [part, id] of Object.entries(nodes)) byId(id).hidden = part !== this.chosen;
    byId("strategy-form").hidden = this.chosen !== "params";
    this.refresh();
  }

  opened() {
    this.askedAt = -Infinity;
  }

  // What others change shows within seconds; what the status tells of it, at once.
  show(status) {
    this.mode = status.mode;
    const told = [status.active_strategy, ...LIVE_LIMITS.map((name) => status[name])].join();
    const changed = told !== this.seen;
    this.seen = told;
    if (changed || performance.now() - this.askedAt > REFRESH_MS) this.refresh();
  }

  // A phone has no room for the panel.
  refresh() {
    this.askedAt = performance.now();
    if (byId("knobs").clientHeight) this.parts[this.chosen].load();
  }
}

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // Storage is forbidden: the first tab it is.
  }
}

function keep(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // It holds for this page then.
  }
}
