// What the portal says, in both languages, and how it writes numbers and times.

const en = {
  skip: "Skip to the content", menu: "Main menu", home: "Dashboard", profile: "Profile", activity: "Activity", settings: "Settings",
  signOut: "Sign out", signIn: "Sign in", cancel: "Cancel", close: "Close", save: "Save", saved: "Saved.", saving: "Saving…", again: "Try again", loading: "One moment…",
  morning: "Good morning, {name}", day: "Good afternoon, {name}", evening: "Good evening, {name}",
  homeHint: "Your day, your list, and what happened lately.", arrange: "Arrange", done: "Done", arrangeHint: "Drag the widgets, or use their arrows: the keyboard moves them too.",
  earlier: "Move {name} earlier", later: "Move {name} later", hide: "Hide {name}", show: "Show {name}", hold: "Move {name}: arrow keys",
  moved: "{name} is at place {n} of {all}.", hidden: "{name} is hidden.", shown: "{name} is shown.", hiddenOnes: "Hidden widgets", nothingShown: "All widgets are hidden.",
  today: "Today", checklist: "Checklist", apps: "Favourite apps", figures: "Your figures", recent: "Recently",
  item: "Item {n}", itemDone: "Done: {text}", removeItem: "Remove {text}", newItem: "New item", newItemHint: "What is next?", add: "Add", noItems: "Nothing on the list yet.",
  stateSaved: "Saved, version {n}", stateNew: "Not stored yet", stateFailed: "Not saved. What you wrote is kept here.",
  conflictTitle: "Changed somewhere else", conflictText: "Another tab or device saved this in between. Nothing is lost: choose what stays.", yours: "Mine", theirs: "Theirs", gone: "It was deleted there.", keepMine: "Keep mine", takeTheirs: "Take theirs",
  manageApps: "All apps", noFavourites: "No favourites yet.", chooseFavourites: "Choose some", favourite: "Favourite: {name}", favouriteAdded: "{name} is a favourite now.", favouriteRemoved: "{name} is no favourite any more.",
  app_study: "Daily study", app_calendar: "Calendar", app_community: "Community", app_candles: "Candle times", app_giving: "Giving", app_travel: "Travel",
  profileHint: "What apps show of you.", name: "Name", nameHint: "At most 100 characters.", bio: "About you", bioHint: "At most 500 characters.", avatar: "Picture", avatarHint: "The https address of a picture. Without one your initial is shown.", avatarBroken: "There is no picture at this address.", removeAvatar: "Remove the picture",
  account: "Account", email: "E-mail", memberSince: "Member since", lastSignIn: "Last sign-in", signsInBy: "Signs in by", roles: "Roles", credentials: "password", changeEmail: "Change e-mail", changePassword: "Change password", secondFactor: "Second factor",
  unsaved: "Not saved yet.",
  history: "History", older: "Older", noEvents: "Nothing yet.", allSeen: "That is all.", historyHint: "What you did; kept for 90 days.",
  event_login: "Signed in", event_profile_changed: "Changed the profile", event_checklist_changed: "Changed the checklist", event_preferences_changed: "Changed a preference", event_dashboard_arranged: "Arranged the dashboard", event_data_exported: "Took the data out", event_favourite_changed: "Changed the favourite apps", event_session_ended: "Ended a session", inApp: "in {app}",
  range: "Time", days7: "7 days", days30: "30 days", days90: "90 days", events: "events", busiest: "on the busiest day", activeDays: "active days", chartLabel: "Events of each day: {all} in all, at most {most}.", asTable: "As a table", date: "Day", count: "Events", kinds: "What they were", kind: "Event",
  name_view_home: "Dashboard opened", name_view_profile: "Profile opened", name_view_activity: "Activity opened", name_view_settings: "Settings opened", name_login: "Signed in", name_checklist_saved: "Checklist saved", name_user_login: "Signed in",
  settingsHint: "Changes count at once, on all your devices.", look: "Look and language", theme: "Theme", light: "Light", dark: "Dark", auto: "Automatic", language: "Language",
  notifications: "Notifications", notify_email: "By e-mail", notify_push: "On the device", notify_inApp: "In the apps", reset: "Reset to defaults", resetDone: "All preferences are at their defaults.",
  sessions: "Where you are signed in", sessionsHint: "Browsers and apps. End those that you do not know.", thisOne: "this browser", since: "since {time}", lastUsed: "last used {time}", endThere: "Sign out there", ended: "Signed out there.", browser: "Browser", app: "App", unknownDevice: "Unknown device",
  yourData: "Your data", exportText: "Everything that is stored about you, as a file.", exportNow: "Take it out", exportDone: "The file is whole: {n} documents.", exportCut: "The file was not whole, so it was not saved. Try again.",
  eraseText: "Erase yourself: profile, preferences, history, figures and app data. Nobody can undo this.", erase: "Erase me…", eraseTitle: "Erase everything?", eraseConfirm: "Type your e-mail address to confirm: {email}", eraseNow: "Erase everything for good", eraseWrong: "This is not your address.",
  farewell: "You are erased", farewellText: "All that was stored about you is gone, or is being removed now. Your account is deleted, and you are signed out.", receipt: "Receipt", documents: "Documents", farewellLink: "To the first page",
  accountLeft: "Your data is erased. Only the account itself could not be deleted yet.",
  trouble_offline: "No connection to the server. Nothing that you typed is lost.", trouble_unavailable: "The server cannot answer just now. Nothing that you typed is lost.", trouble_wait: "Too many requests. Try again in {n} s.", trouble_permission: "That is not allowed.", trouble_csrf: "This page is out of date. Try again.", trouble_conflict: "It was changed somewhere else meanwhile.", trouble_other: "That did not work: {detail}", trouble_archived: "Part of this time is archived. Choose a shorter one.",
  backOnline: "The connection is back.",
  signedOutTitle: "You are signed out", signedOutText: "Your session was ended, here or on another device. What you typed is kept in this tab: sign in again and go on.",
  otherTitle: "Somebody else is signed in", otherText: "Another account was signed in in this browser. Open the portal again.", openAnew: "Open again",
  awayTitle: "The portal cannot be reached now", notAllowedTitle: "You cannot use the portal",
};

