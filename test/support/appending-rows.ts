import { AuditLog } from '../../src/audit/log.ts';
import { rowOf } from './audit-row.ts';

/** A process that appends until it is killed, and says of each row that it is written: `DIR [COUNT]`. */
const [, , dir = '', count = 'Infinity'] = process.argv;
const errors: string[] = [];
const log = new AuditLog({ dir, onError: (code) => errors.push(code) });
let said = '';
for (let n = 1; n <= Number(count); n++) {
  log.append(rowOf(n));
  said += `${log.isUp() ? 'written' : 'lost'} ${n}\n`;
  if (n % 20 === 0) {
    process.stdout.write(said);
    said = '';
    await new Promise((resolve) => setImmediate(resolve));
  }
}
process.stdout.write(`${said}errors ${errors.join(',')}\n`);
await log.close();
