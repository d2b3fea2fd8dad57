// What the person does here: an Activity for their history, an Analytics event for their figures.

import { call, mine } from "./api.js";

const APP = "portal";
const MOST_KEPT = 200;
const waiting = { activities: [], analytics: [] };
let sending = Promise.resolve();

function send(path, event) {
  const queue = waiting[path];
  queue.push({ ...event, appId: APP, messageId: crypto.randomUUID(), timestamp: new Date().toISOString() });
  queue.splice(0, queue.length - MOST_KEPT);
  // What could not be sent goes with the next one; the server stores each once.
  sending = sending.then(async () => {
    const batch = queue.slice();
    if (batch.length === 0) return;
    const sentAt = new Date().toISOString();
    await call("POST", mine(`${path}/`), { body: batch.map((one) => ({ ...one, sentAt })) });
    queue.splice(0, batch.length);
  }).catch(() => {});
  return sending;
}

export const record = (eventType, eventData) => send("activities", { eventType, eventData });
export const count = (eventName) => send("analytics", { eventName, eventCategory: "engagement" });
