import * as v from 'valibot';
import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import { OTHER_KEYS, SINGLE_KINDS } from './keeptrusts.ts';
import type { Path } from './problems.ts';
import type { FileReport } from './report.ts';

/** A piece of the file and where it stands. */
export type Placed<T = unknown> = { readonly path: Path; readonly value: T };

/** The content of a file, whichever of its forms it is written in. */
export type Form = {
  readonly name: string;
  readonly isEnabled: boolean;
  readonly chain: readonly Placed<string>[];
  /** By kind. */
  readonly options: ReadonlyMap<string, Placed>;
  readonly rules: unknown;
  readonly backends: unknown;
  readonly orchestration: unknown;
  readonly onError: unknown;
  /** Keys at the top that are for a gateway. */
  readonly unused: readonly string[];
};

const SEMVER = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][\w.+-]{1,64})?$/;

const text = v.nullish(v.string());
const About = v.strictObject({
  id: v.pipe(text, v.description('An id of your own.')),
  name: v.pipe(
    v.nullish(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
    v.description('Name of the policy file, in logs and commands.'),
  ),
  version: v.pipe(
    v.nullish(
      v.pipe(v.string('must be a text such as "1.0.0"'), v.regex(SEMVER, 'must be a version such as 1.0.0')),
    ),
    v.description('A version such as 1.0.0.'),
  ),
  enabled: v.pipe(v.nullish(v.boolean()), v.description('`false`: no policy judges.')),
  author: v.pipe(text, v.description('Who wrote it.')),
  description: v.pipe(text, v.description('What it is for.')),
});
const Options = v.nullish(v.record(v.string(), v.unknown()), {});
const anything = v.optional(v.unknown());

/** The top of a file; what is below `policy`, `rules` and `backends` has forms of its own. */
export const WholeForm = v.strictObject({
  pack: v.nullish(About, {}),
  policies: v.strictObject({ chain: v.array(v.string()), policy: Options }),
  policy: Options,
  rules: anything,
  backends: anything,
  orchestration: anything,
  on_error: anything,
  providers: anything,
  agents: anything,
  testing: anything,
});

/** The top of a file of a single policy: beside these stand its options. */
export const SingleForm = v.object({
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
export function readForm(report: FileReport): Form {
  const content = fieldsOf(report.content);
  // A file can be there for its vendors alone
  const top =
    content.policies === undefined && content.backends ? { ...content, policies: { chain: [] } } : content;
  const isSingle = top.policies === undefined && typeof fieldsOf(top.policy).name === 'string';
  if (Object.keys(top).length === 0)
    report.fail([], `${notMapping(report.content)}; policy init prints one to start from`);
  else if (Array.isArray(top.policies))
    report.fail(['policies'], 'must be a mapping of keys, not a list; write the list under policies.chain');
  else report.shaped(isSingle ? SingleForm : WholeForm, top, []);
  const pack = fieldsOf(top.pack);
  const about = isSingle ? fieldsOf(top.policy) : pack;
  return {
    name: textOf(pack.name) ?? textOf(about.name) ?? 'default',
    isEnabled: pack.enabled !== false && about.enabled !== false,
    unused: OTHER_KEYS.filter((key) => top[key] !== undefined),
    rules: top.rules ?? undefined,
    backends: top.backends ?? undefined,
    orchestration: top.orchestration,
    onError: top.on_error,
    ...(isSingle ? single(top) : whole(top, report)),
  };
}

/** The name of a file that has no key. */
function notMapping(content: unknown): string {
  if (content === null || content === undefined) return 'is empty';
  if (Array.isArray(content)) return 'is a list, and no mapping of keys';
  return typeof content === 'object' ? 'has no key' : 'is a text, and no mapping of keys';
}

type Chain = Pick<Form, 'chain' | 'options'>;

function whole(top: Fields, report: FileReport): Chain {
  const policies = fieldsOf(top.policies);
  const options = new Map<string, Placed>();
  for (const [kind, value] of Object.entries(fieldsOf(top.policy)))
    options.set(kind, { path: ['policy', kind], value });
  for (const [kind, value] of Object.entries(fieldsOf(policies.policy))) {
    const path = ['policies', 'policy', kind];
    if (options.has(kind)) report.fail(path, `stands under policy.${kind} too`);
    else options.set(kind, { path, value });
  }
  const entries: unknown[] = Array.isArray(policies.chain) ? policies.chain : [];
  const chain = entries.flatMap((value, index) =>
    typeof value === 'string' ? [{ path: ['policies', 'chain', index], value }] : [],
  );
  return { chain, options };
}

function single(top: Fields): Chain {
  const name = String(fieldsOf(top.policy).name);
  if (!SINGLE_KINDS.includes(name)) return { chain: [], options: new Map() };
  const known = ['pack', 'policy', 'rules', 'backends', 'orchestration', 'on_error', ...OTHER_KEYS];
  const sections = Object.fromEntries(Object.entries(top).filter(([key]) => !known.includes(key)));
  return {
    chain: [{ path: ['policy', 'name'], value: name }],
    options: new Map([[name, { path: [], value: sections }]]),
  };
}
