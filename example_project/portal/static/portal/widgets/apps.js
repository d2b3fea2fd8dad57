// The favourite apps, and all that there are to choose from.

import { call, mine } from "../api.js";
import { h, icon, iconButton, replace } from "../dom.js";
import { record } from "../events.js";
import { attempt, openDialog, say } from "../notices.js";
import { keep, state } from "../store.js";
import { t } from "../texts.js";

const APPS = { study: "book", calendar: "calendar", community: "people", candles: "flame", giving: "heart", travel: "compass" };

const tile = (name) => h("span", { class: `tile t${Object.keys(APPS).indexOf(name) % 4}` }, icon(APPS[name]));
const favourites = () => [...new Set(state.preferences.dashboard.favoriteApps)].filter((name) => Object.hasOwn(APPS, name));

export function apps() {
  const place = h("div");

  async function toggle(name) {
    const was = favourites().includes(name);
    await attempt(async () => {
      keep("preferences", await call(was ? "DELETE" : "PUT", mine(`preferences/favorite-apps/${name}/`)));
      say(t(was ? "favouriteRemoved" : "favouriteAdded", { name: t(`app_${name}`) }));
      record("favourite_changed", { app: name });
    });
  }

  function choose() {
    const list = h("ul");
    const draw = () => replace(list, Object.keys(APPS).map((name) => h("li", { class: "app-row" }, tile(name), h("span", {}, t(`app_${name}`)),
      iconButton("star", t("favourite", { name: t(`app_${name}`) }), {
        id: `favourite-${name}`, class: "star", "aria-pressed": String(favourites().includes(name)),
        onclick: async () => { await toggle(name); draw(); show(); },
      }))));
    draw();
    const dialog = openDialog({ title: t("manageApps") }, list, h("p", { class: "actions" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("done"))));
  }

  const show = () => place.replaceChildren(
    favourites().length === 0 ? h("p", { class: "empty" }, t("noFavourites")) : h("ul", { class: "apps" }, favourites().map((name) => h("li", { class: "app" }, tile(name), t(`app_${name}`)))),
    h("p", { class: "actions" }, h("button", { type: "button", class: "button quiet small", id: "choose-apps", onclick: choose }, t(favourites().length === 0 ? "chooseFavourites" : "manageApps"))));
  show();
  return place;
}