const he = {
  skip: "דילוג לתוכן", menu: "תפריט ראשי", home: "לוח בקרה", profile: "פרופיל", activity: "פעילות", settings: "הגדרות",
  signOut: "יציאה", signIn: "כניסה", cancel: "ביטול", close: "סגירה", save: "שמירה", saved: "נשמר.", saving: "שומר…", again: "ניסיון נוסף", loading: "רק רגע…",
  morning: "בוקר טוב, {name}", day: "צהריים טובים, {name}", evening: "ערב טוב, {name}",
  homeHint: "היום שלך, הרשימה שלך ומה שקרה לאחרונה.", arrange: "סידור", done: "סיום", arrangeHint: "אפשר לגרור את הווידג׳טים, או להזיז אותם בחצים שלהם, גם מהמקלדת.",
  earlier: "הזזת {name} מקום אחד קודם", later: "הזזת {name} מקום אחד הלאה", hide: "הסתרת {name}", show: "הצגת {name}", hold: "הזזת {name}: מקשי החצים",
  moved: "{name} במקום {n} מתוך {all}.", hidden: "{name} מוסתר.", shown: "{name} מוצג.", hiddenOnes: "ווידג׳טים מוסתרים", nothingShown: "כל הווידג׳טים מוסתרים.",
  today: "היום", checklist: "רשימת משימות", apps: "אפליקציות מועדפות", figures: "המספרים שלך", recent: "לאחרונה",
  item: "פריט {n}", itemDone: "בוצע: {text}", removeItem: "הסרת {text}", newItem: "פריט חדש", newItemHint: "מה הלאה?", add: "הוספה", noItems: "הרשימה עדיין ריקה.",
  stateSaved: "נשמר, גרסה {n}", stateNew: "עדיין לא נשמר", stateFailed: "לא נשמר. מה שכתבת נשאר כאן.",
  conflictTitle: "השתנה במקום אחר", conflictText: "לשונית אחרת או מכשיר אחר שמרו בינתיים. שום דבר לא אבד: יש לבחור מה יישאר.", yours: "הגרסה שלי", theirs: "הגרסה האחרת", gone: "זה נמחק שם.", keepMine: "להשאיר את שלי", takeTheirs: "לקחת את האחרת",
  manageApps: "כל האפליקציות", noFavourites: "אין עדיין מועדפות.", chooseFavourites: "לבחירה", favourite: "מועדפת: {name}", favouriteAdded: "{name} במועדפות.", favouriteRemoved: "{name} כבר לא במועדפות.",
  app_study: "לימוד יומי", app_calendar: "לוח שנה", app_community: "קהילה", app_candles: "זמני הדלקת נרות", app_giving: "צדקה", app_travel: "נסיעות",
  profileHint: "מה שאפליקציות מציגות עליך.", name: "שם", nameHint: "עד 100 תווים.", bio: "כמה מילים עליך", bioHint: "עד 500 תווים.", avatar: "תמונה", avatarHint: "כתובת https של תמונה. בלעדיה מוצגת האות הראשונה.", avatarBroken: "אין תמונה בכתובת הזאת.", removeAvatar: "הסרת התמונה",
  account: "חשבון", email: "דוא״ל", memberSince: "החשבון נפתח", lastSignIn: "כניסה אחרונה", signsInBy: "כניסה באמצעות", roles: "תפקידים", credentials: "סיסמה", changeEmail: "שינוי דוא״ל", changePassword: "שינוי סיסמה", secondFactor: "אימות דו־שלבי",
  unsaved: "עדיין לא נשמר.",
  history: "היסטוריה", older: "ישן יותר", noEvents: "עדיין אין דבר.", allSeen: "זה הכול.", historyHint: "מה שעשית; נשמר 90 יום.",
  event_login: "כניסה", event_profile_changed: "שינוי הפרופיל", event_checklist_changed: "שינוי רשימת המשימות", event_preferences_changed: "שינוי העדפה", event_dashboard_arranged: "סידור לוח הבקרה", event_data_exported: "הורדת הנתונים", event_favourite_changed: "שינוי האפליקציות המועדפות", event_session_ended: "סיום חיבור", inApp: "ב־{app}",
  range: "טווח", days7: "7 ימים", days30: "30 יום", days90: "90 יום", events: "אירועים", busiest: "ביום העמוס ביותר", activeDays: "ימים פעילים", chartLabel: "אירועים בכל יום: {all} בסך הכול, לכל היותר {most}.", asTable: "כטבלה", date: "יום", count: "אירועים", kinds: "סוגי האירועים", kind: "אירוע",
  name_view_home: "פתיחת לוח הבקרה", name_view_profile: "פתיחת הפרופיל", name_view_activity: "פתיחת הפעילות", name_view_settings: "פתיחת ההגדרות", name_login: "כניסה", name_checklist_saved: "שמירת רשימת המשימות", name_user_login: "כניסה",
  settingsHint: "שינויים חלים מיד, בכל המכשירים שלך.", look: "מראה ושפה", theme: "ערכת נושא", light: "בהירה", dark: "כהה", auto: "אוטומטית", language: "שפה",
  notifications: "התראות", notify_email: "בדוא״ל", notify_push: "במכשיר", notify_inApp: "באפליקציות", reset: "איפוס לברירת המחדל", resetDone: "כל ההעדפות חזרו לברירת המחדל.",
  sessions: "החיבורים שלך", sessionsHint: "דפדפנים ואפליקציות. כדאי לנתק את מה שאינו מוכר לך.", thisOne: "הדפדפן הזה", since: "מאז {time}", lastUsed: "שימוש אחרון {time}", endThere: "ניתוק", ended: "החיבור נותק.", browser: "דפדפן", app: "אפליקציה", unknownDevice: "מכשיר לא ידוע",
  yourData: "הנתונים שלך", exportText: "כל מה ששמור עליך, כקובץ.", exportNow: "הורדת הקובץ", exportDone: "הקובץ שלם: {n} מסמכים.", exportCut: "הקובץ לא היה שלם, ולכן לא נשמר. כדאי לנסות שוב.",
  eraseText: "מחיקה של הכול: פרופיל, העדפות, היסטוריה, מספרים ונתוני אפליקציות. אי אפשר לבטל אותה.", erase: "למחוק אותי…", eraseTitle: "למחוק הכול?", eraseConfirm: "לאישור יש להקליד את כתובת הדוא״ל שלך: {email}", eraseNow: "מחיקת הכול לצמיתות", eraseWrong: "זו אינה הכתובת שלך.",
  farewell: "הנתונים שלך נמחקו", farewellText: "כל מה שהיה שמור עליך נמחק, או נמחק ברגעים אלה. החשבון שלך נמחק, ובוצעה יציאה.", receipt: "אישור", documents: "מסמכים", farewellLink: "לעמוד הראשון",
  accountLeft: "הנתונים שלך נמחקו. רק את החשבון עצמו עדיין לא היה אפשר למחוק.",
  trouble_offline: "אין חיבור לשרת. שום דבר ממה שהקלדת לא אבד.", trouble_unavailable: "השרת אינו יכול לענות כרגע. שום דבר ממה שהקלדת לא אבד.", trouble_wait: "יותר מדי בקשות. אפשר לנסות שוב בעוד {n} שניות.", trouble_permission: "הפעולה אינה מותרת.", trouble_csrf: "הדף אינו עדכני. כדאי לנסות שוב.", trouble_conflict: "זה השתנה בינתיים במקום אחר.", trouble_other: "הפעולה נכשלה: {detail}", trouble_archived: "חלק מהטווח נמצא בארכיון. יש לבחור טווח קצר יותר.",
  backOnline: "החיבור חזר.",
  signedOutTitle: "בוצעה יציאה", signedOutText: "החיבור שלך הסתיים, כאן או במכשיר אחר. מה שהקלדת נשמר בלשונית הזאת: אפשר להיכנס שוב ולהמשיך.",
  otherTitle: "מישהו אחר נכנס", otherText: "חשבון אחר נכנס בדפדפן הזה. יש לפתוח את הפורטל מחדש.", openAnew: "פתיחה מחדש",
  awayTitle: "אין כרגע גישה לפורטל", notAllowedTitle: "אין לך אפשרות להשתמש בפורטל",
};

