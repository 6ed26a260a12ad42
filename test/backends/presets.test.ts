/**
 * Requests of the shipped presets, and their verdicts on every reply that a vendor is known to give: `presets/<kind>.yaml` beside this file.
 * A preset without such a file fails here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { kindsOfBackends } from '../../src/backends/index.ts';
import { SHIPPED_PRESETS } from '../../src/backends/preset/shipped.ts';
import { KEY } from '../support/backend-row.ts';
import { json } from '../support/fake-backend.ts';
import { askBackend } from '../support/preset.ts';

const SHIPPED = join(import.meta.dirname, '..', '..', 'src', 'backends', 'presets');
const GOLDEN = join(import.meta.dirname, 'presets');

/** A request to the vendor, as far as it matters, and the reply. */
type Exchange = {
  readonly asked?: {
    readonly path?: string;
    /** Null for one that must not be there, `*` for one with any value. */
    readonly headers?: Readonly<Record<string, string | null>>;
    readonly body?: unknown;
  };
  readonly status?: number;
  readonly reply: unknown;
};

/** A call, what the vendor is asked about it, and what becomes of its reply. */
type Golden = Partial<Exchange> & {
  readonly name: string;
  readonly direction?: 'request' | 'response';
  /** The call: one text, or messages; or all its fields. */
  readonly text?: string;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
  readonly call?: Readonly<Record<string, unknown>>;
  /** The question of a response. */
  readonly question?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly secret?: false;
  /** Instead of one exchange. */
  readonly exchanges?: readonly Exchange[];
  /** Of a `modify`, `texts` are the new ones alone. */
  readonly verdict?: Readonly<Record<string, unknown>>;
  readonly failure?: Readonly<Record<string, unknown>>;
};

const ID = 'c0ffee00-1111-4222-8333-444455556666';
const COMMON = {
  litellm_call_id: ID,
  model: 'house-model',
  request_data: { user_api_key_user_id: 'u-17' },
};

const textsOf = (content: unknown): string[] =>
  typeof content === 'string'
    ? [content]
    : (content as { text?: string }[]).flatMap(({ text }) => (text === undefined ? [] : [text]));

const requestOf = (messages: Golden['messages'] = []) => ({
  ...{ ...COMMON, input_type: 'request', structured_messages: messages },
  texts: messages.flatMap(({ content }) => textsOf(content)),
});

function callIn({ direction, text = '', messages, call }: Golden): Record<string, unknown> {
  if (call !== undefined) return { ...COMMON, ...call };
  if (direction === 'response') return { ...COMMON, input_type: 'response', texts: [text] };
  return requestOf(messages ?? [{ role: 'user', content: text }]);
}

const goldenOf = (kind: string): readonly Golden[] => {
  const file = join(GOLDEN, `${kind}.yaml`);
  return existsSync(file) ? (parseYaml(readFileSync(file, 'utf8'), { merge: true }) as Golden[]) : [];
};

const presets = readdirSync(SHIPPED)
  // One to start from, which is no vendor
  .filter((file) => file.endsWith('.yaml') && file !== 'http.yaml')
  .map((file) => ({ file, kind: file.replace('.yaml', '') }))
  .map((preset) => ({
    ...preset,
    golden: goldenOf(preset.kind),
    text: readFileSync(join(SHIPPED, preset.file), 'utf8'),
  }));

test('every file in the folder of presets is shipped', () => {
  expect(presets.map(({ kind }) => kind)).toEqual(SHIPPED_PRESETS.toSorted());
});

describe.each(presets)('$kind', ({ kind, golden, text }) => {
  test('has golden replies of each verdict that it can give, of a failure, and of each direction', () => {
    const directions = (parseYaml(text) as { judges: string[] }).judges.filter((one) => one !== 'media');
    const shown = golden.map(({ verdict, failure }) => verdict?.kind ?? failure?.kind);
    expect(shown).toEqual(expect.arrayContaining(['allow', 'block', 'wrong_shape']));
    if (/^ {2,6}redact:/m.test(text)) expect(shown).toContain('modify');
    expect(golden.map(({ direction = 'request' }) => direction)).toEqual(expect.arrayContaining(directions));
  });

  test('is short, and begins with its vendor and the page it was read from', () => {
    expect(text.split('\n').length - 1).toBeLessThanOrEqual(40);
    expect(text).toMatch(/^(?:#.*\n)*title: \S.*\nsee: https:\/\/\S+\n/);
  });

  test.each(golden)('$name', async (row) => {
    const { options, secret, exchanges = [row as Exchange], question, verdict, failure } = row;
    const backend = kindsOfBackends.find(kind);
    if (backend === undefined) throw new Error(`${kind} is no kind`);
    const left = [...exchanges];
    const given = await askBackend(
      backend,
      (request, response) => {
        const { status, reply } = left.shift() ?? { status: 418, reply: 'asked too often' };
        return json(reply, status)(request, response);
      },
      {
        call: callIn(row),
        ...(question && { request: requestOf([{ role: 'user', content: question }]) }),
        ...(options && { options }),
        secret: secret ?? KEY,
      },
    );
    for (const [i, { asked: { path, headers = {}, body } = {} }] of exchanges.entries()) {
      const seen = given.seen[i];
      if (path !== undefined) expect(`${seen?.path}${seen?.query.size ? `?${seen.query}` : ''}`).toBe(path);
      if (body !== undefined) expect(seen?.body).toEqual(body);
      for (const [name, value] of Object.entries(headers))
        expect(seen?.headers[name] ?? null).toEqual(value === '*' ? expect.any(String) : value);
    }
    expect(left).toEqual([]);
    const read: Record<string, unknown> = { ...given.verdict };
    if (read.texts instanceof Map) read.texts = [...read.texts.values()];
    if (failure !== undefined) expect(read).toMatchObject(failure);
    else {
      delete read.edits;
      expect(read).toEqual(verdict);
    }
  });
});
