// The requests, answered by Fastify in two processes. Argument: the port.
'use strict';

const fastify = require('fastify');
const inTwoProcesses = require('./processes');
const store = require('./store');

const { shapes } = store;

const key = (request) => (
  { userId: request.person._id, appId: request.params.app, dataKey: request.params.key });

const answer = (reply, row, shape) => {
  if (row) return shape(row);
  reply.code(404);
  return { code: 'not_found' };
};

async function me(app) {
  app.decorateRequest('person', null);
  app.addHook('onRequest', async (request, reply) => {
    try {
      const claims = await request.jwtVerify();
      request.person = await store.User.findById(claims.sub);
    } catch {
      request.person = null;
    }
    if (!request.person) return reply.code(401).send({ code: 'not_authenticated' });
  });

  app.get('/activities/', async (request) => {
    const limit = Math.min(Number(request.query.limit ?? 100), 1000);
    const rows = await store.listActivities(request.person._id, limit + 1);
    let next = null;
    if (rows.length > limit) {
      const { _id, timestamp } = rows[limit - 1];
      rows.pop();
      const position = JSON.stringify([timestamp.getTime(), _id, false]);
      const query = new URLSearchParams({ cursor: Buffer.from(position).toString('base64url'), limit });
      next = `${request.protocol}://${request.headers.host}${request.routeOptions.url}?${query}`;
    }
    return { results: rows.map(shapes.activity), next, previous: null };
  });

  app.post('/activities/', async (request, reply) => {
    if (Array.isArray(request.body)) {
      const stored = await store.insertActivities(request.person._id, request.body);
      return { accepted: stored.length, duplicates: 0, rejected: [], rejectedCount: 0 };
    }
    const [stored] = await store.insertActivities(request.person._id, [request.body]);
    reply.code(201);
    return shapes.activity(stored);
  });

  app.get('/profile/', async (request, reply) => answer(
    reply, await store.Profile.findOne({ userId: request.person._id }), shapes.profile));

  app.get('/app-data/:app/:key/', async (request, reply) => answer(
    reply, await store.AppData.findOne(key(request)), shapes.appData));

  app.put('/app-data/:app/:key/', async (request, reply) => {
    const { dataValue, version } = request.body;
    const row = await store.updateAppData(key(request), dataValue, version);
    if (row) return shapes.appData(row);
    reply.code(409);
    return { code: 'version_conflict' };
  });

  app.get('/analytics/event-counts/', async (request) => {
    const timestamp = { $gte: new Date(request.query.start), $lt: new Date(request.query.end) };
    return store.countEvents({ userId: request.person._id, timestamp });
  });
}

async function serve() {
  await store.connect();
  const app = fastify({ trustProxy: 'loopback', bodyLimit: 1024 * 1024 });
  app.register(require('@fastify/jwt'), {
    secret: process.env.BENCHMARK_SIGNING_KEY,
    verify: { algorithms: ['HS256'], allowedAud: 'chabad-auth', allowedIss: 'chabad-auth' },
  });
  app.register(me, { prefix: '/api/users/me' });
  await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
}

inTwoProcesses(serve);
