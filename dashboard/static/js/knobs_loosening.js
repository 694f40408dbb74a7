// Outside the demo, loosening a risk limit asks once; tightening one never does.

import { ask } from "./dialog.js";
import { isNumber, labelOf, plain } from "./knobs_field.js";

// What a trip does, from the mildest.  A profit at which to stop limits no loss.
const SEVERITY = ["reduce", "halt", "flatten"];
const NO_RISK = ["target_profit"];

// A limit whose least value is 0 is off at 0, which lets everything pass.
const reach = (spec, value) => (spec.at_least === 0 && value === 0 ? Infinity : value);

export function isLooser({ spec, from, to }) {
  if (NO_RISK.includes(spec.name)) return false;
  if (isNumber(spec)) return reach(spec, to) > reach(spec, from);
  return spec.kind === "choice" && SEVERITY.indexOf(to) < SEVERITY.indexOf(from);
}

// Resolves to whether the changes are meant; `mode` is the run's.
export function mayLoosen(changes, mode) {
  const looser = changes.filter(isLooser);
  if (mode === "DEMO" || !looser.length) return Promise.resolve(true);
  const unit = ({ unit: name }) => (name ? ` ${name}` : "");
  const said = ({ spec }, value) => (reach(spec, value) === Infinity ? "off" : `${plain(value)}${unit(spec)}`);
  return ask({
    title: `Loosen ${looser.length === 1 ? "a risk limit" : "risk limits"} on ${mode.replace("_", " ")}?`,
    text: looser.map((one) => `${labelOf(one.spec)}: ${said(one, one.from)} → ${said(one, one.to)}`).join("\n"),
    yes: "Loosen",
    look: true,
  });
}
