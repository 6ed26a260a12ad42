import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { auditDir, rowOf } from '../support/audit.ts';

const APPENDING = join(import.meta.dirname, '..', 'support', 'appending-rows.ts');
const run = promisify(execFile);

function start(dir: string): ChildProcess & { said: () => string } {
  const child = spawn(process.execPath, [APPENDING, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 15_000,
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return Object.assign(child, { said: () => text });
}

test.each([1, 2, 3])(
  'a process that is killed while it appends loses no row that it said was written (%d)',
  async (run) => {
    const dir = auditDir();
    dir.time = Date.now();
    const child = start(dir.dir);
    while (!child.said().includes(`written ${run * 300}\n`)) await once(child.stdout!, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    const said = [...child.said().matchAll(/^written (\d+)$/gm)].map(([, n]) => `call-${n}`);

    const log = dir.open();
    expect(log.isUp()).toBe(true);
    log.append(rowOf('after'));
    const found = new Set(dir.rows().map(({ litellm_call_id }) => litellm_call_id));
    expect(said.filter((id) => !found.has(id))).toEqual([]);
    expect(said.length).toBeGreaterThanOrEqual(run * 300);
    expect(found.has('call-after')).toBe(true);
    const { problems, notes } = dir.verify();
    expect({ problems, notes }).toEqual({ problems: [], notes: [] });
  },
);

test('a file that may not grow keeps no half row, and the loss is logged later', async () => {
  const dir = auditDir();
  dir.time = Date.now();
  // Blocks of 1024 bytes: the limit falls into the middle of a row
  const command = `ulimit -f 10; exec "${process.execPath}" "${APPENDING}" "${dir.dir}" 100`;
  const { stdout } = await run('bash', ['-c', command], { timeout: 15_000 });
  const count = (word: string) => [...stdout.matchAll(new RegExp(`^${word} \\d+$`, 'gm'))].length;
  expect(stdout).toMatch(/^errors EFBIG$/m);
  expect(count('written')).toBeGreaterThan(5);
  expect(count('lost')).toBe(100 - count('written'));
  const { problems, notes, rows } = dir.verify();
  expect(problems).toEqual([]);
  // At the end, if a row that says so still finds a place
  const told = { message: expect.stringMatching(new RegExp(`could not be written: ${count('lost')}$`)) };
  if (notes.length > 0) expect(notes).toMatchObject([told]);
  expect(rows).toBe(count('written') + 1 + notes.length);

  const log = dir.open();
  log.append(rowOf('after'));
  expect(dir.verify().problems).toEqual([]);
});

test('half a row, as a power cut leaves it, costs no other', async () => {
  const dir = auditDir();
  const first = dir.open();
  for (let n = 0; n < 3; n++) first.append(rowOf(n));
  await first.close();
  const [name = ''] = dir.names();
  truncateSync(join(dir.folder, name), dir.text(name).length - 100);
  const log = dir.open();
  expect(dir.rows().map(({ event_type }) => event_type)).toEqual([
    ...['segment', 'decision', 'decision', 'recovered'],
  ]);
  expect(log.head().seq).toBe(4);
  expect(dir.verify([], first.head()).problems).toHaveLength(1);
});
