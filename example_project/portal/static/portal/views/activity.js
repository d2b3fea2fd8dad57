import { h } from "../dom.js";
import { t } from "../texts.js";
export const activity = () => h("h1", {}, t("activity"));
