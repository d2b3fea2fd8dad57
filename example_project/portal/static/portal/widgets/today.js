// The day in the Hebrew calendar and in the civil one.

import { h } from "../dom.js";
import { formatDay, hebrewDate } from "../texts.js";

export function today() {
  const now = new Date();
  const { day, month, year } = hebrewDate(now);
  return [
    h("p", { class: "day" }, day),
    h("p", { class: "hebrew-month" }, `${month} ${year}`),
    h("p", { class: "civil" }, formatDay(now)),
  ];
}
