import { h } from "../dom.js";
import { t } from "../texts.js";
export const settings = () => h("h1", {}, t("settings"));
