// The works, in the protocol of benchmarks/worker.py.
'use strict';

const readline = require('node:readline');
const store = require('./store');

const key = (call) => ({ userId: call.user_id, appId: call.app_id, dataKey: call.data_key });

const works = {
  create_user: (call) => store.createUser(call.email, call.name),
  record_login: (call) => store.recordLogin(call.user_id, call.app_id, call.session_id),
  ingest: async (call) => (await store.insertActivities(call.user_id, call.activities)).length,
  list_activities: async (call) => {
    const rows = await store.listActivities(call.user_id, 100);
    return Buffer.from(JSON.stringify(rows.map(store.shapes.activity)));
  },
  upsert_app_data: async (call) => (await store.upsertAppData(key(call), call.data_value)).version,
  update_app_data: async (call) =>
    (await store.updateAppData(key(call), call.data_value, call.expected_version)).version,
  count_events: (call) => store.countEvents(
    { timestamp: { $gte: new Date(call.start), $lt: new Date(call.end) } }),
};

async function main() {
  await store.connect();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const work = works[order.function];
    let result = null;
    const started = process.hrtime.bigint();
    for (const call of order.calls) {
      result = await work(call);
    }
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    if (Buffer.isBuffer(result)) result = result.toString();
    process.stdout.write(`${JSON.stringify({ seconds, result: result ?? null })}\n`);
  }
  process.exit();
}

main();
