// What is said over the page: short notices, questions, and who is not signed in any more.

import { h } from "./dom.js";
import { find, formatNumber, t } from "./texts.js";

const place = h("div", { class: "notices" });
const spoken = h("p", { class: "hidden-text", role: "status" });
document.body.append(place, spoken);

/** Let a screen reader say the text. */
export const say = (text) => { spoken.textContent = text; };

/** Show a notice; a bad one stays until it is closed. */
export function notify(text, { bad = false } = {}) {
  const notice = h("div", { class: bad ? "notice bad" : "notice", role: bad ? "alert" : "status" }, h("span", {}, text));
  notice.append(h("button", { type: "button", onclick: () => notice.remove() }, t("close")));
  if (bad) [...place.querySelectorAll(".bad")].forEach((old) => old.remove());
  place.append(notice);
  if (!bad) setTimeout(() => notice.remove(), 6000);
}

/** Say in a sentence what went wrong. */
export function explain(error) {
  if (error.status === 0) return t("trouble_offline");
  if (error.status >= 500) return t("trouble_unavailable");
  if (error.status === 401) return t("signedOutTitle");
  if (error.status === 429) return t("trouble_wait", { n: formatNumber(error.retryAfter ?? 60) });
  if (error.code === "csrf_failed") return t("trouble_csrf");
  if (error.code === "permission_denied") return t("trouble_permission");
  if (error.code === "events_archived") return t("trouble_archived");
  if (error.status === 409 || error.status === 412) return t("trouble_conflict");
  const details = Object.entries(error.body.errors ?? {}).flatMap(([, errors]) => errors.map((one) => one.detail));
  return t("trouble_other", { detail: details.join(" ") || error.message || error.status });
}

/** Do it, and say what went wrong; tell whether it went well. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (error.status === undefined) throw error;
    if (error.status !== 401) notify(explain(error), { bad: true });
    return false;
  }
}

/** Return the place of something that is asked for: until it arrives, and with another try where it fails. */
export function arriving(load) {
  const region = h("div", { "aria-busy": "true", tabindex: "-1" }, h("p", { class: "soft" }, t("loading")));
  const start = async (event) => {
    if (event) event.currentTarget.textContent = t("loading");
    try {
      region.replaceChildren(...[await load()].flat());
    } catch (error) {
      if (error.status === undefined) throw error;
      const again = h("button", { type: "button", class: "button quiet small", onclick: start }, t("again"));
      region.replaceChildren(h("div", { class: "trouble", role: "alert" }, h("p", {}, explain(error)), again));
    }
    region.removeAttribute("aria-busy");
    // The button that was pressed is gone.
    if (event) region.focus();
  };
  start();
  return region;
}

/** Open a dialog; when it closes it is removed, and the focus goes back, found by its id where that was drawn again. */
export function openDialog({ title, opaque = false }, ...content) {
  const dialog = h("dialog", { class: opaque ? "opaque" : "", "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), content);
  const opener = document.activeElement?.id;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener && document.activeElement === document.body) document.getElementById(opener)?.focus();
  });
  if (opaque) dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

let isBarred = false;

/** Put the page out of sight: it shows what belongs to somebody who is not signed in any more. */
export function bar(kind) {
  if (isBarred) return;
  isBarred = true;
  const way = kind === "signedOut" ? h("a", { class: "button", href: "/accounts/login/?next=/" }, t("signIn")) : h("a", { class: "button", href: "/" }, t("openAnew"));
  document.getElementById("app").inert = true;
  openDialog({ title: t(`${kind}Title`), opaque: true }, h("p", {}, find(`${kind}Text`)), h("p", { class: "actions" }, way));
}
