import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { type AuditDir, auditDir, DAY_MS, KEY, rowOf } from '../support/audit.ts';
import { collect, runCli } from '../support/cli.ts';

const TODAY = 'audit-2026-11-21.jsonl';

type RunOptions = { env?: Record<string, string>; sleep?: (out: Writable) => Promise<void> };

/** Runs an audit command; `sleep` is called whenever it waits. */
function run(dir: AuditDir, args: readonly string[], { env, sleep = async () => {} }: RunOptions = {}) {
  const out = collect();
  return runCli(['audit', ...args], {
    env: { DATA_DIR: dir.dir, AKTO_API_KEY: 'hidden-and-alone', ...env },
    out,
    now: () => dir.time,
    sleep: () => sleep(out),
  }).then((result) => ({ ...result, out: out.text }));
}

/** Two days: three decisions and one. */
function filled(key?: string): AuditDir {
  const dir = auditDir();
  const log = dir.open({ key });
  log.append(rowOf(1));
  log.append(
    rowOf(2, { action: 'BLOCKED', by: 'secrets', rules: ['aws-key', 'jwt'], ref: 'R-1', user: '=1+1' }),
  );
  log.append(rowOf(3, { would_redact: ['pii-detector'], model: 'a "b",\u001b[2J\u202ec' }));
  dir.time += DAY_MS;
  log.append(rowOf(4));
  return dir;
}

test('verify says ok with the head, while a bridge writes', async () => {
  const dir = filled();
  const { seq, hash } = dir.rows().at(-1) ?? {};
  expect(await run(dir, ['verify'])).toMatchObject({
    ...{ code: 0, out: `ok, 6 rows in 2 segments, head ${seq}:${hash}\n`, err: '' },
  });
  expect((await run(dir, ['verify', '--head', `${seq}:${hash}`])).code).toBe(0);
  expect((await run(dir, ['verify', '--head', `${seq}:${'0'.repeat(64)}`])).code).toBe(1);
});

test('verify names file and line of a fault, and ends with 1', async () => {
  const dir = filled();
  const file = join(dir.folder, TODAY);
  const text = readFileSync(file, 'utf8').replace('"BLOCKED"', '"NONE"');
  rmSync(file);
  appendFileSync(file, `${text}\u001b[2J\n`);
  const { code, out } = await run(dir, ['verify']);
  expect(code).toBe(1);
  expect(out.split('\n').slice(0, 2)).toEqual([
    `${TODAY}:3: row 3 was altered: its hash is not that of its text`,
    `${TODAY}:5: not a row of the log`,
  ]);
  expect(out).toContain('\n2 problems, 6 rows in 2 segments, head 6:');
  const { problems, ...rest } = JSON.parse((await run(dir, ['verify', '--json'])).out);
  expect(rest).toMatchObject({ ok: false, rows: 6, segments: 2, more: 0, notes: [] });
  expect(problems[1]).toEqual({ file: TODAY, line: 5, message: 'not a row of the log' });
});

test('verify takes the key from AUDIT_KEY, and earlier keys too', async () => {
  const dir = filled(KEY);
  expect((await run(dir, ['verify'])).out).toContain('set AUDIT_KEY');
  expect((await run(dir, ['verify'], { env: { AUDIT_KEY: `new one, ${KEY}` } })).code).toBe(0);
});

test('verify notes half a line, which is no tampering', async () => {
  const dir = filled();
  appendFileSync(join(dir.folder, 'audit-2026-11-22.jsonl'), '{"seq":7');
  const { code, err } = await run(dir, ['verify']);
  expect(code).toBe(0);
  expect(err).toMatch(/^note: audit-2026-11-22\.jsonl:3: half a line of 8 bytes: /);
});

test('tail prints the last rows, and escapes control characters in names', async () => {
  const dir = filled();
  const { code, out } = await run(dir, ['tail', '-n', '4']);
  expect(code).toBe(0);
  expect(out.split('\n')).toEqual([
    '2026-11-21T12:00:00.000Z  3  block request  by=secrets  rules=aws-key,jwt  team=search  key=search-prod  ' +
      'user==1+1  model=gpt-5  ref=R-1  litellm_call_id=call-2',
    '2026-11-21T12:00:00.000Z  4  allow request  team=search  key=search-prod  user=u-1  model=a "b", [2J c  ' +
      'would_redact=pii-detector  litellm_call_id=call-3',
    expect.stringMatching(/^2026-11-22T12:00:00\.000Z {2}5 {2}segment {2}alg=sha256$/),
    '2026-11-22T12:00:00.000Z  6  allow request  team=search  key=search-prod  user=u-1  model=gpt-5  ' +
      'litellm_call_id=call-4',
    '',
  ]);
  const json = (await run(dir, ['tail', '-n4', '--json'])).out;
  expect(
    json
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line)),
  ).toEqual(dir.rows().slice(2));
  expect((await run(dir, ['tail', '-n', '0'])).out).toBe('');
});

