import { hash } from 'node:crypto';
import { fieldsOf } from '../../guardrail/call.ts';
import type { CreateContext, Kind, Policy } from '../policy.ts';
import { readCallerRules } from './caller-rules.ts';
import { readDocument } from './document.ts';
import { readEnforcement } from './enforcement.ts';
import { type Placed, readForm } from './form.ts';
import { OTHER_KINDS } from './keeptrusts.ts';
import { didYouMean, unknownName } from './nearest.ts';
import type { ConfiguredPolicy, PolicyFile } from './policy-file.ts';
import type { Path } from './problems.ts';
import { createNotes, keyOf, PolicyFileError } from './problems.ts';
import { shaped } from './shape.ts';

/** See {@link CreateContext.keep}. */
export type Keep = CreateContext['keep'];

export type ReadOptions = {
  /** Names that a rule can put into `backends`; by default any. */
  readonly backends?: readonly string[];
  /** Unix milliseconds; by default the clock's. */
  readonly now?: number;
};

/**
 * Reads a policy file, YAML or JSON, in the form of Keeptrusts and with our own `rules`.
 *
 * @throws PolicyFileError naming every mistake with its line
 * @see https://docs.keeptrusts.com/docs/policies/declarative-config-reference
 */
export function readPolicyFile(
  text: string,
  kinds: readonly Kind[],
  keep: Keep,
  { backends, now = Date.now() }: ReadOptions = {},
): PolicyFile {
  const problems = createNotes();
  const warnings = createNotes();
  const document = readDocument(text, problems);
  if (document === undefined) throw new PolicyFileError(problems.list());
  const fail = (path: Path, message: string) => problems.add(document.lineOf(path), keyOf(path), message);
  const warn = (path: Path, message: string) => warnings.add(document.lineOf(path), keyOf(path), message);

  const form = readForm(document, fail);
  const unused = new Set<string>(form.unused);
  const known = new Map(kinds.map((kind) => [kind.kind, kind]));

  /** The kinds of a list that are judged here, in order. */
  function chainOf(entries: readonly Placed<string>[]): string[] {
    const chain = new Set<string>();
    for (const { path, value } of entries) {
      if (chain.has(value)) fail(path, `"${value}" stands twice in the chain`);
      if (known.has(value)) chain.add(value);
      else if (OTHER_KINDS.has(value)) unused.add(`${value} (in a chain)`);
      else fail(path, unknownName(value, 'is no kind of policy', [...known.keys(), ...OTHER_KINDS]));
    }
    return [...chain];
  }

  const chain = chainOf(form.chain);
  const rules = readCallerRules(form.rules.value, {
    ...{ now, backends, fail, warn, written: document.written },
    chain: (list, path) => chainOf(list.map((value, index) => ({ path: [...path, index], value }))),
  });
  const used = new Set([...chain, ...rules.flatMap((rule) => rule.chain ?? [])]);
  const policies = new Map<string, ConfiguredPolicy>();
  for (const kind of used) {
    const definition = known.get(kind) as Kind;
    const made = configured(definition, form.options.get(kind) ?? { path: ['policy', kind], value: {} });
    if (made !== undefined) policies.set(kind, made);
  }
  for (const [kind, options] of form.options) {
    const definition = known.get(kind);
    if (used.has(kind)) continue;
    if (definition !== undefined) {
      configured(definition, options);
      warn(options.path, 'is in no chain, so it does nothing');
    } else if (!OTHER_KINDS.has(kind)) {
      fail(options.path, `is no kind of policy${didYouMean(kind, [...known.keys(), ...OTHER_KINDS])}`);
    } else if (!unused.has(`${kind} (in a chain)`)) unused.add(kind);
  }

  /** A policy with its options, or undefined once its mistakes are reported. */
  function configured(kind: Kind, { path, value }: Placed): ConfiguredPolicy | undefined {
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) {
      fail(path, 'must be a mapping of keys');
      return undefined;
    }
    const { mode, sample, until, ...own } = fieldsOf(value);
    const written = (at: Path) => document?.written([...path, ...at]);
    const read = readEnforcement({ mode, sample, until }, now, written);
    for (const mistake of read.mistakes) fail([...path, ...mistake.path], mistake.message);
    for (const warning of read.warnings) warn([...path, ...warning.path], warning.message);
    const options = shaped(kind.options, own, { others: ['mode', 'sample', 'until'], written });
    if ('mistakes' in options) {
      for (const mistake of options.mistakes) fail([...path, ...mistake.path], mistake.message);
      return undefined;
    }
    const at = (key: string): Path => [...path, ...stepsOf(key, kind.kind)];
    let policy: Policy;
    try {
      policy = kind.create(options.value, {
        warn: (key, message) => warn(at(key), message),
        fail: (key, message) => fail(at(key), message),
        keep,
      });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException | undefined)?.code;
      fail(path, `cannot be used${typeof code === 'string' ? ` (${code})` : ''}`);
      return undefined;
    }
    const enforce = { mode: 'enforce', sample: 100 } as const;
    return { kind: kind.kind, policy, mode: read.enforcement ?? enforce };
  }

  if (!problems.isEmpty) throw new PolicyFileError(problems.list());
  if (unused.size > 0) warnings.add(undefined, [...unused].join(', '), 'read over, and without effect here');
  if (!form.isEnabled) warnings.add(undefined, '', 'enabled is false, so that no policy judges');
  else if (used.size === 0) warnings.add(undefined, '', 'no chain names a policy, so that no policy judges');
  return {
    version: hash('sha256', text).slice(0, 12),
    name: form.name,
    chain: form.isEnabled ? chain : [],
    policies: form.isEnabled ? policies : new Map(),
    rules: form.isEnabled ? rules : rules.map(({ chain: _, ...rule }) => rule),
    warnings: warnings.list(),
  };
}

/** `detection.attack_patterns[0]`, with or without `policy.<kind>.` before it, as steps. */
function stepsOf(key: string, kind: string): Path {
  const own = key.startsWith(`policy.${kind}`) ? key.slice(`policy.${kind}`.length) : key;
  return [...own.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  );
}
