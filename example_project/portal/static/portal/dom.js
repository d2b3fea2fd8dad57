// Elements, without a template language. Nothing sets an inline style: the policy of the page forbids it.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const s = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

const PATHS = {
  home: "M4 11.5 12 4l8 7.5M6 10v9.500h12V10",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.8-4 3.800-6 7.500-6s6.700 2 7.500 6",
  pulse: "M3 12h4l2.500-7 5 14 2.500-7h4",
  sliders: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  auto: "M12 3.500a8.500 8.500 0 1 0 0 17zM12 3.500a8.500 8.500 0 0 1 0 17",
  check: "M5 12.500l4.500 4.500L19 7.500",
  list: "M4 6.500l1.500 1.500L8 5M4 13.500 5.500 15 8 12M11 7h9M11 14h9M11 20h9M4.500 20h1",
  star: "M12 3.800l2.500 5.200 5.700.8-4.100 4 1 5.700-5.100-2.700-5.100 2.700 1-5.700-4.100-4 5.700-.8z",
  bars: "M4 20V11M10 20V4M16 20v-7M21 20H3",
  back: "M14.500 5.500 8 12l6.500 6.500",
  forth: "M9.500 5.500 16 12l-6.500 6.500",
  hide: "M4 4l16 16M9.500 5.300A9.600 9.600 0 0 1 12 5c5 0 8.500 4.500 9.500 7a13 13 0 0 1-3 4M6.200 7.500A13 13 0 0 0 2.500 12c1 2.500 4.500 7 9.500 7a9.500 9.500 0 0 0 4-.9M10 10a3 3 0 0 0 4.200 4.200",
  grip: "M9 5.500h.01M15 5.500h.01M9 12h.01M15 12h.01M9 18.500h.01M15 18.500h.01",
  bin: "M5 7h14M10 4h4M7 7l1 13h8l1-13",
  plus: "M12 5v14M5 12h14",
  out: "M14 4.500H6v15h8M11 12h9M17 8.500l3.500 3.500-3.500 3.500",
  split: "M12 20v-6M12 14 6 8M12 14l6-6M6 12V7.500h4.500M18 12V7.500h-4.500",
  screen: "M3.500 5h17v11h-17zM9 20h6M12 16v4",
  phone: "M7.500 3h9v18h-9zM11 18h2",
  book: "M12 6.500C10 5 7 4.500 4 4.500V18c3 0 6 .5 8 2 2-1.500 5-2 8-2V4.500c-3 0-6 .5-8 2zM12 6.500V20",
  calendar: "M4.500 6h15v14h-15zM4.500 10.500h15M8.500 3.500V7M15.500 3.500V7",
  people: "M9 11.500a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400zM3 19c.5-3.200 2.900-5 6-5s5.500 1.800 6 5M15.500 11.500a3 3 0 1 0-1-5.800M17 14.300c2.300.5 3.700 2.200 4 4.700",
  bell: "M6.500 16v-5a5.500 5.500 0 0 1 11 0v5l2 2h-15zM10 21h4",
  flame: "M12 3c3 4.200 5.500 6.800 5.500 10.500a5.500 5.500 0 0 1-11 0C6.500 9.800 9 7.200 12 3z",
  heart: "M12 20S3.500 15 3.500 9a4.500 4.500 0 0 1 8.500-2 4.500 4.500 0 0 1 8.500 2c0 6-8.500 11-8.500 11z",
  compass: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM15.500 8.500l-2 5-5 2 2-5z",
};

/** Return a picture that screen readers pass over; `turns` mirrors it where text runs to the left. */
export const icon = (name, turns = false) =>
  s("svg", { class: turns ? "icon turns" : "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));

/** Return a button that shows a picture only, and says what it does. */
export const iconButton = (name, label, properties = {}, turns = false) =>
  h("button", { type: "button", ...properties, class: `icon-button ${properties.class ?? ""}`, "aria-label": label, title: label }, icon(name, turns));

export const card = ({ id, title, picture, wide, tools = [], kind = "" }, ...children) =>
  h("section", { class: `card ${wide ? "wide" : ""} ${kind}`, "data-widget": id, "aria-labelledby": id && `${id}-title` },
    title && h("header", {}, h("h2", { id: id && `${id}-title` }, picture && icon(picture), title), tools.length > 0 && h("div", { class: "tools" }, tools)),
    ...children);

/** Put the new children in the place of the old ones; the focus stays where it was, or at the first button. */
export function replace(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const selection = focused?.matches("input[type=text], textarea") ? [focused.selectionStart, focused.selectionEnd] : null;
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (!focused) return;
  const again = document.getElementById(focused.id);
  (again ?? parent.querySelector("button"))?.focus();
  if (again && selection) again.setSelectionRange(...selection);
}
