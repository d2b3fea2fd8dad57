// A small app: a list in app data. Each change is stored under the version that was seen; what cannot be
// stored is kept in the tab, and what another tab stored in between is shown beside it.

import { call, mine } from "../api.js";
import { conflict } from "../conflict.js";
import { h, iconButton, replace } from "../dom.js";
import { count, record } from "../events.js";
import { arriving, explain } from "../notices.js";
import { dropDraft, readDraft, state, writeDraft } from "../store.js";
import { t } from "../texts.js";

const DRAFT = "checklist";
const PATH = "app-data/checklist/items/";
const MOST_TEXT = 200;

// Outlives the drawing of the page, which a change of the language repeats.
const known = { owner: null, items: [], version: 0, theirs: null, trouble: null, isSaving: false, isChanged: false };

const isSame = (one, other) => JSON.stringify(toValue(one)) === JSON.stringify(toValue(other));
const toValue = (items) => items.map(({ id, text, done }) => ({ id, text, done }));
/** Return the items; what another program stored among them may be none. */
const toItems = (value) => (Array.isArray(value?.items) ? toValue(value.items.filter((one) => typeof one?.text === "string")) : []);
const toLines = (items) => items.map(({ text, done }) => `${done ? "✓" : "○"} ${text}`);

async function read() {
  const { data } = await call("GET", mine(PATH), { expected: 404 });
  return data.code ? { items: [], version: 0 } : { items: toItems(data.dataValue), version: data.version };
}

async function open() {
  const stored = await read();
  Object.assign(known, { owner: state.me.id, theirs: null, trouble: null, isChanged: false }, stored);
  const draft = readDraft(DRAFT);
  if (draft === null) return;
  if (isSame(draft.items, stored.items)) return dropDraft(DRAFT);
  Object.assign(known, { items: draft.items, version: draft.version, isChanged: true });
  if (draft.version !== stored.version) known.theirs = stored;
}

/** Store the list; `changed` draws what became of it. */
async function save(changed) {
  known.isChanged = true;
  writeDraft(DRAFT, { items: known.items, version: known.version });
  if (known.isSaving || known.theirs) return changed();
  Object.assign(known, { isSaving: true, trouble: null });
  changed();
  while (known.isChanged && !known.trouble && !known.theirs) {
    known.isChanged = false;
    const sent = toValue(known.items);
    try {
      const condition = known.version === 0 ? { headers: { "If-None-Match": "*" } } : {};
      const version = known.version === 0 ? {} : { version: known.version };
      const { data } = await call("PUT", mine(PATH), { body: { dataValue: { items: sent }, ...version }, ...condition });
      known.version = data.version;
      writeDraft(DRAFT, { items: known.items, version: known.version });
    } catch (error) {
      if (error.status === undefined) throw error;
      known.isChanged = true;
      if (error.status === 409 || error.status === 412) await compare(sent);
      else known.trouble = explain(error);
    }
  }
  known.isSaving = false;
  if (!known.isChanged) {
    dropDraft(DRAFT);
    record("checklist_changed");
    count("checklist_saved");
  }
  changed();
}

/** See what is stored instead; the same as ours means that only the answer was lost. */
async function compare(sent) {
  try {
    const stored = await read();
    if (isSame(stored.items, sent)) Object.assign(known, { version: stored.version, isChanged: !isSame(known.items, sent) });
    else known.theirs = stored;
  } catch (error) {
    known.trouble = explain(error);
  }
}

export function checklist() {
  const place = h("div");
  const draw = () => replace(place, view(draw));
  const start = async () => {
    if (known.owner !== state.me.id || !(known.isChanged || known.isSaving)) await open();
    draw();
    if (known.isChanged && !known.theirs && !known.isSaving) save(draw);
    return place;
  };
  return arriving(start);
}

function view(draw) {
  const { items, theirs } = known;
  const change = (by) => { known.items = by(known.items); save(draw); };

  const row = (item, place) => h("li", { class: item.done ? "check done" : "check" },
    h("input", { type: "checkbox", id: `done-${item.id}`, checked: item.done, "aria-label": t("itemDone", { text: item.text }),
      onchange: (event) => change((all) => all.map((one) => (one.id === item.id ? { ...one, done: event.target.checked } : one))) }),
    h("input", { type: "text", id: `text-${item.id}`, value: item.text, title: item.text, maxlength: MOST_TEXT, dir: "auto", "aria-label": t("item", { n: place + 1 }),
      oninput: (event) => { item.text = event.target.value; known.isChanged = true; writeDraft(DRAFT, { items: known.items, version: known.version }); },
      onchange: () => change((all) => all) }),
    iconButton("bin", t("removeItem", { text: item.text }), { id: `remove-${item.id}`, onclick: () => {
      change((all) => all.filter((one) => one.id !== item.id));
      document.getElementById("new-item").focus();
    } }));

  function add(event) {
    event.preventDefault();
    const text = readDraft("item")?.trim();
    if (!text) return;
    dropDraft("item");
    change((all) => [...all, { id: crypto.randomUUID().slice(0, 8), text, done: false }]);
    document.getElementById("new-item").focus();
  }

  function keepMine() {
    Object.assign(known, { version: theirs.version, theirs: null });
    save(draw);
  }

  function takeTheirs() {
    Object.assign(known, theirs, { theirs: null, isChanged: false, trouble: null });
    dropDraft(DRAFT);
    draw();
  }

  const status = known.trouble ? h("p", { class: "state failed", role: "alert" }, `${known.trouble} ${t("stateFailed")}`)
    : known.isSaving ? h("p", { class: "state waiting" }, t("saving"))
    : theirs ? h("p", { class: "state waiting" }, t("unsaved"))
    : h("p", { class: known.version ? "state" : "state waiting" }, known.version ? t("stateSaved", { n: known.version }) : t("stateNew"));

  if (theirs) return [conflict({ mine: toLines(items), theirs: theirs.version === 0 ? null : toLines(theirs.items), keepMine, takeTheirs }), status];
  return [
    items.length === 0 ? h("p", { class: "empty" }, t("noItems")) : h("ul", { class: "list" }, items.map(row)),
    h("form", { class: "add", onsubmit: add },
      h("input", { type: "text", id: "new-item", maxlength: MOST_TEXT, placeholder: t("newItemHint"), "aria-label": t("newItem"), value: readDraft("item") ?? "", oninput: (event) => writeDraft("item", event.target.value) }),
      h("button", { class: "button", id: "add-item", "aria-label": t("add") }, h("span", { "aria-hidden": "true" }, "+"))),
    status,
    known.trouble && h("p", {}, h("button", { type: "button", class: "button quiet small", id: "save-again", onclick: () => save(draw) }, t("again"))),
  ];
}
