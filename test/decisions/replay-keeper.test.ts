import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import type { KeptHead } from '../../src/decisions/decision-then.ts';
import { CallPacker, unpackCalls } from '../../src/decisions/kept-bytes.ts';
import { ReplayKeeper } from '../../src/decisions/replay-keeper.ts';
import { ReplayReader } from '../../src/decisions/replay-reader.ts';
import { credentials, fill } from '../support/credentials.ts';

const closes: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closes.splice(0).reverse()) close();
});

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'replay-keeper-'));
  closes.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 27, 12);
const MB = 1024 * 1024;

type Options = {
  dir?: string;
  maxBytes?: number;
  content?: 'full' | 'redacted';
  teams?: readonly string[];
};

function keeperOf({ dir = folder(), maxBytes = 100 * MB, content = 'full', teams = [] }: Options = {}) {
  const redaction = {
    content,
    remove: [],
    noContentTeams: new Set(teams),
    noContentKeys: new Set<string>(),
  };
  const begun: string[] = [];
  const keeper = new ReplayKeeper({ dir, maxAgeMs: 7 * DAY_MS, maxBytes, redaction }, (why) =>
    begun.push(why),
  );
  closes.push(() => keeper.close());
  return { keeper, dir, begun };
}

const headOf = (id: string, at = NOW, more: Partial<KeptHead> = {}): KeptHead => ({
  decision: {
    ...{ at, id, ref: null, team: ['support'], input: 'request', shape: 'texts', bytes: 10 },
    ...{ outcome: 'allow', by: null, version: 'v', notes: [], prints: {}, votes: {} },
    part: { verdict: 'allow', by: null, rules: [] },
  },
  ...more,
});

function packed(...calls: readonly (readonly [KeptHead, (object | string)?])[]): Uint8Array {
  const packer = new CallPacker();
  for (const [head, body] of calls)
    packer.add(JSON.stringify(head), typeof body === 'object' ? Buffer.from(JSON.stringify(body)) : body);
  return packer.take() ?? new Uint8Array();
}

function kept(dir: string) {
  const reader = ReplayReader.open(dir);
  const calls = [...(reader?.calls({ since: 0, until: Number.MAX_SAFE_INTEGER, team: null }) ?? [])];
  reader?.close();
  return calls.map(({ decision, content, lack }) => ({
    ...{ id: decision.id, lack },
    call: content === undefined ? undefined : JSON.parse(content),
  }));
}

const request = (text: string, more: object = {}) => ({ input_type: 'request', texts: [text], ...more });

test('calls come out of one piece of memory as they were put in, whatever their letters', () => {
  const packer = new CallPacker();
  const bodies = ['ä€😀'.repeat(50_000), undefined, Buffer.from([1, 2, 3]), ''];
  for (const [i, body] of bodies.entries()) packer.add(`{"n":"ü${i}"}`, body);
  expect(packer.calls).toBe(4);
  const calls = [...unpackCalls(packer.take() ?? new Uint8Array())];
  expect(calls.map(({ head }) => head)).toEqual(bodies.map((_, i) => `{"n":"ü${i}"}`));
  expect(calls.map(({ body }) => body && Buffer.from(body).toString())).toEqual([
    bodies[0],
    undefined,
    '\x01\x02\x03',
    '',
  ]);
  expect(packer.take()).toBeUndefined();
});

test('the last call of a series is kept, unless another begins under its name', () => {
  const { keeper, dir } = keeperOf();
  const round = (id: string, at: number, text: string) => {
    const series = { name: 'a', start: text.slice(0, 64), chars: text.length };
    return [headOf(id, at, { series }), request(text)] as const;
  };
  expect(keeper.keep(packed(round('1', NOW, 'an')), NOW)).toEqual({ whole: 1 });
  keeper.keep(packed(round('2', NOW + 1, 'an apple'), round('3', NOW + 2, 'an apple, a pear')), NOW);
  keeper.keep(packed(round('4', NOW + 3, 'other')), NOW);
  expect(kept(dir).map(({ id }) => id)).toEqual(['3', '4']);
});

