import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createSeal, sealRow } from '../../src/audit/chain.ts';
import type { ChainCheck } from '../../src/audit/chain-check.ts';
import { FolderChain } from '../../src/audit/folder-chain.ts';
import { verifyChains } from '../../src/audit/verify.ts';
import { type AuditDir, auditDir, DAY_MS, forgedRetention, KEY, rowOf } from '../support/audit.ts';

const FIRST = 'audit-2026-11-21.jsonl';
const SECOND = 'audit-2026-11-22.jsonl';
const THIRD = 'audit-2026-11-23.jsonl';

/** Three days with a title and four decisions each: rows 1 to 15. */
async function written(key?: string): Promise<AuditDir> {
  const dir = auditDir();
  const log = dir.open({ key });
  for (let day = 0; day < 3; day++) {
    for (let n = 0; n < 4; n++) log.append(rowOf(`${day}-${n}`, { action: n === 2 ? 'BLOCKED' : 'NONE' }));
    dir.time += DAY_MS;
  }
  await log.close();
  return dir;
}

function edit(dir: AuditDir, name: string, change: (lines: string[]) => string[]): void {
  const lines = dir.text(name).split('\n').slice(0, -1);
  writeFileSync(
    join(dir.folder, name),
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** Makes the chain anew from a file on, as somebody can who has no key. */
function rehash(dir: AuditDir, names: readonly string[], prev: string): void {
  const seal = createSeal();
  let last = prev;
  for (const name of names) {
    edit(dir, name, (lines) =>
      lines.map((text) => {
        const { prev: _, hash: __, ...fields } = JSON.parse(text);
        if (fields.event_type === 'segment') Object.assign(fields, { alg: 'sha256', key_id: null });
        const { line, hash } = sealRow(fields, last, seal);
        last = hash;
        return line.trimEnd();
      }),
    );
  }
}

const unblocked = (line: string) => line.replace('"verdict":"block","action":"BLOCKED"', '"verdict":"allow"');

test.each([{ key: undefined }, { key: KEY }])('an untouched log is ok (key: $key)', async ({ key }) => {
  const dir = await written(key);
  const { problems, notes, rows, segments, head } = dir.verify(key === undefined ? [] : [key]);
  expect({ problems, notes, rows, segments }).toEqual({ problems: [], notes: [], rows: 15, segments: 3 });
  expect(head).toEqual({ seq: 15, hash: dir.rows().at(-1)?.hash });
});

type Tampering = {
  readonly what: string;
  readonly change: (dir: AuditDir) => void;
  readonly file: string;
  readonly line: number;
  readonly says: string;
};

const tamperings: readonly Tampering[] = [
  {
    ...{ what: 'a changed row', file: SECOND, line: 4, says: 'row 9 was altered' },
    change: (dir) => edit(dir, SECOND, (lines) => lines.map((line, i) => (i === 3 ? unblocked(line) : line))),
  },
  {
    ...{ what: 'one changed bit', file: FIRST, line: 2, says: 'row 2 was altered' },
    change: (dir) => edit(dir, FIRST, (lines) => lines.map((line) => line.replace('call-0-0', 'call-0-1'))),
  },
  {
    ...{ what: 'a blank more', file: FIRST, line: 3, says: 'row 3 was altered' },
    change: (dir) => edit(dir, FIRST, (lines) => lines.with(2, lines[2]?.replace(':', ': ') ?? '')),
  },
  {
    ...{ what: 'a removed row', file: SECOND, line: 4, says: 'row 9 before it is missing' },
    change: (dir) => edit(dir, SECOND, (lines) => lines.toSpliced(3, 1)),
  },
  {
    ...{ what: 'removed rows', file: SECOND, line: 3, says: 'rows 8 to 9 before it are missing' },
    change: (dir) => edit(dir, SECOND, (lines) => lines.toSpliced(2, 2)),
  },
  {
    ...{ what: 'the title of a segment removed', file: SECOND, line: 1, says: 'the beginning of the file' },
    change: (dir) => edit(dir, SECOND, (lines) => lines.slice(1)),
  },
  {
    ...{ what: 'a row twice', file: FIRST, line: 4, says: 'row 3 stands after row 3' },
    change: (dir) => edit(dir, FIRST, (lines) => lines.toSpliced(3, 0, lines[2] ?? '')),
  },
  {
    ...{ what: 'swapped rows', file: FIRST, line: 3, says: 'row 3 before it is missing' },
    change: (dir) =>
      edit(dir, FIRST, ([a = '', b = '', c = '', ...rest]) => [a, b, ...rest.splice(0, 1), c, ...rest]),
  },
  {
    ...{ what: 'a line put in', file: FIRST, line: 2, says: 'not a row' },
    change: (dir) => edit(dir, FIRST, ([a = '', ...rest]) => [a, '{"seq":2}', ...rest]),
  },
  {
    ...{ what: 'a segment cut off before its end', file: SECOND, line: 1, says: 'rows 4 to 5 before it' },
    change: (dir) => edit(dir, FIRST, (lines) => lines.slice(0, 3)),
  },
  {
    ...{
      what: 'the first segment deleted',
      file: SECOND,
      line: 1,
      says: 'rows 1 to 5 before it are missing',
    },
    change: (dir) => rmSync(join(dir.folder, FIRST)),
  },
  {
    ...{ what: 'a segment in the middle deleted', file: THIRD, line: 1, says: 'rows 6 to 10 before it' },
    change: (dir) => rmSync(join(dir.folder, SECOND)),
  },
  {
    ...{ what: 'a segment emptied', file: THIRD, line: 1, says: 'rows 6 to 10 before it are missing' },
    change: (dir) => writeFileSync(join(dir.folder, SECOND), ''),
  },
  {
    ...{ what: 'a segment put aside', file: THIRD, line: 1, says: 'rows 6 to 10 before it are missing' },
    change: (dir) =>
      renameSync(join(dir.folder, SECOND), join(dir.folder, 'audit-2026-11-22.unreadable.x.jsonl')),
  },
  {
    ...{
      what: 'a segment twice',
      file: 'audit-2026-11-22.2.jsonl',
      line: 1,
      says: 'row 6 stands after row 10',
    },
    change: (dir) => copyFileSync(join(dir.folder, SECOND), join(dir.folder, 'audit-2026-11-22.2.jsonl')),
  },
  {
    ...{ what: 'half a line in the middle', file: FIRST, line: 6, says: 'half a line' },
    change: (dir) => writeFileSync(join(dir.folder, FIRST), `${dir.text(FIRST)}{"seq":6`),
  },
  {
    ...{ what: 'a chain made anew up to a row', file: SECOND, line: 1, says: 'row 6 does not follow' },
    change: (dir) => rehash(dir, [FIRST], 'f'.repeat(64)),
  },
];

test.each(tamperings)('$what is found', async ({ change, ...where }) => {
  const dir = await written();
  change(dir);
  const { problems } = dir.verify();
  const { file, line, says } = where;
  expect(problems).toContainEqual({ file, line, message: expect.stringContaining(says) });
});

test.each(tamperings)('$what is found in a log with a key', async ({ change }) => {
  const dir = await written(KEY);
  change(dir);
  expect(dir.verify([KEY]).problems).not.toEqual([]);
});

test('rows cut off at the end are found by a head kept outside alone', async () => {
  const dir = await written(KEY);
  const { head } = dir.verify([KEY]);
  edit(dir, THIRD, (lines) => lines.slice(0, -1));
  expect(dir.verify([KEY]).problems).toEqual([]);
  const { problems } = dir.verify([KEY], head);
  expect(problems).toMatchObject([{ file: THIRD, message: expect.stringContaining('row 15 with the hash') }]);
});

test('a head from long ago is still in the log', async () => {
  const dir = await written();
  const { seq, hash } = dir.rows(FIRST)[3] as { seq: number; hash: string };
  expect(dir.verify([], { seq, hash }).problems).toEqual([]);
});

test('a forged chain is found by a head kept outside, or by the key', async () => {
  const dir = await written();
  const { head } = dir.verify();
  edit(dir, SECOND, (lines) => lines.map(unblocked));
  rehash(dir, [FIRST, SECOND, THIRD], '0'.repeat(64));
  expect(dir.verify().problems).toEqual([]);
  expect(dir.verify([], head).problems).toHaveLength(1);
});

test.each([
  { from: 0, says: 'no row is sealed with AUDIT_KEY' },
  { from: 1, says: 'sealed without a key' },
  { from: 2, says: 'sealed without a key' },
])('a chain forged without the key from segment $from on is found', async ({ from, says }) => {
  const dir = await written(KEY);
  const names = [FIRST, SECOND, THIRD].slice(from);
  const prev = from === 0 ? '0'.repeat(64) : `${dir.rows([FIRST, SECOND][from - 1]).at(-1)?.hash}`;
  edit(dir, THIRD, (lines) => lines.map(unblocked));
  rehash(dir, names, prev);
  const { problems } = dir.verify([KEY]);
  expect(problems).toContainEqual(expect.objectContaining({ message: expect.stringContaining(says) }));
});

test('removed segments are not excused by a row that is sealed without the key', async () => {
  const dir = await written(KEY);
  const [title] = dir.rows(THIRD) as { seq: number; prev: string }[];
  rmSync(join(dir.folder, SECOND));
  writeFileSync(join(dir.folder, FIRST), forgedRetention(title));
  expect(dir.verify([KEY]).problems).toEqual([
    { file: THIRD, line: 1, message: expect.stringContaining('rows 3 to 10 before it are missing') },
  ]);
});

test('removed segments are excused by a row from before the key was added', async () => {
  const dir = auditDir();
  for (const key of [undefined, undefined, KEY]) {
    const log = dir.open({ key });
    log.append(rowOf(1));
    if (key === undefined) dir.time += DAY_MS;
    else log.setRetention(1);
    if (key !== undefined) await vi.waitFor(() => expect(dir.names()).toEqual([SECOND, THIRD]));
    await log.close();
  }
  expect(dir.verify([KEY]).problems).toEqual([]);
});

test('segments are excused that go while chains are read, by a row that comes meanwhile', async () => {
  const [there, gone] = [await written(), await written()];
  const { seq, hash } = gone.rows(FIRST).at(-1) as { seq: number; hash: string };
  const log = there.open();
  class Growing extends FolderChain {
    override async read(check: ChainCheck): Promise<void> {
      await super.read(check);
      log.note({ type: 'retention', fields: { last_seq: seq, last_hash: hash } });
      rmSync(join(gone.folder, FIRST), { force: true });
    }
  }
  const { chains } = await verifyChains(
    [
      new Growing(there.folder, { name: 'there', replica: null }),
      new FolderChain(gone.folder, { name: 'gone', replica: null }),
    ],
    { keys: [] },
  );
  expect(chains.map(({ problems, rows }) => ({ problems, rows }))).toEqual([
    { problems: [], rows: 16 },
    { problems: [], rows: 10 },
  ]);
});

test.each([
  { keys: [], says: 'set AUDIT_KEY' },
  { keys: ['a wrong key'], says: 'another key' },
])('rows that cannot be checked are not ok ($says)', async ({ keys, says }) => {
  const dir = await written(KEY);
  const { problems } = dir.verify(keys);
  expect(problems[0]).toMatchObject({ file: FIRST, line: 1, message: expect.stringContaining(says) });
});

test('endless problems are counted, not listed', async () => {
  const dir = await written();
  writeFileSync(join(dir.folder, SECOND), 'plum\n'.repeat(1000));
  const { problems, more } = dir.verify();
  expect(problems).toHaveLength(100);
  expect(more).toBe(901);
});

test('an endless line is read in bounded memory', async () => {
  const dir = await written();
  const text = readFileSync(join(dir.folder, THIRD), 'utf8');
  writeFileSync(join(dir.folder, THIRD), `${text}${'x'.repeat(8 * 1024 * 1024)}\n`);
  expect(dir.verify().problems).toEqual([{ file: THIRD, line: 6, message: 'not a row of the log' }]);
});
