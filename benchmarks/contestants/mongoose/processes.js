// Two processes that share a port.
'use strict';

const cluster = require('node:cluster');

module.exports = (serve) => {
  if (!cluster.isPrimary) {
    serve();
    return;
  }
  const workers = [cluster.fork(), cluster.fork()];
  process.on('SIGTERM', () => {
    for (const worker of workers) worker.process.kill();
    process.exit();
  });
};
