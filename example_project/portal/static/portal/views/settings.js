// Preferences that count at once, the places where the person is signed in, and their data: out, or gone.

import { applyLanguage, applyTheme, rememberLanguage } from "../appearance.js";
import { call, mine } from "../api.js";
import { card, h, icon } from "../dom.js";
import { record } from "../events.js";
import { attempt, notify } from "../notices.js";
import { changePreferences, keep, state } from "../store.js";
import { language, t } from "../texts.js";
import { sessions } from "./sessions.js";
import { ownData } from "./own_data.js";

const THEMES = { light: "sun", dark: "moon", auto: "auto" };
const LANGUAGES = { en: "English", he: "עברית" };

function choice(title, name, options, chosen, choose) {
  return h("fieldset", { class: "choices" }, h("legend", { class: "hidden-text" }, title), Object.entries(options).map(([value, content]) =>
    h("label", {}, h("input", { type: "radio", name, id: `${name}-${value}`, checked: value === chosen, onchange: () => choose(value) }), content)));
}

export function settings({ redraw }) {
  async function change(work, undo) {
    if (await attempt(work)) record("preferences_changed");
    else undo();
    redraw();
  }

  function chooseTheme(theme) {
    applyTheme(theme);
    change(() => changePreferences({ theme }), () => applyTheme(state.preferences.theme));
  }

  function chooseLanguage(tag) {
    const before = language();
    change(() => { const done = rememberLanguage(tag); redraw(); return done; }, () => applyLanguage(before));
  }

  const themes = Object.fromEntries(Object.entries(THEMES).map(([name, picture]) => [name, [icon(picture), t(name)]]));
  const languages = Object.fromEntries(Object.entries(LANGUAGES).map(([tag, name]) => [tag, h("span", { lang: tag }, name)]));
  const channels = ["email", "push", "inApp"].map((channel) => h("label", { class: "switch" }, t(`notify_${channel}`),
    h("input", { type: "checkbox", role: "switch", id: `notify-${channel}`, checked: state.preferences.notifications[channel], onchange: (event) => change(() => changePreferences({ notifications: { [channel]: event.target.checked } }), () => {}) })));
  const reset = () => change(async () => {
    keep("preferences", await call("POST", mine("preferences/reset/")));
    applyTheme(state.preferences.theme);
    applyLanguage(state.preferences.language);
    notify(t("resetDone"));
  }, () => {});

  return [
    h("div", { class: "heading" }, h("div", {}, h("h1", {}, t("settings")), h("p", {}, t("settingsHint")))),
    h("div", { class: "columns" },
      h("div", { class: "stack" },
        card({ title: t("look"), picture: "sun" },
          h("div", { class: "setting" }, h("span", { "aria-hidden": "true" }, t("theme")), choice(t("theme"), "theme", themes, state.preferences.theme, chooseTheme)),
          h("div", { class: "setting" }, h("span", { "aria-hidden": "true" }, t("language")), choice(t("language"), "language", languages, language(), chooseLanguage))),
        sessions()),
      h("div", { class: "stack" },
        card({ title: t("notifications"), picture: "bell" }, channels, h("p", { class: "actions" }, h("button", { type: "button", class: "button quiet small", id: "reset", onclick: reset }, t("reset")))),
        ownData())),
  ];
}
