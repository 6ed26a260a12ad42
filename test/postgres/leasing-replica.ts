/** Run by Node beside a test: a replica that leases what is due, says so, and goes on living until it is killed. */
import { Database } from '../../src/database/database.ts';
import { PostgresOutbox } from '../../src/outbox/postgres-outbox.ts';
import { NO_EVENTS } from '../support/store.ts';

const { config, leaseMs } = JSON.parse(process.argv[2] ?? '{}');
const outbox = new PostgresOutbox({
  database: new Database(config, 'records'),
  ...{ replica: 1, name: 'a child', backends: ['akto'], maxBytes: 1e9, maxAgeMs: 1e9, leaseMs },
  events: NO_EVENTS,
});
const due = await outbox.due('akto', { records: 2, bytes: 1e9, except: new Set() });
process.stdout.write(`${due.length} leased\n`);
setInterval(() => {}, 60_000);
