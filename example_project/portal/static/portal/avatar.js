// The picture of a person: on another host, so it may be gone, or slow.

import { h } from "./dom.js";

const initial = (name) => [...name.trim()][0]?.toUpperCase() ?? "?";

/** Return the picture, or the initial where there is none; `broken` is called when it cannot be shown. */
export function avatar(profile, name, { big = false, broken } = {}) {
  const frame = h("div", { class: big ? "avatar big" : "avatar", "aria-hidden": "true" }, initial(name));
  const url = big ? profile.avatar?.url : profile.avatar?.thumbnailUrl ?? profile.avatar?.url;
  if (url) {
    const picture = h("img", { src: url, alt: "", referrerpolicy: "no-referrer" });
    picture.addEventListener("load", () => frame.replaceChildren(picture));
    picture.addEventListener("error", () => broken?.());
  }
  return frame;
}