test('tail --follow goes on over a new day, until its reader leaves', async () => {
  const dir = auditDir();
  const log = dir.open();
  log.append(rowOf(1));
  const steps = [
    () => log.append(rowOf(2)),
    () => {},
    () => {
      dir.time += DAY_MS;
      log.append(rowOf(3));
      dir.time += DAY_MS;
      log.append(rowOf(4));
    },
    () => appendFileSync(join(dir.folder, 'audit-2026-11-23.jsonl'), '{"half'),
  ];
  const { code, out } = await run(dir, ['tail', '-n', '1', '--follow', '--json'], {
    async sleep(stream) {
      const step = steps.shift();
      if (step === undefined) stream.end();
      else step();
    },
  });
  expect(code).toBe(0);
  const rows = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  expect(rows.map(({ seq }) => seq)).toEqual([2, 3, 4, 5, 6, 7]);
});

test('tail reads no more than the end of a large log', async () => {
  const dir = auditDir();
  const log = dir.open();
  for (let n = 0; n < 2000; n++) log.append(rowOf(n));
  const { out } = await run(dir, ['tail', '-n', '1500', '--json']);
  const seqs = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).seq);
  expect(seqs).toEqual(Array.from({ length: 1500 }, (_, i) => i + 502));
});

test('export gives the rows as they are', async () => {
  const dir = filled();
  const { code, out } = await run(dir, ['export']);
  expect(code).toBe(0);
  expect(out).toBe(dir.names().map(dir.text).join(''));
});

test.each([
  { args: ['--since', '2026-11-22'], seqs: [5, 6] },
  { args: ['--until', '2026-11-21T12:00:00.001Z'], seqs: [1, 2, 3, 4] },
  { args: ['--since', '2026-11-22T12:00'], seqs: [5, 6] },
  { args: ['--since', '2026-11-22T14:00:01+02:00'], seqs: [] },
  { args: ['--since', '2026-11-21T12:00:00Z', '--until', '2026-11-22T12:00:00Z'], seqs: [1, 2, 3, 4] },
])('export $args', async ({ args, seqs }) => {
  const { out } = await run(filled(), ['export', ...args]);
  expect(
    out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).seq),
  ).toEqual(seqs);
});

test('export as a table has no formulas in it', async () => {
  const dir = filled();
  const file = join(dir.dir, 'rows.csv');
  const { code, out } = await run(dir, ['export', '--format', 'csv', '--out', file]);
  expect({ code, out }).toEqual({ code: 0, out: `6 rows in ${file}\n` });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const [head, segment, , second, third] = readFileSync(file, 'utf8').split('\r\n');
  expect(head).toBe(
    'seq,at,event_type,verdict,action,input_type,shape,litellm_call_id,litellm_trace_id,model,team,key,user,by,' +
      'reason_code,rules,policy_version,caller_rule,would_block,would_redact,removed,ref,ms,detail,prev,hash',
  );
  expect(segment).toContain('"{""version"":1,""alg"":""sha256"",""key_id"":null}"');
  expect(second).toContain(`,"'=1+1",secrets,,"aws-key jwt",abcdef123456,`);
  expect(third).toContain(',"a ""b"", [2J c",search,');
  expect((await run(dir, ['export', '--out', file])).err).toContain('exists already');
  expect((await run(dir, ['export', '--out', join(file, 'x', 'y')])).code).toBe(1);
});

