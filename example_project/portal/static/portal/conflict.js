// Two versions of the same thing side by side, for the person to choose.

import { h, icon } from "./dom.js";
import { t } from "./texts.js";

/** Return the choice; `mine` and `theirs` are lines of text, `theirs` is `null` where it was deleted. */
export function conflict({ mine, theirs, keepMine, takeTheirs }) {
  const side = (title, lines, others, label, choose, id) =>
    h("section", {}, h("h4", {}, title),
      lines === null ? h("p", { class: "soft" }, t("gone")) : h("ul", {}, lines.map((line) => h("li", { class: others?.includes(line) ? "" : "only" }, line))),
      h("button", { type: "button", class: "button small quiet", id, onclick: choose }, label));
  return h("div", { class: "conflict", role: "alert" },
    h("h3", {}, icon("split"), t("conflictTitle")),
    h("p", {}, t("conflictText")),
    h("div", { class: "sides" },
      side(t("yours"), mine, theirs, t("keepMine"), keepMine, "keep-mine"),
      side(t("theirs"), theirs, mine, t("takeTheirs"), takeTheirs, "take-theirs")));
}
