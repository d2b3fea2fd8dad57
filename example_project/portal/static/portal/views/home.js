import { h } from "../dom.js";
import { t } from "../texts.js";
export const home = () => h("h1", {}, t("home"));
