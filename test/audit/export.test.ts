import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createSeal, GENESIS, sealRow } from '../../src/audit/chain.ts';
import { type AuditDir, auditDir, DAY_MS, forgedRetention, KEY, rowOf } from '../support/audit.ts';
import { runCli } from '../support/cli.ts';

const GUIDE = join(import.meta.dirname, '..', '..', 'examples', 'operations', 'README.md');
/** The program as an auditor copies it. */
const [, PROGRAM = ''] = /```python\n(.*?)```/s.exec(readFileSync(GUIDE, 'utf8')) ?? [];

/** Runs the program of the guide over an export. */
async function check(dir: AuditDir, key = KEY): Promise<{ code: number; out: string }> {
  const file = join(dir.dir, 'check.py');
  writeFileSync(file, PROGRAM);
  return new Promise((resolve) => {
    const env = { ...process.env, AUDIT_KEY: key };
    execFile('python3', [file, join(dir.dir, 'export')], { env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out: out + err }),
    );
  });
}

/** Three days of rows, the first of which is too old and removed. */
async function filled(key: string | null, rows = 4): Promise<AuditDir> {
  const dir = auditDir();
  const log = dir.open({ key: key ?? undefined });
  for (let day = 0; day < 3; day++) {
    for (let n = 0; n < rows; n++) log.append(rowOf(`${day}-${n}`));
    dir.time += DAY_MS;
  }
  log.setRetention(2);
  await vi.waitFor(() => expect(dir.names()[0]).toBe('audit-2026-11-22.jsonl'));
  await log.close();
  return dir;
}

