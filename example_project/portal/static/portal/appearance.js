// The theme and the language: on the page at once, in the preferences, and in cookies for the pages of accounts.

import { changePreferences } from "./store.js";
import { language, speak } from "./texts.js";

export function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.cookie = `portal_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
}

export function applyLanguage(tag) {
  speak(tag);
  document.cookie = `django_language=${language()}; path=/; max-age=31536000; samesite=lax`;
}

export async function rememberLanguage(tag) {
  applyLanguage(tag);
  await changePreferences({ language: tag });
}
