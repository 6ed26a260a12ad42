import * as v from 'valibot';
import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import type { PolicyDocument } from './document.ts';
import { OTHER_KEYS, SINGLE_KINDS } from './keeptrusts.ts';
import type { Path } from './problems.ts';
import { shaped } from './shape.ts';

/** A piece of the file and where it stands. */
export type Placed<T = unknown> = { readonly path: Path; readonly value: T };

/** The content of a file, whichever of its forms it is written in. */
export type Form = {
  readonly name: string;
  readonly isEnabled: boolean;
  readonly chain: readonly Placed<string>[];
  /** By kind. */
  readonly options: ReadonlyMap<string, Placed>;
  readonly rules: Placed;
  /** Keys at the top that are for a gateway. */
  readonly unused: readonly string[];
};

const SEMVER = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][\w.+-]{1,64})?$/;

const text = v.nullish(v.string());
const About = v.strictObject({
  id: text,
  name: v.nullish(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
  version: v.nullish(
    v.pipe(v.string('must be a text such as "1.0.0"'), v.regex(SEMVER, 'must be a version such as 1.0.0')),
  ),
  enabled: v.nullish(v.boolean()),
  author: text,
  description: text,
});
const Options = v.nullish(v.record(v.string(), v.unknown()), {});
const anything = v.optional(v.unknown());

const Whole = v.strictObject({
  pack: v.nullish(About, {}),
  policies: v.strictObject({ chain: v.array(v.string()), policy: Options }),
  policy: Options,
  rules: anything,
  providers: anything,
  agents: anything,
  testing: anything,
});

const Single = v.object({
  pack: v.nullish(About, {}),
  policy: v.strictObject({
    ...About.entries,
    name: v.picklist(SINGLE_KINDS, `must be ${SINGLE_KINDS.join(' or ')}; for others write policies.chain`),
  }),
});

/**
 * Reads the top of a file: the whole form (`pack`, `policies.chain`, `policy.<kind>`, which may also stand under
 * `policies.policy`), or that of a single policy (`policy {name, version, enabled}` and its sections). With a mistake at
 * the top the rest is still read, so that the mistakes in it are found too.
 */
export function readForm(
  { value, written }: PolicyDocument,
  fail: (path: Path, message: string) => void,
): Form {
  const top = fieldsOf(value);
  const isSingle = top.policies === undefined && typeof fieldsOf(top.policy).name === 'string';
  const isEmpty = Object.keys(top).length === 0;
  if (isEmpty) fail([], 'is no mapping of keys');
  const read = isEmpty ? undefined : shaped(isSingle ? Single : Whole, top, { written });
  for (const { path, message } of read?.mistakes ?? []) fail(path, message);
  const pack = fieldsOf(top.pack);
  const about = isSingle ? fieldsOf(top.policy) : pack;
  return {
    name: textOf(pack.name) ?? textOf(about.name) ?? 'default',
    isEnabled: pack.enabled !== false && about.enabled !== false,
    unused: OTHER_KEYS.filter((key) => top[key] !== undefined),
    rules: { path: ['rules'], value: top.rules ?? undefined },
    ...(isSingle ? single(top) : whole(top, fail)),
  };
}

type Chain = Pick<Form, 'chain' | 'options'>;

function whole(top: Fields, fail: (path: Path, message: string) => void): Chain {
  const policies = fieldsOf(top.policies);
  const chain = Array.isArray(policies.chain) ? policies.chain : [];
  const options = new Map<string, Placed>();
  for (const path of [['policy'], ['policies', 'policy']]) {
    const kinds = fieldsOf(path.length === 1 ? top.policy : policies.policy);
    for (const [kind, value] of Object.entries(kinds)) {
      const placed = { path: [...path, kind], value };
      if (options.has(kind)) fail(placed.path, `stands under policy.${kind} too`);
      else options.set(kind, placed);
    }
  }
  const entries = chain.map((kind, index) => ({
    path: ['policies', 'chain', index],
    value: kind as unknown,
  }));
  return { chain: entries.filter((entry) => typeof entry.value === 'string') as Placed<string>[], options };
}

function single(top: Fields): Chain {
  const name = String(fieldsOf(top.policy).name);
  if (!SINGLE_KINDS.includes(name)) return { chain: [], options: new Map() };
  const known = ['pack', 'policy', 'rules', ...OTHER_KEYS];
  const sections = Object.fromEntries(Object.entries(top).filter(([key]) => !known.includes(key)));
  return {
    chain: [{ path: ['policy', 'name'], value: name }],
    options: new Map([[name, { path: [], value: sections }]]),
  };
}
