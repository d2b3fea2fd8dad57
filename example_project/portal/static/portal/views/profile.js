// The profile: what apps show of the person, changed with the version that was seen.

import { call, mine } from "../api.js";
import { avatar } from "../avatar.js";
import { conflict } from "../conflict.js";
import { card, h, replace } from "../dom.js";
import { record } from "../events.js";
import { explain, notify } from "../notices.js";
import { displayName, dropDraft, keep, readDraft, reload, state, writeDraft } from "../store.js";
import { find, formatDay, formatTime, t } from "../texts.js";

const DRAFT = "profile";

const stored = () => ({ displayName: state.profile.displayName ?? "", bio: state.profile.bio ?? "", avatar: state.profile.avatar?.url ?? "" });

/** Return the body of a PATCH. */
const toBody = ({ displayName, bio, avatar }) => ({ displayName: displayName || null, bio: bio || null, avatar: avatar ? { url: avatar } : null });

const toLines = (values) => ["displayName", "bio", "avatar"].map((name) => values[name]).filter(Boolean);

export function profile({ redraw }) {
  let errors = {};
  let trouble = null;
  let theirs = null;
  const place = h("section", { class: "card" });

  const values = () => readDraft(DRAFT)?.values ?? stored();

  function typed(name, value) {
    const draft = readDraft(DRAFT) ?? { values: stored(), etag: state.etags.profile };
    draft.values[name] = value;
    writeDraft(DRAFT, draft);
    place.querySelector(".state")?.removeAttribute("hidden");
  }

  function field(name, label, hint, build) {
    const id = `profile-${name}`;
    const wrong = errors[name]?.map((error) => error.detail).join(" ");
    const control = build({ id, value: values()[name], "aria-describedby": `${id}-hint`, "aria-invalid": wrong && "true", oninput: (event) => typed(name, event.target.value) });
    return h("div", { class: "field" }, h("label", { for: id }, label), control, h("p", { class: wrong ? "wrong" : "hint", id: `${id}-hint` }, wrong || hint));
  }

  async function save(event) {
    event?.preventDefault();
    const draft = readDraft(DRAFT) ?? { values: stored(), etag: state.etags.profile };
    [errors, trouble, theirs] = [{}, null, null];
    try {
      keep("profile", await call("PATCH", mine("profile/"), { body: toBody(draft.values), headers: { "If-Match": draft.etag } }));
      dropDraft(DRAFT);
      record("profile_changed");
      notify(t("saved"));
      return redraw();
    } catch (error) {
      if (error.status === undefined) throw error;
      if (error.status === 412) await reload("profile").then(() => { theirs = stored(); }, (other) => { trouble = explain(other); });
      else trouble = explain(error);
      for (const [name, list] of Object.entries(error.body.errors ?? {})) errors[name.split(".")[0]] = list;
    }
    draw();
    place.querySelector("[aria-invalid], .conflict button, .trouble")?.focus();
  }

  function keepMine() {
    writeDraft(DRAFT, { values: values(), etag: state.etags.profile });
    return save();
  }

  function takeTheirs() {
    dropDraft(DRAFT);
    redraw();
  }

  function sayBroken() {
    if (errors.avatar) return;
    errors.avatar = [{ detail: t("avatarBroken") }];
    draw();
  }

  function draw() {
    const picture = avatar(state.profile, displayName(), { big: true, broken: sayBroken });
    replace(place,
      h("div", { class: "portrait" }, picture, h("div", {}, h("strong", {}, displayName()), h("span", { class: "soft" }, state.me.email))),
      theirs && conflict({ mine: toLines(values()), theirs: toLines(theirs), keepMine, takeTheirs }),
      h("form", { onsubmit: save, novalidate: true },
        field("displayName", t("name"), t("nameHint"), (more) => h("input", { type: "text", maxlength: 100, autocomplete: "name", ...more })),
        field("bio", t("bio"), t("bioHint"), (more) => h("textarea", { maxlength: 500, ...more })),
        field("avatar", t("avatar"), t("avatarHint"), (more) => h("input", { type: "url", maxlength: 2048, dir: "ltr", ...more })),
        trouble && h("p", { class: "trouble", role: "alert", tabindex: "-1" }, trouble),
        h("div", { class: "actions" }, h("button", { class: "button", id: "profile-save" }, t("save")),
          h("span", { class: "state waiting", hidden: readDraft(DRAFT) === null }, t("unsaved")))));
  }

  draw();
  return [h("div", { class: "heading" }, h("div", {}, h("h1", {}, t("profile")), h("p", {}, t("profileHint")))), h("div", { class: "columns" }, place, account())];
}

function account() {
  const facts = [
    [t("email"), state.me.email],
    [t("signsInBy"), state.me.authMethods.map((method) => find(method) ?? method).join(", ")],
    [t("memberSince"), formatDay(state.me.createdAt, "long")],
    [t("lastSignIn"), state.me.lastLogin ? formatTime(state.me.lastLogin) : "–"],
  ];
  return card({ title: t("account") },
    h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("p", { class: "actions" }, h("a", { href: "/accounts/email/" }, t("changeEmail")), h("a", { href: "/accounts/password/change/" }, t("changePassword")), h("a", { href: "/accounts/2fa/" }, t("secondFactor"))));
}
