// Runs what it is sent, a JSON object on each line, and answers each with one.
'use strict';

const readline = require('node:readline');
const { createRequire } = require('node:module');
const { define } = require('./models.js');

const AsyncFunction = (async () => {}).constructor;
const [uri, modules] = process.argv.slice(2);
const programs = new Map();

function open(version) {
  const mongoose = createRequire(`${modules}/`)(`mongoose${version}`);
  const connection = mongoose.createConnection(uri, { w: 'majority' });
  // What `kept` holds stays from one call to the next: an old copy of a document, for instance.
  return { mongoose, connection, kept: {}, ...define(mongoose, connection) };
}

async function answer({ version, code, values }) {
  if (!programs.has(version)) programs.set(version, open(version));
  const program = programs.get(version);
  // Its own: a value of another version's driver is refused.
  const { EJSON } = program.mongoose.mongo.BSON;
  const names = { ...program, ...EJSON.deserialize(values) };
  const result = await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
  return EJSON.stringify({ result: result === undefined ? null : result });
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const text = await answer(JSON.parse(line)).catch(
      ({ name, message }) => JSON.stringify({ error: { name, message } }));
    process.stdout.write(`${text}\n`);
  }
  process.exit();
})();
