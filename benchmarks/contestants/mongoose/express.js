// The requests, answered by Express in two processes. Argument: the port.
'use strict';

const express = require('express');
const jwt = require('jsonwebtoken');
const inTwoProcesses = require('./processes');
const store = require('./store');

const { shapes } = store;
const KEY = process.env.BENCHMARK_SIGNING_KEY;
const CHECKS = { algorithms: ['HS256'], audience: 'chabad-auth', issuer: 'chabad-auth' };

async function authenticate(request, response, next) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  let claims;
  try {
    claims = scheme.toLowerCase() === 'bearer' && jwt.verify(token, KEY, CHECKS);
  } catch {
    claims = null;
  }
  request.user = claims && await store.User.findById(claims.sub);
  if (request.user) next();
  else response.status(401).json({ code: 'not_authenticated' });
}

const key = (request) => (
  { userId: request.user._id, appId: request.params.app, dataKey: request.params.key });

const answer = (response, row, shape) => (
  row ? response.json(shape(row)) : response.status(404).json({ code: 'not_found' }));

const app = express();
const me = express.Router();
app.set('trust proxy', 'loopback');
app.use(express.json({ limit: '1mb' }));
app.use('/api/users/me', authenticate, me);

me.get('/activities/', async (request, response) => {
  const limit = Math.min(Number(request.query.limit ?? 100), 1000);
  const rows = await store.listActivities(request.user._id, limit + 1);
  let next = null;
  if (rows.length > limit) {
    const { _id, timestamp } = rows[limit - 1];
    rows.pop();
    const position = JSON.stringify([timestamp.getTime(), _id, false]);
    const query = new URLSearchParams({ cursor: Buffer.from(position).toString('base64url'), limit });
    next = `${request.protocol}://${request.headers.host}${request.baseUrl}${request.path}?${query}`;
  }
  response.json({ results: rows.map(shapes.activity), next, previous: null });
});

me.post('/activities/', async (request, response) => {
  if (Array.isArray(request.body)) {
    const stored = await store.insertActivities(request.user._id, request.body);
    response.json({ accepted: stored.length, duplicates: 0, rejected: [], rejectedCount: 0 });
  } else {
    const [stored] = await store.insertActivities(request.user._id, [request.body]);
    response.status(201).json(shapes.activity(stored));
  }
});

me.get('/profile/', async (request, response) => {
  answer(response, await store.Profile.findOne({ userId: request.user._id }), shapes.profile);
});

me.get('/app-data/:app/:key/', async (request, response) => {
  answer(response, await store.AppData.findOne(key(request)), shapes.appData);
});

me.put('/app-data/:app/:key/', async (request, response) => {
  const { dataValue, version } = request.body;
  const row = await store.updateAppData(key(request), dataValue, version);
  if (row) response.json(shapes.appData(row));
  else response.status(409).json({ code: 'version_conflict' });
});

me.get('/analytics/event-counts/', async (request, response) => {
  const timestamp = { $gte: new Date(request.query.start), $lt: new Date(request.query.end) };
  response.json(await store.countEvents({ userId: request.user._id, timestamp }));
});

async function serve() {
  await store.connect();
  app.listen(Number(process.argv[2]), '127.0.0.1');
}

inTwoProcesses(serve);