test('several folders are told of each and of all, and each row of them with its chain', async () => {
  const [a, b] = [filled(), filled()];
  const { code, out } = await run(a, ['verify', a.dir, b.folder]);
  expect(out.replaceAll(/\d+:[0-9a-f]{64}/g, 'HEAD')).toBe(
    `${a.dir}: ok, 6 rows in 2 segments, head HEAD\n${b.folder}: ok, 6 rows in 2 segments, head HEAD\n` +
      'ok, 12 rows in 2 chains\n',
  );
  expect(code).toBe(0);
  const file = join(b.folder, TODAY);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"BLOCKED"', '"NONE"'));
  const spoilt = await run(a, ['verify', a.dir, b.dir, '--head', `9:${'0'.repeat(64)}`]);
  expect(spoilt.out).toContain(`--head: row 9 with the hash of --head is in no chain`);
  expect(spoilt.out).toMatch(/\n2 problems, 12 rows in 2 chains\n$/);
  expect(spoilt.code).toBe(1);
  const { ok, rows, problems, chains } = JSON.parse((await run(a, ['verify', a.dir, b.dir, '--json'])).out);
  expect({ ok, rows, problems }).toEqual({ ok: false, rows: 12, problems: [] });
  expect(chains).toMatchObject([
    { name: a.dir, replica: null, copy_of: null, unshipped: null, ok: true, rows: 6, segments: 2 },
    { name: b.dir, ok: false, problems: [{ file: TODAY, line: 3 }] },
  ]);
  const json = (await run(a, ['tail', a.dir, b.dir, '-n', '4', '--json'])).out.trimEnd().split('\n');
  expect(json.map((line) => JSON.parse(line))).toMatchObject([
    ...[{ name: a.dir }, { name: a.dir }, { name: b.dir }, { name: b.dir, row: { seq: 6 } }],
  ]);
  const csv = (await run(a, ['export', a.dir, b.dir, '--format', 'csv'])).out.split('\r\n');
  expect(csv).toHaveLength(14);
  expect(csv[0]).toMatch(/^name,replica,seq,/);
  expect(csv[7]).toContain(`${b.dir},,1,`);
});

test('one folder that is named is told as that of DATA_DIR is', async () => {
  const [a, b] = [filled(), auditDir()];
  expect(await run(b, ['verify', a.dir])).toEqual(await run(a, ['verify']));
  expect((await run(a, ['verify', b.dir])).err).toContain(
    `there is no audit log in ${b.dir}; name the DATA_DIR of a bridge`,
  );
});

test.each([
  ['plum', "unknown command 'plum'; see guardrail-bridge audit --help"],
  ['constructor', "unknown command 'constructor'; see guardrail-bridge audit --help"],
  ['verfiy', "unknown command 'verfiy' (did you mean verify?); see guardrail-bridge audit --help"],
  [
    'export --folder x --out y',
    "option '--folder <folder>' cannot be used with option '--out <file>'; see guardrail-bridge audit export --help",
  ],
  [
    'verify --head 7',
    "option '--head <seq:hash>' argument '7' is invalid. Write SEQ:HASH as the bridge has logged it; " +
      'see guardrail-bridge audit verify --help',
  ],
  [
    'tail -n many',
    "option '-n, --rows <n>' argument 'many' is invalid. Write a number, 0 to 100000; " +
      'see guardrail-bridge audit tail --help',
  ],
  [
    'export --format xml',
    "option '--format <format>' argument 'xml' is invalid. Allowed choices are jsonl, csv; " +
      'see guardrail-bridge audit export --help',
  ],
  [
    'export --since today',
    "option '--since <time>' argument 'today' is invalid. Write a span like 90m, 24h or 7d, or a time like 2026-11-21T10:00:00Z; " +
      'see guardrail-bridge audit export --help',
  ],
  [
    'export --until 2026-13-01',
    "option '--until <time>' argument '2026-13-01' is invalid. Write a span like 90m, 24h or 7d, or a time like 2026-11-21T10:00:00Z; " +
      'see guardrail-bridge audit export --help',
  ],
])('audit %s is a wrong command line', async (args, problem) => {
  const result = await run(filled(), args.split(' '));
  expect(result).toEqual({ code: 2, out: '', err: `guardrail-bridge: ${problem}\n` });
});

test('audit without a command prints its help to standard error', async () => {
  const { code, out, err } = await run(auditDir(), []);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain('Usage: guardrail-bridge audit');
});

test.each([['verify'], ['tail'], ['export']])('audit %s without a log says where it looked', async (name) => {
  const dir = auditDir();
  const problem = `there is no audit log in DATA_DIR (${dir.dir}); set DATA_DIR as the bridge has it`;
  expect(await run(dir, [name])).toEqual({ code: 1, out: '', err: `guardrail-bridge: ${problem}\n` });
});
