// What the page knows of the person, and what they have typed and not saved yet.

import { call, mine, setUserId } from "./api.js";

export const state = { me: null, profile: null, preferences: null, etags: {} };

const TEXTS = { profile: ["displayName", "bio"], preferences: ["theme", "language"] };

/** Return the data with texts in these fields, whatever another program stored there. */
const withTexts = (data, names) => ({ ...data, ...Object.fromEntries(names.map((name) => [name, typeof data[name] === "string" ? data[name] : ""])) });

export async function load() {
  state.me = withTexts((await call("GET", "/api/auth/me/")).data, ["name", "email"]);
  setUserId(state.me.id);
  await Promise.all(["profile", "preferences"].map(reload));
}

/** Read the profile or the preferences again. */
export async function reload(name) {
  keep(name, await call("GET", mine(`${name}/`)));
}

export function keep(name, { data, etag }) {
  state[name] = withTexts(data, TEXTS[name]);
  state.etags[name] = etag;
}

export const displayName = () => state.profile.displayName || state.me.name || state.me.email.split("@")[0];

// --- Drafts: they outlive an error, another view, a reload and a sign-in, but not the tab ------------

const draftKey = (name) => `draft:${state.me.id}:${name}`;

/** Return what was typed and not saved, or `null`. */
export function readDraft(name) {
  const kept = sessionStorage.getItem(draftKey(name));
  return kept === null ? null : JSON.parse(kept);
}

export const writeDraft = (name, value) => sessionStorage.setItem(draftKey(name), JSON.stringify(value));
export const dropDraft = (name) => sessionStorage.removeItem(draftKey(name));

// --- Preferences --------------------------------------------------------------------------------------

/** Change the preferences; members that are not named stay. */
export async function changePreferences(body) {
  keep("preferences", await call("PATCH", mine("preferences/"), { body }));
}

let writing = Promise.resolve();

/** Change the lists of widgets by a function of what is stored now, whatever another tab has done to them. */
export function changeWidgets(change) {
  const attempt = async (left = 3) => {
    const headers = { "If-Match": state.etags.preferences };
    try {
      keep("preferences", await call("PATCH", mine("preferences/"), { body: { widgets: change(state.preferences.widgets) }, headers }));
    } catch (error) {
      if (error.status !== 412 || left === 0) throw error;
      await reload("preferences");
      await attempt(left - 1);
    }
  };
  writing = writing.catch(() => {}).then(() => attempt());
  return writing;
}
