// A chart over time in the viewer's zone and in the colours of the page; both charts of the page are one.

import { createChartEx, defaultHorzScaleBehavior } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { colour, faded, painted } from "./colours.js";
import { day, number, time, timeMs } from "./format.js";

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short" });
const SHORT_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const HOUR_AND_MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const offsetS = (seconds) => -60 * new Date(seconds * 1000).getTimezoneOffset();

// The library takes the days and hours of UTC for its marks.  Times stay what they are, so that the hour
// a clock repeats in autumn keeps its order; only what a mark weighs is judged by the viewer's clock.
class ViewersTime extends defaultHorzScaleBehavior() {
  fillWeightsForPoints(points, startIndex = 0) {
    const first = Math.max(0, startIndex - 1);
    const judged = points.slice(first).map((point) => {
      const seconds = this.key(point.time);
      return { time: this.convertHorzItemToInternal(seconds + offsetS(seconds)), timeWeight: point.timeWeight };
    });
    super.fillWeightsForPoints(judged, startIndex - first);
    judged.forEach((one, index) => (points[first + index].timeWeight = one.timeWeight));
  }
}

// The library's kinds of marks, from the year down to the second.
const MARKS = [
  (ms) => String(new Date(ms).getFullYear()),
  (ms) => MONTH.format(ms),
  (ms) => SHORT_DAY.format(ms),
  (ms) => HOUR_AND_MINUTE.format(ms),
  (ms) => time(ms),
];

function moment(seconds) {
  const ms = Math.round(seconds * 1000);
  const clock = ms % 1000 ? timeMs(ms) : time(ms);
  return day(ms) === day(Date.now()) ? clock : `${day(ms)} ${clock}`;
}

// Makes a chart in a box; `repaint(chart)` is called with every change of the theme, and once.
export function timeChart(box, repaint) {
  const chart = createChartEx(box, new ViewersTime(), {
    autoSize: true,
    layout: { attributionLogo: false, background: { color: "transparent" } },
    timeScale: {
      timeVisible: true,
      secondsVisible: true,
      minBarSpacing: 0.05,
      tickMarkFormatter: (seconds, kind) => MARKS[kind](seconds * 1000),
    },
    localization: { timeFormatter: moment },
    kineticScroll: { mouse: false },
  });
  painted(() => {
    paint(chart);
    repaint();
  });
  // Type grows with the screen.
  new ResizeObserver(() => chart.applyOptions({ layout: type() })).observe(box);
  return chart;
}

// How much larger than on a common screen things are drawn.
export const magnified = () => type().fontSize / 11;

function type() {
  const style = getComputedStyle(document.body);
  return { fontSize: parseFloat(style.getPropertyValue("--tiny")), fontFamily: style.fontFamily };
}

function paint(chart) {
  const line = colour("--line");
  const grid = { color: faded("--line", 0.55) };
  const crosshair = { color: colour("--edge"), labelBackgroundColor: colour("--quiet") };
  chart.applyOptions({
    layout: { textColor: colour("--quiet"), ...type() },
    grid: { vertLines: grid, horzLines: grid },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line },
    crosshair: { mode: 0, vertLine: crosshair, horzLine: crosshair },
  });
}

// How prices or money of so many decimals stand at the axis.
export const decimalFormat = (decimals, text = number) => ({
  type: "custom",
  minMove: 10 ** -decimals,
  formatter: (value) => text(value, decimals),
});

// The place of the last time that is not after `ms` in an ascending list of `[ms, …]`; -1 before the first.
export function placeOf(rows, ms) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle][0] <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// Keys on a chart: arrows pan, plus and minus zoom, End is the newest.
export function wireKeys(box, chart, { moved, newest }) {
  box.tabIndex = 0;
  let asked = null; // What the chart was asked to show and shows with its next frame.
  box.addEventListener("keydown", (event) => {
    const scale = chart.timeScale();
    const range = asked ?? scale.getVisibleLogicalRange();
    if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = range.to - range.from;
    const step = { ArrowLeft: [-0.1, -0.1], ArrowRight: [0.1, 0.1], "+": [0.15, -0.15], "=": [0.15, -0.15], "-": [-0.2, 0.2] }[event.key];
    if (event.key === "End") newest();
    else if (!step) return;
    else {
      moved?.();
      asked = { from: range.from + step[0] * width, to: range.to + step[1] * width };
      scale.setVisibleLogicalRange(asked);
      requestAnimationFrame(() => requestAnimationFrame(() => (asked = null)));
    }
    event.preventDefault();
  });
}
