// The person's own events by day: a chart of bars, and the same as a table.

import { call, mine } from "./api.js";
import { h, s } from "./dom.js";
import { formatDay, formatNumber, isRightToLeft, t } from "./texts.js";

const HEIGHT = 200;
const FOOT = 24;
const HEAD = 18;
const LABEL = 44;

/** Return the bounds of the last days of the person's own time zone, this one included. */
export function lastDays(days) {
  const first = new Date();
  first.setHours(0, 0, 0, 0);
  const end = new Date(first);
  end.setDate(end.getDate() + 1);
  first.setDate(first.getDate() - days + 1);
  return { first, query: new URLSearchParams({ start: first.toISOString(), end: end.toISOString() }) };
}

/** Return `[{time, count}]` for each day, those without an event too. */
export async function readDays(days) {
  const { first, query } = lastDays(days);
  query.set("timeZone", Intl.DateTimeFormat().resolvedOptions().timeZone);
  const { data } = await call("GET", mine(`analytics/timeseries/?${query}`));
  const counts = new Map(data.map(({ time, count }) => [new Date(time).toDateString(), count]));
  return Array.from({ length: days }, (_, number) => {
    const time = new Date(first);
    time.setDate(time.getDate() + number);
    return { time, count: counts.get(time.toDateString()) ?? 0 };
  });
}

const sum = (rows) => rows.reduce((all, { count }) => all + count, 0);
const shortDay = (time) => new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short" }).format(time);

function bars(rows, width) {
  const most = Math.max(1, ...rows.map(({ count }) => count));
  const step = width / rows.length;
  const bar = Math.min(28, step * 0.66);
  const floor = HEIGHT - FOOT;
  const every = Math.ceil(rows.length / Math.max(2, Math.floor(width / 78)));
  const parts = rows.flatMap(({ time, count }, number) => {
    const place = isRightToLeft() ? rows.length - 1 - number : number;
    const middle = (place + 0.5) * step;
    const height = count === 0 ? 3 : Math.max(5, (count / most) * (floor - HEAD));
    const isLabelled = (rows.length - 1 - number) % every === 0;
    return [
      s("rect", { class: count ? "bar" : "none", x: middle - bar / 2, y: floor - height, width: bar, height, rx: Math.min(6, bar / 2, height / 2) }, s("title", {}, `${formatDay(time, "medium")}: ${formatNumber(count)}`)),
      // Not beyond the edges, where half of the label would stick out.
      isLabelled && s("text", { x: Math.min(Math.max(middle, LABEL / 2), width - LABEL / 2), y: HEIGHT - 5, "text-anchor": "middle" }, shortDay(time)),
      count === most && s("text", { x: middle, y: floor - height - 6, "text-anchor": "middle" }, formatNumber(count)),
    ];
  });
  return [s("line", { class: "rule", x1: 0, x2: width, y1: floor + 0.5, y2: floor + 0.5 }), ...parts].filter(Boolean);
}

/** Return the chart of the days with its numbers and its table. */
export function chart(rows) {
  const most = Math.max(0, ...rows.map(({ count }) => count));
  const label = t("chartLabel", { all: formatNumber(sum(rows)), most: formatNumber(most) });
  const picture = s("svg", { role: "img", "aria-label": label });
  const frame = h("div", { class: "chart" }, picture);
  // Drawn in real pixels, so that its text has the size of other text.
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === 0) return;
    picture.setAttribute("viewBox", `0 0 ${contentRect.width} ${HEIGHT}`);
    picture.replaceChildren(...bars(rows, contentRect.width));
  }).observe(frame);
  const numbers = [[sum(rows), "events"], [most, "busiest"], [rows.filter(({ count }) => count).length, "activeDays"]];
  const table = h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("date")), h("th", { scope: "col", class: "count" }, t("count")))),
    h("tbody", {}, rows.toReversed().map(({ time, count }) => h("tr", {}, h("td", {}, formatDay(time, "medium")), h("td", { class: "count" }, formatNumber(count))))));
  return [
    h("div", { class: "numbers" }, numbers.map(([number, name]) => h("div", {}, h("b", {}, formatNumber(number)), h("span", {}, t(name))))),
    frame,
    h("details", {}, h("summary", {}, t("asTable")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("asTable") }, table)),
  ];
}
