// The last things that the person did.

import { call, mine } from "../api.js";
import { h } from "../dom.js";
import { arriving } from "../notices.js";
import { t } from "../texts.js";
import { eventRow } from "../views/activity.js";

export const recent = () => arriving(async () => {
  const { data } = await call("GET", mine("activities/?limit=5"));
  if (data.results.length === 0) return h("p", { class: "empty" }, t("noEvents"));
  return [h("ul", {}, data.results.map((event) => eventRow(event))), h("p", { class: "small" }, h("a", { href: "#/activity" }, t("history")))];
});