test('credentials never stand in the file, and media are cut to their beginning', () => {
  const key = `sk-proj-${fill(48)}`;
  const picture = `data:image/png;base64,${'A'.repeat(5000)}`;
  const { keeper, dir } = keeperOf();
  const call = request(`use ${key}`, {
    request_headers: { authorization: `Bearer ${key}`, 'x-team': 'a' },
    structured_messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: picture } },
          { type: 'text', text: key },
        ],
      },
    ],
    images: [picture],
    request_data: {
      user_api_key_hash: fill(64, '0123456789abcdef'),
      user_api_key_user_email: 'ada@example.com',
    },
  });
  const counts = keeper.keep(packed([headOf(`id-${key}`), call], [headOf('2'), request('a pear')]), NOW);
  expect(counts).toEqual({ erased: 1, whole: 1 });
  keeper.close();
  expect(readFileSync(join(dir, 'replay.db')).includes(fill(48))).toBe(false);
  const [{ call: told } = { call: undefined }] = kept(dir);
  expect(told).toMatchObject({
    texts: ['use [REDACTED]'],
    request_headers: { authorization: '[REDACTED]', 'x-team': 'a' },
    images: ['data:image/png;base64,'],
    request_data: {
      user_api_key_hash: fill(64, '0123456789abcdef'),
      user_api_key_user_email: 'ada@example.com',
    },
  });
  expect(JSON.stringify(told)).not.toContain('AAAA');
});

test('with TELEMETRY_CONTENT=redacted personal data is erased too, but not who called', () => {
  const { keeper, dir } = keeperOf({ content: 'redacted' });
  const request_data = { user_api_key_user_email: 'ada@example.com' };
  const calls = packed(
    [headOf('1'), request('mail bob@example.com', { request_data })],
    [headOf('2'), request('a')],
  );
  expect(keeper.keep(calls, NOW)).toEqual({ redacted: 1, whole: 1 });
  expect(kept(dir)[0]?.call).toMatchObject({ texts: ['mail [REDACTED]'], request_data });
});

test('what cannot be read, or is not handed over, is kept without content', () => {
  const { keeper, dir } = keeperOf();
  const counts = keeper.keep(
    packed([headOf('1'), 'no json'], [headOf('2', NOW, { lack: 'too_large' })]),
    NOW,
  );
  expect(counts).toEqual({ unreadable: 1, too_large: 1 });
  expect(kept(dir)).toMatchObject([
    { id: '1', lack: 'unreadable', call: undefined },
    { id: '2', lack: 'too_large', call: undefined },
  ]);
});

test('calls that are too old go, and so do the oldest beyond the room', () => {
  const { keeper, dir } = keeperOf({ maxBytes: MB });
  keeper.keep(packed([headOf('old', NOW - 8 * DAY_MS), request('a')], [headOf('new'), request('b')]), NOW);
  expect(kept(dir).map(({ id }) => id)).toEqual(['new']);
  // Letters that cannot be compressed
  const noise = (n: number) =>
    Array.from({ length: 4000 }, (_, i) => ((i * 7919 + n * 104_729) ** 3 % 36).toString(36)).join('');
  for (let n = 0; n < 600; n += 50) {
    const calls = Array.from(
      { length: 50 },
      (_, i) => [headOf(`n${n + i}`, NOW + n + i), request(noise(n + i))] as const,
    );
    keeper.keep(packed(...calls), NOW);
    expect(keeper.bytes).toBeLessThanOrEqual(MB);
  }
  const ids = kept(dir).map(({ id }) => id);
  expect(ids.at(-1)).toBe('n599');
  expect(ids).not.toContain('n0');
  expect(ids.length).toBeGreaterThan(100);
  keeper.close();
  expect(statSync(join(dir, 'replay.db')).size).toBeLessThanOrEqual(1.2 * MB);
});

test.each([
  ['is no database', 'no database at all, but a text that is long enough'.repeat(100)],
  ['is empty', ''],
])('a file that %s is begun anew', (_, content) => {
  const dir = folder();
  writeFileSync(join(dir, 'replay.db'), content);
  const { keeper } = keeperOf({ dir });
  keeper.maintain(NOW);
  keeper.keep(packed([headOf('1'), request('a')]), NOW);
  expect(kept(dir).map(({ id }) => id)).toEqual(['1']);
});

test('a file that is damaged in use is begun anew, after what met the damage', () => {
  const { keeper, dir, begun } = keeperOf();
  keeper.keep(packed([headOf('1'), request('a')]), NOW);
  keeper.close();
  const file = join(dir, 'replay.db');
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xff, 2 * 16_384, 3 * 16_384));
  expect(() => {
    for (let n = 0; n < 3; n++) keeper.keep(packed([headOf(`n${n}`), request('a')]), NOW);
  }).toThrow();
  keeper.keep(packed([headOf('2'), request('a')]), NOW);
  expect(kept(dir).map(({ id }) => id)).toContain('2');
  expect(begun).toEqual(['damaged']);
});

