// Numbers and times as text: fixed decimals, thousands apart, a true minus, "–" for what is unknown.

export const UNKNOWN = "–";
const MINUS = "\u2212";
const known = (value) => typeof value === "number" && Number.isFinite(value);
const formatters = new Map();

function fixed(value, decimals) {
  let format = formatters.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat("en-US", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formatters.set(decimals, format);
  }
  return format.format(Math.abs(value));
}

export function number(value, decimals = 0) {
  if (!known(value)) return UNKNOWN;
  const text = fixed(value, decimals);
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

export function signed(value, decimals = 2) {
  if (!known(value)) return UNKNOWN;
  const text = fixed(value, decimals);
  if (!/[1-9]/.test(text)) return text;
  return (value < 0 ? MINUS : "+") + text;
}

export const direction = (value, decimals = 2) =>
  known(value) && /[1-9]/.test(fixed(value, decimals)) ? Math.sign(value) : 0;

export function age(ms) {
  if (!known(ms)) return UNKNOWN;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

export const span = (seconds) => (known(seconds) ? wholeSpan(seconds) : UNKNOWN);

function wholeSpan(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return age(seconds * 1000);
}

export function micros(us) {
  if (!known(us)) return UNKNOWN;
  return us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}

// Times are UTC everywhere, as at the venue and in the log files.
const iso = (ms) => new Date(ms).toISOString();
export const time = (ms) => (known(ms) ? iso(ms).slice(11, 19) : UNKNOWN);
export const timeMs = (ms) => (known(ms) ? iso(ms).slice(11, 23) : UNKNOWN);
export const day = (ms) => (known(ms) ? iso(ms).slice(0, 10) : UNKNOWN);

const WEEKDAY = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
});
export const dayName = (ms) => WEEKDAY.format(new Date(ms));
