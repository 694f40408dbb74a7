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

// Times are the viewer's own, in 24 hours, whatever the language of the browser.
const part = (options) => new Intl.DateTimeFormat("en-GB", options);
const CLOCK = part({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const WEEKDAY = part({ weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MONTH = part({ month: "long", year: "numeric", timeZone: "UTC" });
const SHORT_DAY = part({ day: "numeric", month: "short" });
const pad = (value, width = 2) => String(value).padStart(width, "0");

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
export const zoneName = () => `${zone} (${offset(new Date())})`;
export const time = (ms) => (known(ms) ? CLOCK.format(ms) : UNKNOWN);
export const timeMs = (ms) => (known(ms) ? `${CLOCK.format(ms)}.${pad(((ms % 1000) + 1000) % 1000, 3)}` : UNKNOWN);
// Days and months of a calendar are named by their text ("2026-11-28", "2026-11"), whatever the zone.
export const dayName = (text) => WEEKDAY.format(Date.parse(`${text}T00:00Z`));
export const monthName = (text) => MONTH.format(Date.parse(`${text}-01T00:00Z`));
export const shortDay = (ms) => SHORT_DAY.format(ms);

export function nanos(ns) {
  if (!known(ns)) return UNKNOWN;
  const size = Math.abs(ns);
  if (size < 10_000) return `${(ns / 1000).toFixed(size < 1000 ? 2 : 1)} µs`;
  if (size < 1e6) return `${Math.round(ns / 1000)} µs`;
  if (size < 1e9) return `${(ns / 1e6).toFixed(size < 1e7 ? 2 : size < 1e8 ? 1 : 0)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

export function day(ms) {
  if (!known(ms)) return UNKNOWN;
  const date = new Date(ms);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

function offset(date) {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? MINUS : "+"}${Math.floor(size / 60)}${size % 60 ? `:${pad(size % 60)}` : ""}`;
}

// When a range begins in the viewer's zone, in milliseconds; "all" begins with the first trade there is.
export function rangeStart(range, now = new Date()) {
  const [year, month, date] = [now.getFullYear(), now.getMonth(), now.getDate()];
  if (range === "today") return new Date(year, month, date).getTime();
  if (range === "month") return new Date(year, month, 1).getTime();
  if (range === "year") return new Date(year, 0, 1).getTime();
  return null;
}
