// Where the person is signed in: browsers, whose sessions allauth keeps, and apps, whose sessions the API keeps.

import { call } from "../api.js";
import { card, h, icon } from "../dom.js";
import { record } from "../events.js";
import { arriving, attempt, notify } from "../notices.js";
import { formatTime, t } from "../texts.js";

const BROWSERS = "/_allauth/browser/v1/auth/sessions";
const APPS = "/api/auth/sessions/";

const PROGRAMS = [[/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"], [/^curl/, "curl"]];
const SYSTEMS = [[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];
const first = (pairs, text) => pairs.find(([pattern]) => pattern.test(text))?.[1];

/** Return a short name of what a User-Agent header says. */
const nameOf = (agent) => [first(PROGRAMS, agent ?? ""), first(SYSTEMS, agent ?? "")].filter(Boolean).join(" · ") || agent?.slice(0, 60) || t("unknownDevice");

async function read() {
  const [browsers, apps] = await Promise.all([call("GET", BROWSERS), call("GET", APPS)]);
  return [
    ...browsers.data.data.map((one) => ({ kind: "browser", agent: one.user_agent, time: one.created_at * 1000, isCurrent: one.is_current, end: () => call("DELETE", BROWSERS, { body: { sessions: [one.id] } }) })),
    ...apps.data.results.map((one) => ({ kind: "app", agent: one.userAgent, time: one.createdAt, isCurrent: one.current, end: () => call("DELETE", `${APPS}${one.id}/`) })),
  ].sort((one, other) => other.isCurrent - one.isCurrent);
}

export function sessions() {
  const place = h("div");
  const draw = () => place.replaceChildren(arriving(async () => h("ul", {}, (await read()).map(row))));

  function row({ kind, agent, time, isCurrent, end }) {
    const finish = () => attempt(async () => {
      await end();
      record("session_ended");
      notify(t("ended"));
      draw();
    });
    return h("li", { class: "session" }, icon(/Android|iPhone/.test(agent) ? "phone" : "screen"),
      h("div", {}, h("b", {}, nameOf(agent)), isCurrent && h("span", { class: "badge" }, t("thisOne")), h("div", { class: "soft small" }, `${t(kind)}, ${t("since", { time: formatTime(time) })}`)),
      !isCurrent && h("button", { type: "button", class: "button quiet small end-session", onclick: finish }, t("endThere")));
  }

  draw();
  return card({ title: t("sessions"), picture: "screen" }, h("p", { class: "soft small" }, t("sessionsHint")), place);
}
