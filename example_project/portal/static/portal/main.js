// The frame of the portal: who is signed in, the menu, and the view that the address names.

import { call, onError } from "./api.js";
import { avatar } from "./avatar.js";
import { h, icon, iconButton } from "./dom.js";
import { count } from "./events.js";
import { attempt, bar, explain } from "./notices.js";
import { displayName, load, reload, state } from "./store.js";
import { language, t } from "./texts.js";
import { applyLanguage, applyTheme, rememberLanguage } from "./appearance.js";
import { activity } from "./views/activity.js";
import { home } from "./views/home.js";
import { profile } from "./views/profile.js";
import { settings } from "./views/settings.js";

const VIEWS = { home: [home, "home"], profile: [profile, "person"], activity: [activity, "pulse"], settings: [settings, "sliders"] };

const app = document.getElementById("app");
const viewName = () => (Object.hasOwn(VIEWS, location.hash.slice(2)) ? location.hash.slice(2) : "home");

function frame() {
  const links = Object.entries(VIEWS).map(([name, [, picture]]) =>
    h("a", { href: `#/${name}`, id: `menu-${name}`, "aria-current": name === viewName() && "page" }, icon(picture), h("span", {}, t(name))));
  const brand = h("a", { class: "brand", href: "#/home" }, h("img", { src: new URL("mark.svg", import.meta.url), alt: "", width: 34, height: 34 }), h("span", {}, "ChabadUniverse"));
  const who = h("div", { class: "who" }, avatar(state.profile, displayName()), h("div", { title: state.me.email }, h("b", { dir: "auto" }, displayName()), h("span", { dir: "auto" }, state.me.email)),
    iconButton("out", t("signOut"), { id: "sign-out", onclick: signOut }, true));
  return h("div", { class: "frame" },
    h("a", { class: "skip", href: "#content", onclick: (event) => { event.preventDefault(); document.getElementById("content").focus(); } }, t("skip")),
    h("header", { class: "side" }, brand, h("nav", { class: "menu", "aria-label": t("menu") }, links), who),
    h("main", { class: "content", id: "content", tabindex: "-1" }, VIEWS[viewName()][0]({ redraw: draw })));
}

/** Draw everything again: in the language of now, and with what is known of the person. */
function draw() {
  const focused = document.activeElement?.id;
  app.replaceChildren(frame());
  document.title = `${t(viewName())} · ChabadUniverse`;
  if (focused) document.getElementById(focused)?.focus();
}

function follow() {
  applyTheme(state.preferences.theme);
  applyLanguage(state.preferences.language);
  draw();
}

async function signOut() {
  await attempt(async () => {
    // It answers 401 to say that nobody is signed in any more.
    await call("DELETE", "/_allauth/browser/v1/auth/session", { expected: 401 });
    sessionStorage.clear();
    location.replace("/");
  });
}

async function start() {
  await load();
  // Who signed up in Hebrew has preferences that are still English.
  if (state.preferences.createdAt === state.preferences.updatedAt && language() === "he") await attempt(() => rememberLanguage("he"));
  follow();
  count(`view_${viewName()}`);
}

onError((error) => {
  if (error.status === 401) bar("signedOut");
});

window.addEventListener("hashchange", () => {
  draw();
  document.getElementById("content").focus();
  scrollTo(0, 0);
  count(`view_${viewName()}`);
});
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// Another tab may have changed the preferences, signed out, or signed somebody else in.
document.addEventListener("visibilitychange", async () => {
  if (document.visibilityState === "hidden" || state.me === null) return;
  try {
    const { data } = await call("GET", "/api/auth/me/");
    if (data.id !== state.me.id) return bar("other");
    const before = JSON.stringify(state.preferences);
    await reload("preferences");
    if (JSON.stringify(state.preferences) !== before) follow();
  } catch {
    // What is done next says so.
  }
});

async function begin() {
  try {
    await start();
  } catch (error) {
    if (error.status === undefined) throw error;
    const again = h("button", { type: "button", class: "button", onclick: begin }, t("again"));
    const out = h("button", { type: "button", class: "button quiet", onclick: signOut }, t("signOut"));
    app.replaceChildren(h("main", { class: "farewell" }, h("h1", {}, t(error.status === 0 || error.status >= 500 ? "awayTitle" : "notAllowedTitle")), h("p", { class: "trouble", role: "alert" }, explain(error)), h("p", { class: "actions" }, again, out)));
  }
}
begin();
