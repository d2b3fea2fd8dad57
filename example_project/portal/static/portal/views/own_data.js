// The person's rights to all that is stored about them: to take it out, and to have it erased.

import { call, download, mine } from "../api.js";
import { card, h } from "../dom.js";
import { record } from "../events.js";
import { attempt, explain, notify, openDialog } from "../notices.js";
import { state } from "../store.js";
import { formatNumber, t } from "../texts.js";

/** Save the file, if it is whole: one that was cut off has no counts at its end. */
async function takeOut() {
  await attempt(async () => {
    const text = await download(mine("export/"));
    const counts = countsOf(text);
    if (counts === null) return notify(t("exportCut"), { bad: true });
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    h("a", { href: address, download: `${state.me.id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    record("data_exported");
    notify(t("exportDone", { n: formatNumber(Object.values(counts).reduce((all, one) => all + one, 0)) }));
  });
}

function countsOf(text) {
  try {
    const { counts, sha256 } = JSON.parse(text);
    return sha256 ? counts : null;
  } catch {
    return null;
  }
}

function askToErase() {
  const wrong = h("p", { class: "wrong", id: "erase-wrong", role: "alert" });
  const confirm = h("input", { type: "text", id: "erase-confirm", dir: "ltr", autocomplete: "off", "aria-describedby": "erase-wrong" });

  async function erase(event) {
    event.preventDefault();
    wrong.textContent = "";
    if (confirm.value.trim().toLowerCase() !== state.me.email.toLowerCase()) {
      wrong.textContent = t("eraseWrong");
      return confirm.focus();
    }
    try {
      const { data } = await call("POST", mine("erasure/"));
      dialog.close();
      await sayFarewell(data);
    } catch (error) {
      if (error.status === undefined) throw error;
      wrong.textContent = explain(error);
    }
  }

  const dialog = openDialog({ title: t("eraseTitle") }, h("p", {}, t("eraseText")), h("form", { onsubmit: erase, novalidate: true },
    h("div", { class: "field" }, h("label", { for: "erase-confirm" }, t("eraseConfirm", { email: state.me.email })), confirm, wrong),
    h("p", { class: "actions" }, h("button", { class: "button danger", id: "erase-now" }, t("eraseNow")), h("button", { type: "button", class: "button quiet", onclick: () => dialog.close() }, t("cancel")))));
}

/** Delete the account, which is the Django project's and not the API's, and show the receipt. */
async function sayFarewell(receipt) {
  const page = h("main", { class: "farewell" });
  document.getElementById("app").replaceChildren(page);
  sessionStorage.clear();
  try {
    await call("POST", "/account/delete/");
  } catch (error) {
    if (error.status === undefined) throw error;
    const again = h("button", { type: "button", class: "button", onclick: () => sayFarewell(receipt) }, t("again"));
    page.replaceChildren(h("h1", {}, t("farewell")), h("p", { class: "trouble", role: "alert" }, `${t("accountLeft")} ${explain(error)}`), h("p", { class: "actions" }, again));
    return;
  }
  const rows = Object.entries(receipt.deleted).filter(([, number]) => number > 0);
  page.replaceChildren(
    h("h1", { tabindex: "-1", id: "farewell" }, t("farewell")), h("p", { class: "lead" }, t("farewellText")),
    card({ title: t("receipt") }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("documents")), h("th", { scope: "col", class: "count" }, t("count")))),
      h("tbody", {}, rows.map(([name, number]) => h("tr", {}, h("td", {}, name), h("td", { class: "count" }, formatNumber(number))))))),
    h("p", { class: "actions" }, h("a", { class: "button", href: "/" }, t("farewellLink"))));
  document.getElementById("farewell").focus();
}

export const ownData = () => card({ title: t("yourData"), picture: "person" },
  h("p", {}, t("exportText")),
  h("p", { class: "actions" }, h("button", { type: "button", class: "button quiet", id: "export", onclick: takeOut }, t("exportNow"))),
  h("hr", { class: "rule" }),
  h("p", {}, t("eraseText")),
  h("p", { class: "actions" }, h("button", { type: "button", class: "button danger", id: "erase", onclick: askToErase }, t("erase"))));
