import { ShippedLog } from '../../src/audit/shipped-log.ts';
import { AuditTable } from '../../src/audit/table.ts';
import { Database } from '../../src/database/database.ts';
import { rowOf } from './audit-row.ts';

/** A replica that appends until it is killed, and says of each row that it is written: `DIR URL SCHEMA FIRST`. */
const [, , dir = '', url = '', schema = '', first = '1'] = process.argv;
const timeouts = { connectTimeoutMs: 1000, statementTimeoutMs: 1000 };
const database = new Database(
  { ...{ url, schema, password: undefined, passwordFile: undefined, poolSize: 5 }, ...timeouts },
  'audit',
);
const log = new ShippedLog({
  ...{ dir, table: new AuditTable(database), name: 'killed', closeTable: () => database.close() },
  onError: (code) => process.stdout.write(`error ${code}\n`),
  onUnshipped: () => {},
  onFailure: (reason, code) => process.stdout.write(`failure ${reason} ${code}\n`),
  onShipping: () => {},
  onCopy: () => process.stdout.write('copy\n'),
  onKept: () => {},
});
for (let n = Number(first); ; n++) {
  log.append(rowOf(n));
  process.stdout.write(`${log.isUp() ? 'written' : 'lost'} ${n}\n`);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