test.each([
  ['deleted', (file: string) => rmSync(file)],
  [
    'replaced',
    (file: string) => {
      renameSync(file, `${file}.old`);
      writeFileSync(file, '');
    },
  ],
])('a file that somebody %s while it was open is begun anew, and no later call is lost', (_, change) => {
  const { keeper, dir, begun } = keeperOf();
  keeper.keep(packed([headOf('1'), request('a')]), NOW);
  change(join(dir, 'replay.db'));
  keeper.keep(packed([headOf('2'), request('b')]), NOW);
  expect(kept(dir).map(({ id }) => id)).toEqual(['2']);
  expect(begun).toEqual(['gone']);
});

test('another bridge cannot have the file meanwhile, and has it afterwards', () => {
  const { keeper, dir } = keeperOf();
  keeper.keep(packed([headOf('1'), request('a')]), NOW);
  const other = keeperOf({ dir }).keeper;
  expect(() => other.maintain(NOW)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
  keeper.keep(packed([headOf('2'), request('a')]), NOW);
  keeper.close();
  other.keep(packed([headOf('3'), request('a')]), NOW);
  expect(kept(dir).map(({ id }) => id)).toEqual(['1', '2', '3']);
});

test('calls that are too old go where no call comes', () => {
  const { keeper, dir } = keeperOf();
  keeper.keep(packed([headOf('1'), request('a')]), NOW);
  keeper.maintain(NOW + 8 * DAY_MS);
  expect(kept(dir)).toEqual([]);
});

const SOME = ['TEXT', 'legal', 'sales'];

test.each<{ name: string; before: Options; after: Options; deletes: boolean }>([
  { name: 'personal data is to be erased', before: {}, after: { content: 'redacted' }, deletes: true },
  { name: 'it need not be any more', before: { content: 'redacted' }, after: {}, deletes: false },
  { name: 'a team is added', before: { teams: ['a'] }, after: { teams: ['a', 'b'] }, deletes: true },
  { name: 'a team is left out', before: { teams: ['a', 'b'] }, after: { teams: ['b'] }, deletes: false },
  { name: 'a team is another', before: { teams: ['a'] }, after: { teams: ['b'] }, deletes: true },
  { name: 'nothing changes', before: { teams: SOME }, after: { teams: SOME }, deletes: false },
])('what was kept is deleted if less may be kept than before: $name', ({ before, after, deletes }) => {
  const { keeper, dir } = keeperOf(before);
  keeper.keep(packed([headOf('1'), request('a')]), NOW);
  keeper.close();
  const second = keeperOf({ ...after, dir });
  second.keeper.maintain(NOW);
  expect(second.begun).toEqual(deletes ? ['content'] : []);
  expect(kept(dir).length).toBe(deletes ? 0 : 1);
});

test('no credential stands in any file of the folder, wherever a call has one', () => {
  const { keeper, dir } = keeperOf();
  for (const [, secret] of credentials) {
    const call = request(`use ${secret}`, {
      ...{ litellm_call_id: secret, litellm_trace_id: secret, model: secret, litellm_version: secret },
      guardrail_bridge_hops: [secret],
      [secret.slice(0, 20)]: secret,
      structured_messages: [{ role: 'user', name: secret, content: secret }],
      tools: [{ type: 'function', function: { name: 'f', description: secret } }],
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: secret } }],
      request_data: { user_api_key_team_alias: secret, user_api_key_end_user_id: secret },
      request_headers: { 'x-some': secret, authorization: `Bearer ${secret}` },
      additional_provider_specific_params: { a: { b: secret } },
    });
    const head = headOf(secret);
    keeper.keep(packed([{ ...head, decision: { ...head.decision, team: [secret] } }, call]), NOW);
  }
  const told = kept(dir);
  expect(told).toHaveLength(credentials.length);
  const texts = new DatabaseSync(join(dir, 'replay.db'), { readOnly: true })
    .prepare('SELECT decision FROM calls')
    .all()
    .map(({ decision }) => String(decision));
  const all = [
    ...told.map((call) => JSON.stringify(call)),
    ...texts,
    ...readdirSync(dir).map((name) => readFileSync(join(dir, name), 'latin1')),
  ].join('\n');
  expect(existsSync(join(dir, 'replay.db'))).toBe(true);
  for (const [name, secret] of credentials)
    expect({ name, found: all.includes(JSON.stringify(secret).slice(1, -1)) }).toEqual({
      name,
      found: false,
    });
});
