import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findRow, firstRow, rowLine, rowsAfter } from '../../src/audit/unshipped.ts';
import { type AuditDir, auditDir, DAY_MS, rowOf } from '../support/audit.ts';

/** Three days of rows, in a file of more than a megabyte each. */
async function filled(): Promise<AuditDir> {
  const dir = auditDir();
  const log = dir.open();
  for (let day = 0; day < 3; day++) {
    for (let n = 0; n < 3000; n++) {
      log.append(rowOf(`${day}-${n}`, { user: 'u'.repeat((n * 7919) % 250) }));
    }
    dir.time += DAY_MS;
  }
  await log.close();
  return dir;
}

const linesOf = (dir: AuditDir) => dir.names().flatMap((name) => dir.text(name).trimEnd().split('\n'));

test('the rows after any row are found, and none twice', async () => {
  const dir = await filled();
  const lines = linesOf(dir);
  expect([...rowsAfter(dir.folder, undefined)].map(({ line }) => line)).toEqual(lines);
  expect(firstRow(dir.folder)?.line).toBe(lines[0]);
  for (const at of [0, 1, 2, 1500, 2999, 3000, 3001, 3002, 4711, lines.length - 2]) {
    const row = rowLine(lines[at] ?? '');
    const place = row && findRow(dir.folder, row);
    const { value } = rowsAfter(dir.folder, place).next();
    expect(value?.line, `after row ${at + 1}`).toBe(lines[at + 1]);
  }
  const last = rowLine(lines.at(-1) ?? '');
  expect(rowsAfter(dir.folder, last && findRow(dir.folder, last)).next().done).toBe(true);
});

test('a row with another hash or of another time is not found', async () => {
  const dir = await filled();
  expect(findRow(dir.folder, { seq: 4711, hash: 'f'.repeat(64) })).toBeUndefined();
  expect(findRow(dir.folder, { seq: 90_000, hash: 'f'.repeat(64) })).toBeUndefined();
});

test('a row is found among lines that are none, and half a line is no row yet', async () => {
  const dir = await filled();
  const [, name = ''] = dir.names();
  const file = join(dir.folder, name);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const garbage = Array.from({ length: 40 }, () => 'plum '.repeat(20_000));
  writeFileSync(file, [...lines.slice(0, 1000), ...garbage, ...lines.slice(1000), ''].join('\n'));
  for (const at of [999, 1000, 1001]) {
    const row = rowLine(lines[at] ?? '');
    const { value } = rowsAfter(dir.folder, row && findRow(dir.folder, row)).next();
    expect(value?.line).toBe(lines[at + 1]);
  }
  appendFileSync(join(dir.folder, dir.names().at(-1) ?? ''), '{"seq":9004,"at":"2026');
  expect([...rowsAfter(dir.folder, undefined)]).toHaveLength(9003);
});

test.each([
  '',
  'plum',
  '{"seq":1}',
  '{"seq":"1","at":"2026-11-21T12:00:00.000Z","event_type":"decision","prev":"0","hash":"0"}',
])('%j is no row', (line) => {
  expect(rowLine(line)).toBeUndefined();
});
