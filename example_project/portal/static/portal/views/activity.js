// The person's history, page by page, and figures of their own events.

import { call, mine } from "../api.js";
import { chart, lastDays, readDays } from "../chart.js";
import { card, h } from "../dom.js";
import { arriving, attempt } from "../notices.js";
import { find, formatClock, formatDay, formatNumber, formatTime, t } from "../texts.js";

const RANGES = [7, 30, 90];
const PAGE = 20;

let days = 30;

/** Return the name of an event; one of another app is called what that app calls it. */
const nameOf = (kind, name) => find(`${kind}_${name}`) ?? String(name ?? "–").replaceAll("_", " ");

export function eventRow({ eventType, appId, timestamp }, format = formatTime) {
  const where = appId && appId !== "portal" ? ` ${t("inApp", { app: appId })}` : "";
  return h("li", { class: "event" }, h("span", { class: "dot" }), h("div", {}, nameOf("event", eventType) + where, h("time", { datetime: timestamp }, format(timestamp))));
}

function history() {
  const rows = h("div");
  let lastDay = null;
  let list = null;
  const append = (events) => events.forEach((event) => {
    const day = formatDay(event.timestamp);
    if (day !== lastDay) rows.append(h("h3", { class: "day-name" }, day), (list = h("ul")));
    lastDay = day;
    list.append(eventRow(event, formatClock));
  });
  return card({ title: t("history"), picture: "pulse" }, h("p", { class: "soft small" }, t("historyHint")), arriving(async () => {
    const { data } = await call("GET", mine(`activities/?limit=${PAGE}`));
    if (data.results.length === 0) return h("p", { class: "empty" }, t("noEvents"));
    append(data.results);
    let { next } = data;
    const end = h("p", { class: "soft small", tabindex: "-1" }, t("allSeen"));
    const older = h("button", { type: "button", class: "button quiet", id: "older", onclick: () => attempt(async () => {
      const page = await call("GET", new URL(next).pathname + new URL(next).search);
      append(page.data.results);
      next = page.data.next;
      if (next) return;
      older.replaceWith(end);
      end.focus();
    }) }, t("older"));
    return [rows, h("p", { class: "actions" }, next ? older : end)];
  }));
}

function ownFigures(redraw) {
  const choices = h("fieldset", { class: "choices" }, h("legend", { class: "hidden-text" }, t("range")), RANGES.map((number) =>
    h("label", {}, h("input", { type: "radio", name: "days", id: `days-${number}`, checked: number === days, onchange: () => { days = number; redraw(); } }), t(`days${number}`))));
  return card({ title: t("figures"), picture: "bars", tools: [choices] }, arriving(async () => {
    const [rows, { data }] = await Promise.all([readDays(days), call("GET", mine(`analytics/event-counts/?${lastDays(days).query}`))]);
    return [chart(rows), data.length > 0 && kinds(data)].flat().filter(Boolean);
  }));
}

const kinds = (counts) => h("div", {}, h("h3", { class: "day-name" }, t("kinds")), h("table", {},
  h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("kind")), h("th", { scope: "col", class: "count" }, t("count")))),
  h("tbody", {}, counts.slice(0, 12).map(({ eventName, count }) => h("tr", {}, h("td", {}, nameOf("name", eventName)), h("td", { class: "count" }, formatNumber(count)))))));

export const activity = ({ redraw }) => [
  h("div", { class: "heading" }, h("h1", {}, t("activity"))),
  h("div", { class: "columns" }, ownFigures(redraw), history()),
];