const TEXTS = { en, he };
let current = TEXTS[document.documentElement.lang] ? document.documentElement.lang : "en";

export const language = () => current;
export const isRightToLeft = () => current === "he";

/** Speak the language from now on; the page is English in one that it does not know. */
export function speak(tag) {
  const [known] = tag.split("-");
  current = Object.hasOwn(TEXTS, known) ? known : "en";
  document.documentElement.lang = current;
  document.documentElement.dir = isRightToLeft() ? "rtl" : "ltr";
}

/** Return the text, or `null` where there is none. */
export const find = (key) => TEXTS[current][key] ?? null;
export const t = (key, values = {}) => TEXTS[current][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const formatNumber = (number) => new Intl.NumberFormat(current).format(number);
const write = (time, options) => {
  const date = new Date(time);
  // Another program may have stored something else than a time.
  return Number.isNaN(date.getTime()) ? "–" : new Intl.DateTimeFormat(current, options).format(date);
};
export const formatTime = (time) => write(time, { dateStyle: "medium", timeStyle: "short" });
export const formatDay = (time, style = "full") => write(time, { dateStyle: style });
export const formatClock = (time) => write(time, { timeStyle: "short" });

const HUNDREDS = ["", "ק", "ר", "ש", "ת", "תק", "תר", "תש", "תת", "תתק"];
const TENS = ["", "י", "כ", "ל", "מ", "נ", "ס", "ע", "פ", "צ"];
const ONES = ["", "א", "ב", "ג", "ד", "ה", "ו", "ז", "ח", "ט"];

/** Return the number in Hebrew letters, without its thousands, as dates have it. */
function toLetters(number) {
  const rest = number % 100;
  // Fifteen and sixteen are nine and six or seven: the others are a part of the Name.
  const small = rest === 15 || rest === 16 ? `ט${ONES[rest - 9]}` : TENS[Math.floor(rest / 10)] + ONES[rest % 10];
  const letters = HUNDREDS[Math.floor((number % 1000) / 100)] + small;
  return letters.length === 1 ? `${letters}׳` : `${letters.slice(0, -1)}״${letters.slice(-1)}`;
}

/** Return the Hebrew date of the civil day; from sunset on it is the next one. */
export function hebrewDate(time) {
  const parts = new Intl.DateTimeFormat(`${current}-u-ca-hebrew`, { day: "numeric", month: "long", year: "numeric" }).formatToParts(time);
  const { day, month, year, relatedYear } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  const written = (number) => (isRightToLeft() ? toLetters(Number(number)) : number);
  return { day: written(day), month, year: written(relatedYear ?? year) };
}
