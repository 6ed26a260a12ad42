import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fieldsOf } from '../../guardrail/call.ts';
import type { CreateContext, Kind } from '../policy.ts';
import { readCallerRules } from './caller-rules.ts';
import { readEnforcement } from './enforcement.ts';
import { type Form, type Placed, readForm } from './form.ts';
import { OTHER_KINDS } from './keeptrusts.ts';
import { placeOf } from './key-places.ts';
import { didYouMean, quotedValue, unknownKind } from './nearest.ts';
import { checkQuorum, readOrchestration } from './orchestration.ts';
import type { ConfiguredPolicy, Enforcement, PolicyFile } from './policy-file.ts';
import { type Path, PolicyFileError } from './problems.ts';
import type { ReceiverNames } from './record-receivers.ts';
import { FileReport } from './report.ts';

type Keep = CreateContext['keep'];

/** Vendors of a policy file, and the files that were read for them. */
type FileBackends = Pick<PolicyFile, 'backends' | 'files'>;

/** Reads the section `backends:`. Policies know no vendor: whoever reads a file for the bridge brings it along. */
export type ReadBackends = (section: unknown, report: FileReport) => FileBackends;

type ReadOptions = {
  /** Names that a rule can put into `backends` beside those of the file; by default any. */
  readonly backends?: readonly string[];
  /** Those of them that a rule can put into `records`; by default any. */
  readonly recording?: readonly string[] | undefined;
  /** By default the section has no effect. */
  readonly readBackends?: ReadBackends | undefined;
  /** Unix milliseconds; by default the clock's. */
  readonly now?: number;
  /** Reads a file that a policy names; by default from the disk. */
  readonly readFile?: CreateContext['readFile'];
  /** See {@link CreateContext.state}. */
  readonly state?: CreateContext['state'];
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
  options: ReadOptions = {},
): PolicyFile {
  return new PolicyFileReader(text, kinds, keep, options).read();
}

const ENFORCED: Enforcement = { mode: 'enforce', sample: 100 };
const WITHOUT_EFFECT = 'read over, and without effect here';

class PolicyFileReader {
  readonly #text: string;
  readonly #report: FileReport;
  /** The kinds that are judged here, by name. */
  readonly #kinds: ReadonlyMap<string, Kind>;
  /** See {@link CreateContext.keep}. */
  readonly #keep: Keep;
  readonly #names: ReceiverNames;
  readonly #readBackends: ReadBackends;
  readonly #now: number;
  readonly #readFile: CreateContext['readFile'];
  readonly #state: CreateContext['state'];
  /** Parts of the file that have no effect here. */
  readonly #unused = new Set<string>();

