// The events of the last two weeks.

import { chart, readDays } from "../chart.js";
import { arriving } from "../notices.js";

export const figures = () => arriving(async () => chart(await readDays(14)));
