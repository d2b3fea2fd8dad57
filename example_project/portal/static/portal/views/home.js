// The dashboard: widgets that the person moves, hides and shows. What is stored are two lists of names.

import { card, h, icon, iconButton } from "../dom.js";
import { record } from "../events.js";
import { attempt, say } from "../notices.js";
import { changeWidgets, displayName, state } from "../store.js";
import { t } from "../texts.js";
import { apps } from "../widgets/apps.js";
import { checklist } from "../widgets/checklist.js";
import { figures } from "../widgets/figures.js";
import { recent } from "../widgets/recent.js";
import { today } from "../widgets/today.js";

const WIDGETS = {
  today: { picture: "calendar", draw: today, kind: "today" },
  checklist: { picture: "list", draw: checklist },
  apps: { picture: "star", draw: apps },
  figures: { picture: "bars", draw: figures, wide: true },
  recent: { picture: "pulse", draw: recent },
};

let isArranging = false;

/** Return the names of the widgets that are shown, in their order. */
function shownOnes({ enabled, disabled }) {
  const known = [...new Set(enabled)].filter((name) => Object.hasOwn(WIDGETS, name));
  return [...known, ...Object.keys(WIDGETS).filter((name) => !known.includes(name) && !disabled.includes(name))];
}

/** Return the lists with another order; names of other programs stay. */
const withOrder = (order) => ({ enabled, disabled }) => ({
  enabled: [...order, ...enabled.filter((name) => !Object.hasOwn(WIDGETS, name))],
  disabled: disabled.filter((name) => !order.includes(name)),
});

const placed = (name, place) => (widgets) => {
  const order = shownOnes(widgets).filter((other) => other !== name);
  order.splice(place, 0, name);
  return withOrder(order)(widgets);
};

const without = (name) => (widgets) => {
  const { enabled, disabled } = withOrder(shownOnes(widgets).filter((other) => other !== name))(widgets);
  return { enabled, disabled: [...disabled.filter((other) => other !== name), name] };
};

function greeting() {
  const hour = new Date().getHours();
  const part = hour >= 5 && hour < 12 ? "morning" : hour >= 12 && hour < 18 ? "day" : "evening";
  return t(part, { name: displayName() });
}

export function home({ redraw }) {
  async function change(by, spoken, focus) {
    const went = await attempt(() => changeWidgets(by));
    redraw();
    if (!went) return;
    document.getElementById(focus)?.focus();
    say(spoken());
    record("dashboard_arranged");
  }

  const moveTo = (name, place, focus = `hold-${name}`) => {
    const all = shownOnes(state.preferences.widgets).length;
    if (place < 0 || place >= all) return;
    change(placed(name, place), () => t("moved", { name: t(name), n: place + 1, all }), focus);
  };
  const hide = (name) => change(without(name), () => t("hidden", { name: t(name) }), `show-${name}`);
  const show = (name) => change(placed(name, shownOnes(state.preferences.widgets).length), () => t("shown", { name: t(name) }), `hold-${name}`);

  function arrangingTools(name, place, all) {
    const byKey = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
    const hold = iconButton("grip", t("hold", { name: t(name) }), {
      id: `hold-${name}`, class: "handle",
      onkeydown: (event) => {
        let by = byKey[event.key];
        if (!by) return;
        if (event.key === "ArrowLeft" || event.key === "ArrowRight") by *= document.documentElement.dir === "rtl" ? -1 : 1;
        event.preventDefault();
        moveTo(name, place + by);
      },
    });
    return [
      hold,
      iconButton("back", t("earlier", { name: t(name) }), { id: `earlier-${name}`, disabled: place === 0, onclick: () => moveTo(name, place - 1, `earlier-${name}`) }, true),
      iconButton("forth", t("later", { name: t(name) }), { id: `later-${name}`, disabled: place === all - 1, onclick: () => moveTo(name, place + 1, `later-${name}`) }, true),
      iconButton("hide", t("hide", { name: t(name) }), { id: `hide-${name}`, onclick: () => hide(name) }),
    ];
  }

  function draggable(element, name, place) {
    element.draggable = true;
    element.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", name);
      element.classList.add("held");
    });
    element.addEventListener("dragend", () => element.classList.remove("held"));
    element.addEventListener("dragover", (event) => { event.preventDefault(); element.classList.add("target"); });
    element.addEventListener("dragleave", () => element.classList.remove("target"));
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      element.classList.remove("target");
      const held = event.dataTransfer.getData("text/plain");
      if (held in WIDGETS && held !== name) moveTo(held, place);
    });
    return element;
  }

  const order = shownOnes(state.preferences.widgets);
  const hidden = Object.keys(WIDGETS).filter((name) => !order.includes(name));
  const cards = order.map((name, place) => {
    const { picture, draw, wide, kind } = WIDGETS[name];
    const tools = isArranging ? arrangingTools(name, place, order.length) : [];
    const element = card({ id: name, title: t(name), picture, wide, kind, tools }, draw());
    return isArranging ? draggable(element, name, place) : element;
  });
  const toggle = h("button", {
    type: "button", id: "arrange", class: isArranging ? "button" : "button quiet", "aria-pressed": String(isArranging),
    onclick: () => { isArranging = !isArranging; redraw(); },
  }, icon(isArranging ? "check" : "sliders"), t(isArranging ? "done" : "arrange"));
  const tray = h("div", { class: "tray" }, h("strong", {}, t("hiddenOnes")), hidden.map((name) =>
    h("button", { type: "button", class: "button quiet small", id: `show-${name}`, "aria-label": t("show", { name: t(name) }), onclick: () => show(name) }, icon("plus"), t(name))));
  return [
    h("div", { class: "heading" }, h("div", {}, h("h1", {}, greeting()), h("p", {}, t(isArranging ? "arrangeHint" : "homeHint"))), toggle),
    order.length === 0 && h("p", { class: "empty" }, t("nothingShown")),
    h("div", { class: isArranging ? "grid arranging" : "grid" }, cards),
    hidden.length > 0 && (isArranging || order.length === 0) && tray,
  ];
}