  constructor(text: string, kinds: readonly Kind[], keep: Keep, options: ReadOptions) {
    this.#text = text;
    this.#report = new FileReport(
      text,
      kinds.map(({ kind }) => kind),
    );
    this.#kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
    this.#keep = keep;
    this.#names = { backends: options.backends, recording: options.recording };
    this.#state = options.state;
    this.#readBackends = options.readBackends ?? (() => ({ backends: [], files: [] }));
    this.#now = options.now ?? Date.now();
    this.#readFile = options.readFile ?? ((path) => readFileSync(path, 'utf8'));
  }

  read(): PolicyFile {
    const form = readForm(this.#report);
    for (const key of form.unused) this.#unused.add(key);
    const chain = this.#chain(form.chain);
    const { backends, files } = this.#readBackends(form.backends, this.#report);
    const commonAsking = readOrchestration(form, this.#report);
    const names = this.#namesWith(backends);
    const modes = new Map(backends.map(({ name, mode }) => [name, mode]));
    const context = {
      now: this.#now,
      ...names,
      isSilent: (name: string, mode: Enforcement['mode'] | undefined) =>
        modes.get(name) === 'shadow' || (mode !== 'enforce' && modes.get(name) === 'observe'),
      commonChain: chain,
      commonAsking,
      chain: (list: readonly string[], path: Path) =>
        this.#chain(list.map((value, index) => ({ path: [...path, index], value }))),
    };
    checkQuorum(
      commonAsking,
      ['orchestration'],
      names.backends?.filter((name) => !context.isSilent(name, undefined)),
      this.#report,
    );
    const rules = readCallerRules(form.rules, this.#report, context);
    const used = new Set([...chain, ...rules.flatMap((rule) => rule.chain ?? [])]);
    const policies = this.#policies(used, form.options);
    const { problems, warnings } = this.#report;
    if (!problems.isEmpty) throw new PolicyFileError(problems.list());
    if (this.#unused.size > 0) warnings.add(undefined, [...this.#unused].join(', '), WITHOUT_EFFECT);
    if (!form.isEnabled) warnings.add(undefined, '', 'enabled is false, so that no policy judges');
    else if (used.size === 0)
      warnings.add(undefined, '', 'no chain names a policy, so that no policy judges');
    const read = {
      version: hash('sha256', this.#text).slice(0, 12),
      name: form.name,
      ...{ backends, files },
      ...commonAsking,
      warnings: warnings.list(),
    };
    if (form.isEnabled) return { ...read, chain, policies, rules };
    return { ...read, chain: [], policies: new Map(), rules: rules.map(({ chain: _, ...rule }) => rule) };
  }

  /** Names for `backends` and `records` of a rule: those of the file stand beside the others. */
  #namesWith(own: PolicyFile['backends']): ReceiverNames {
    const { backends, recording } = this.#names;
    const and = (names: readonly string[], more: PolicyFile['backends']) => [
      ...new Set([...names, ...more.map(({ name }) => name)]),
    ];
    return {
      backends: backends && and(backends, own),
      recording:
        recording &&
        and(
          recording,
          own.filter(({ takesRecords }) => takesRecords),
        ),
    };
  }

  /** The kinds of a list that are judged here, in order. */
  #chain(entries: readonly Placed<string>[]): string[] {
    const chain = new Set<string>();
    for (const { path, value } of entries) {
      if (chain.has(value)) this.#report.fail(path, `"${value}" stands twice in the chain`);
      chain.add(value);
      if (this.#kinds.has(value)) continue;
      if (OTHER_KINDS.has(value)) this.#unused.add(inChain(value));
      else
        this.#report.fail(
          path,
          unknownKind(value, 'is no kind of policy', this.#allKinds(), [...this.#kinds.keys()]),
        );
    }
    return [...chain].filter((kind) => this.#kinds.has(kind));
  }

  /** The policies of the used kinds. Options of kinds that no chain names can have mistakes too. */
  #policies(used: ReadonlySet<string>, options: Form['options']): ReadonlyMap<string, ConfiguredPolicy> {
    const policies = new Map<string, ConfiguredPolicy>();
    for (const kind of new Set([...used, ...options.keys()])) {
      const definition = this.#kinds.get(kind);
      const placed = options.get(kind) ?? { path: ['policy', kind], value: {} };
      const made = definition && this.#policy(definition, placed);
      if (made !== undefined && used.has(kind)) policies.set(kind, made);
      if (used.has(kind)) continue;
      if (definition !== undefined)
        this.#report.warn(placed.path, 'is in no chain, so it does nothing; name it in policies.chain');
      else if (!OTHER_KINDS.has(kind))
        this.#report.fail(
          placed.path,
          `is no kind of policy${placeOf(placed.path) ?? didYouMean(kind, this.#allKinds())}`,
        );
      else if (!this.#unused.has(inChain(kind))) this.#unused.add(kind);
    }
    return policies;
  }

  /** A policy with its options, or undefined once its mistakes are reported. */
  #policy(kind: Kind, { path, value }: Placed): ConfiguredPolicy | undefined {
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) {
      const is = Array.isArray(value) ? 'a list' : quotedValue(value);
      this.#report.fail(path, `must be a mapping of keys${is === undefined ? '' : `, not ${is}`}`);
      return undefined;
    }
    const { mode, sample, until, ...own } = fieldsOf(value);
    const enforcement = readEnforcement({ mode, sample, until }, path, this.#report, this.#now);
    const options = this.#report.shaped(kind.options, own, path, ['mode', 'sample', 'until']);
    if (options === undefined) return undefined;
    const at = (key: string): Path => [...path, ...stepsOf(key, kind.kind)];
    const written = [JSON.stringify(own)];
    try {
      const policy = kind.create(options, {
        warn: (key, message) => this.#report.warn(at(key), message),
        fail: (key, message) => this.#report.fail(at(key), message),
        keep: this.#keep,
        state: this.#state,
        readFile: (file) => {
          const content = this.#readFile(file);
          written.push(content);
          return content;
        },
      });
      const fingerprint = hash('sha256', JSON.stringify(written)).slice(0, 12);
      return { kind: kind.kind, policy, mode: enforcement ?? ENFORCED, fingerprint };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException | undefined)?.code;
      this.#report.fail(path, `cannot be used${typeof code === 'string' ? ` (${code})` : ''}`);
      return undefined;
    }
  }

  readonly #allKinds = () => [...this.#kinds.keys(), ...OTHER_KINDS];
}

const inChain = (kind: string) => `${kind} (in a chain)`;

/** `detection.attack_patterns[0]`, with or without `policy.<kind>.` before it, as steps. */
function stepsOf(key: string, kind: string): Path {
  const own = key.startsWith(`policy.${kind}`) ? key.slice(`policy.${kind}`.length) : key;
  return [...own.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  );
}