/** An export of two chains, in the first of both folders. */
async function exported(key: string | null = KEY, ...args: string[]): Promise<AuditDir> {
  const [a, b] = [await filled(key), await filled(key, 2)];
  const { code, err } = await runCli(
    ['audit', 'export', '--folder', join(a.dir, 'export'), a.dir, b.dir, ...args],
    { env: key === null ? {} : { AUDIT_KEY: `${key},an earlier key of it` } },
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return a;
}

const inExport = (dir: AuditDir, name: string) => join(dir.dir, 'export', name);
/** Its own file first. */
const filesOf = (dir: AuditDir) =>
  readdirSync(inExport(dir, '.'))
    .filter((name) => name.endsWith('.jsonl'))
    .sort((a) => (a === `${basename(dir.dir)}.jsonl` ? -1 : 1));

function edit(dir: AuditDir, file: number, change: (lines: string[]) => string[]): void {
  const name = inExport(dir, filesOf(dir)[file] ?? '');
  const lines = readFileSync(name, 'utf8').trimEnd().split('\n');
  writeFileSync(
    name,
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** Seals the manifest without a key, as somebody can who has none, after a change. */
function forgeManifest(
  dir: AuditDir,
  change: (manifest: { chains: Record<string, unknown>[] }) => void,
): void {
  const { prev: _, hash: __, ...manifest } = JSON.parse(readFileSync(inExport(dir, 'manifest.json'), 'utf8'));
  change(manifest);
  const { line } = sealRow({ ...manifest, alg: 'sha256', key_id: null }, GENESIS, createSeal());
  writeFileSync(inExport(dir, 'manifest.json'), line);
}

/** Adapts the manifest to rows that were cut off. */
function cutWithManifest(dir: AuditDir): void {
  edit(dir, 0, (lines) => lines.slice(0, -2));
  const rows = readFileSync(inExport(dir, filesOf(dir)[0] ?? ''), 'utf8')
    .trimEnd()
    .split('\n');
  const { seq, hash } = JSON.parse(rows.at(-1) ?? '');
  forgeManifest(dir, ({ chains }) => {
    const chain = chains.find(({ file }) => file === filesOf(dir)[0]);
    Object.assign(chain ?? {}, { rows: rows.length, last: { seq, hash } });
  });
}

test('the program of the guide needs no package', () => {
  const imports = PROGRAM.match(/^(?:import|from) .*$/gm);
  expect(imports).toEqual(['import hashlib, hmac, json, os, sys']);
  expect(PROGRAM.split('\n').length).toBeLessThan(65);
});

test.each([
  { name: 'with a key', key: KEY, args: [] },
  { name: 'without a key', key: null, args: [] },
  {
    name: 'of a part that begins in the middle of a day',
    key: KEY,
    args: ['--since', '2026-11-22T12:00:00Z'],
  },
  { name: 'of a part that ends before the others', key: KEY, args: ['--until', '2026-11-23'] },
  { name: 'of no rows', key: KEY, args: ['--since', '2027-01-01'] },
])('an export $name is ok without the bridge', async ({ key, args }) => {
  const dir = await exported(key, ...args);
  expect(await check(dir, key ?? '')).toEqual({ code: 0, out: 'ok, 2 chains\n' });
});

test('its files are the rows as they are in the folders', async () => {
  const dir = await exported();
  const [first = ''] = filesOf(dir);
  expect(readFileSync(inExport(dir, first), 'utf8')).toBe(
    dir
      .names()
      .filter((name) => /^audit-2/.test(name))
      .map(dir.text)
      .join(''),
  );
  const { chains } = JSON.parse(readFileSync(inExport(dir, 'manifest.json'), 'utf8'));
  expect(chains.map(({ file }: { file: string }) => file)).toEqual(filesOf(dir));
});

type Tampering = { readonly what: string; readonly says: string; readonly change: (dir: AuditDir) => void };

test('removed segments are not excused by rows that are sealed without the key', async () => {
  const dir = await exported();
  edit(dir, 0, (lines) => {
    const last = lines.findLastIndex((line) => line.includes('"event_type":"segment"'));
    return [forgedRetention(JSON.parse(lines[last] ?? '')).trimEnd(), ...lines.slice(last)];
  });
  const { code, out } = await check(dir);
  expect(out).toMatch(/:3: rows 3 to \d+ before it are missing/);
  expect(code).toBe(1);
});

test.each<Tampering>([
  {
    ...{ what: 'a changed row', says: ':3: was altered' },
    change: (dir) => edit(dir, 0, (lines) => lines.map((line) => line.replace('call-1-1', 'call-1-0'))),
  },
  {
    ...{ what: 'a removed row', says: ':3: does not follow the row before it' },
    change: (dir) => edit(dir, 0, (lines) => lines.toSpliced(2, 1)),
  },
  {
    ...{ what: 'a row twice', says: ':4: does not follow' },
    change: (dir) => edit(dir, 0, (lines) => lines.toSpliced(2, 0, lines[2] ?? '')),
  },
  {
    ...{ what: 'a line that is no row', says: ':2: is not a row' },
    change: (dir) => edit(dir, 0, (lines) => lines.toSpliced(1, 0, '{"plum":1}')),
  },
  {
    ...{ what: 'an end that was cut off', says: 'the manifest says' },
    change: (dir) => edit(dir, 0, (lines) => lines.slice(0, -2)),
  },
  {
    what: 'an end that was cut off with a new manifest',
    says: 'manifest.json: is not sealed',
    change: cutWithManifest,
  },
  {
    ...{ what: 'a beginning that was cut off', says: 'before it are missing' },
    change: (dir) =>
      edit(dir, 0, (lines) =>
        lines.slice(lines.findIndex((line, i) => i > 0 && line.includes('"segment","version"'))),
      ),
  },
  {
    ...{ what: 'a file that is missing', says: 'has 0 rows' },
    change: (dir) => rmSync(inExport(dir, filesOf(dir)[1] ?? '')),
  },
  {
    ...{ what: 'a file too many', says: 'more.jsonl: is not in the manifest' },
    change: (dir) => copyFileSync(inExport(dir, filesOf(dir)[0] ?? ''), inExport(dir, 'more.jsonl')),
  },
  {
    ...{ what: 'files that were swapped', says: 'the manifest says' },
    change(dir) {
      const [a = '', b = ''] = filesOf(dir);
      renameSync(inExport(dir, a), inExport(dir, 'x'));
      renameSync(inExport(dir, b), inExport(dir, a));
      renameSync(inExport(dir, 'x'), inExport(dir, b));
    },
  },
  {
    ...{ what: 'a manifest that is missing', says: 'manifest.json: is not a row' },
    change: (dir) => rmSync(inExport(dir, 'manifest.json')),
  },
  {
    ...{
      what: 'a chain that was made anew without the key',
      says: ':1: is not sealed, and rows before it are',
    },
    change: (dir) =>
      edit(dir, 0, (lines) => {
        let last = JSON.parse(lines[0] ?? '').prev;
        return lines.map((text) => {
          const { prev: _, hash: __, ...fields } = JSON.parse(text);
          if (fields.event_type === 'segment') Object.assign(fields, { alg: 'sha256', key_id: null });
          const { line, hash } = sealRow(fields, last, createSeal());
          last = hash;
          return line.trimEnd();
        });
      }),
  },
])('the program of the guide finds $what', async ({ says, change }) => {
  const dir = await exported();
  expect(existsSync(inExport(dir, 'manifest.json'))).toBe(true);
  change(dir);
  const { code, out } = await check(dir);
  expect(out).toContain(says);
  expect(out).not.toContain('Traceback');
  expect(code).toBe(1);
});

test('the program of the guide takes no other key', async () => {
  const { code, out } = await check(await exported(), 'another key of the operator');
  expect(out).toContain('manifest.json: sealed with a key that is not in AUDIT_KEY');
  expect(code).toBe(1);
});

test('an export goes into a new folder only', async () => {
  const dir = await exported();
  const folder = inExport(dir, '.');
  const again = await runCli(['audit', 'export', '--folder', folder, dir.dir]);
  expect(again).toEqual({ code: 1, out: '', err: `guardrail-bridge: --folder: ${folder} exists already\n` });
  const nowhere = await runCli(['audit', 'export', '--folder', join(folder, 'x', 'y'), dir.dir]);
  expect(nowhere.err).toContain('--folder: there is no folder for');
});
