// The theme and the language: on the page at once, in the preferences, and in cookies for the pages of accounts.

import { changePreferences } from "./store.js";
import { speak } from "./texts.js";

export function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.cookie = `portal_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
}

export async function rememberLanguage(tag) {
  speak(tag);
  document.cookie = `django_language=${tag}; path=/; max-age=31536000; samesite=lax`;
  await changePreferences({ language: tag });
}
