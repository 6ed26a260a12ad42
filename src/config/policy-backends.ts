import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as v from 'valibot';
import {
  type Backend,
  type BackendKinds,
  NotHereError,
  SetupError,
  type UnplacedEntry,
} from '../backends/backend.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { fieldsOf } from '../guardrail/call.ts';
import { baseUrl, secret as secretText } from '../guardrail/fields.ts';
import { unreadable } from '../guardrail/unreadable-file.ts';
import { unknownKind } from '../policies/file/nearest.ts';
import type { Path } from '../policies/file/problems.ts';
import type { FileReport } from '../policies/file/report.ts';
import { backendWarnings, type ForAll, ownLimits } from './backend.ts';
import {
  COMMON,
  type CommonValues,
  RECORDING,
  secretMistake,
  shownFile,
  shownVariable,
} from './common-keys.ts';
import type { Env } from './read.ts';

const MAX_BACKENDS = 1000;
/** For lint, where the one in use is not known. */
const SOME_URL = 'http://localhost';

export type PolicyBackendsOptions = {
  readonly kinds: BackendKinds;
  readonly env: Env;
  readonly forAll: ForAll;
  /** Folder of the policy file: relative paths begin there. */
  readonly folder: string;
  /** Backends that the environment sets up. */
  readonly ofEnvironment: readonly Pick<BackendConfig, 'name' | 'kind' | 'url'>[];
  /** True where the file is only checked: variables and files of secrets need not be there. */
  readonly isLint?: boolean;
  /** Reads a file; by default from the disk. */
  readonly readFile?: ((path: string) => string) | undefined;
};

/** The backends of a policy file, and the files that were read for them. */
export type PolicyBackends = {
  readonly backends: readonly BackendConfig[];
  readonly files: readonly string[];
};

/**
 * Reads the section `backends:` of a policy file. Mistakes go to the report; secrets come from variables and files, never from the
 * section itself.
 */
export function readPolicyBackends(
  section: unknown,
  report: FileReport,
  options: PolicyBackendsOptions,
): PolicyBackends {
  if (section === undefined || section === null) return { backends: [], files: [] };
  if (!Array.isArray(section)) {
    report.fail(['backends'], 'must be a list of entries with name and kind');
    return { backends: [], files: [] };
  }
  if (section.length > MAX_BACKENDS) report.fail(['backends'], `must have at most ${MAX_BACKENDS} entries`);
  const reader = new EntryReader(report, options);
  const entries = section.slice(0, MAX_BACKENDS);
  const backends = entries.flatMap((entry, index) => reader.read(fieldsOf(entry), ['backends', index]) ?? []);
  return { backends, files: [...reader.files] };
}

class EntryReader {
  readonly #report: FileReport;
  readonly #options: PolicyBackendsOptions;
  readonly #names: Set<string>;
  readonly files = new Set<string>();

  constructor(report: FileReport, options: PolicyBackendsOptions) {
    this.#report = report;
    this.#options = options;
    this.#names = new Set(options.ofEnvironment.map(({ name }) => name));
  }

  read(entry: Readonly<Record<string, unknown>>, path: Path): BackendConfig | undefined {
    const { kinds } = this.#options;
    const { kind } = entry;
    const found = typeof kind === 'string' ? kinds.find(kind) : undefined;
    if (found === undefined) {
      const message =
        typeof kind === 'string'
          ? unknownKind(kind, 'is no kind of backend', kinds.names)
          : `is missing; the kinds are ${kinds.names.join(', ')}`;
      this.#report.fail([...path, 'kind'], message);
      return undefined;
    }
    const mistake = secretMistake(entry.secret);
    if (mistake !== undefined) {
      this.#report.fail([...path, 'secret'], mistake);
      return undefined;
    }
    const files = { report: this.#report, path, readFile: (file: string) => this.#readFile(file) };
    const definition = found.ofEntry === undefined ? found : found.ofEntry(entry, files);
    if (definition === undefined) return undefined;
    const own = definition.telemetry === undefined ? COMMON : { ...COMMON, ...RECORDING };
    const schema = v.strictObject({ ...own, ...definition.options });
    const read = this.#report.shaped(schema, entry, path) as CommonValues | undefined;
    if (read === undefined || !this.#isNew(read.name, path)) return undefined;
    return this.#backend(definition, read, path);
  }

  #isNew(name: string, path: Path): boolean {
    if (this.#names.has(name)) {
      const isOfEnvironment = this.#options.ofEnvironment.some((one) => one.name === name);
      const where = isOfEnvironment ? 'a backend of the environment' : 'an earlier backend';
      this.#report.fail([...path, 'name'], `"${name}" is the name of ${where}`);
      return false;
    }
    this.#names.add(name);
    return true;
  }

  #backend(definition: Backend, read: CommonValues, path: Path): BackendConfig | undefined {
    const { forAll, ofEnvironment } = this.#options;
    const { name, kind, mode, timeout, unreachable_fallback, sample, hedge_after, ...rest } = read;
    const {
      secret: _,
      url: __,
      token_url: tokenUrl,
      telemetry_concurrency: concurrency = 32,
      ...options
    } = rest;
    const variable = (name: string) => this.#variable(name);
    const url = this.#orReported(path, SOME_URL, () =>
      this.#url(definition, read, { options: options as never, variable }, path),
    );
    const secret = this.#secret(definition, read, path);
    if (url === undefined || secret === undefined) return undefined;
    const config = this.#orReported<unknown>(path, {}, () =>
      definition.setup({
        ...{ url, secret: secret === '' ? undefined : secret, tokenUrl, options, variable },
        readFile: (file) => this.#readFile(file),
      }),
    );
    if (config === undefined) return undefined;
    const { isIdempotent: can } = definition;
    if (hedge_after !== undefined && !(typeof can === 'function' ? can(config) : can)) {
      this.#report.fail(
        [...path, 'hedge_after'],
        `cannot be used: ${kind} must not be asked twice about a call`,
      );
      return undefined;
    }
    const own = {
      timeoutMs: timeout === undefined ? undefined : timeout * 1000,
      unreachableFallback: unreachable_fallback,
    };
    const backend: BackendConfig = {
      ...{ name, kind, url, mode, sample, concurrency },
      ...ownLimits(own, forAll, definition),
      hedgeAfterMs: hedge_after === undefined ? undefined : hedge_after * 1000,
      takesRecords: definition.telemetry !== undefined,
      options: config,
    };
    const twins = secret === (this.#first(definition.variables?.secret ?? []) ?? '') ? ofEnvironment : [];
    for (const warning of backendWarnings(backend, 'unreachable_fallback', twins))
      this.#report.warn(path, warning);
    this.#checkAsking(backend, path);
    return backend;
  }

  #checkAsking({ mode, sample, hedgeAfterMs, timeoutMs }: BackendConfig, path: Path): void {
    const at = [...path, 'hedge_after'];
    if (hedgeAfterMs !== undefined && hedgeAfterMs >= timeoutMs)
      this.#report.fail(at, `must be less than the timeout of ${timeoutMs / 1000} seconds`);
    if (hedgeAfterMs !== undefined && mode !== 'enforce')
      this.#report.warn(at, `does nothing with mode: ${mode}, where nobody waits`);
    if (sample < 100 && mode === 'enforce')
      this.#report.warn(
        [...path, 'sample'],
        'a client can choose an id for its call that is not in the sample',
      );
  }

  /** Undefined for a mistake that is reported. Lint, which asks no backend, goes on without what this machine does not have. */
  #orReported<Value>(path: Path, otherwise: Value, read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      const isWarning = this.#options.isLint && error instanceof NotHereError;
      this.#report[isWarning ? 'warn' : 'fail']([...path, error.field], error.message);
      return isWarning ? otherwise : undefined;
    }
  }

  #url(
    { kind, variables, defaultUrl }: Backend,
    { url }: CommonValues,
    entry: UnplacedEntry<never>,
    path: Path,
  ): string | undefined {
    const names = variables?.url ?? [];
    const found =
      url ?? this.#first(names) ?? (typeof defaultUrl === 'function' ? defaultUrl(entry) : defaultUrl);
    if (found === undefined) {
      const or =
        names.length > 0 ? `; set it, or ${names[0]} in the environment` : `; write the address of ${kind}`;
      this.#report.fail([...path, 'url'], `is missing${or}`);
      return this.#options.isLint && names.length > 0 ? SOME_URL : undefined;
    }
    const parsed = v.safeParse(baseUrl, found);
    if (parsed.success) return parsed.output;
    this.#report.fail([...path, 'url'], `comes from ${names.join(' or ')}: ${parsed.issues[0].message}`);
    return undefined;
  }

  /** Empty for none; undefined once a mistake is reported. */
  #secret(
    { kind, variables, secret: form }: Backend,
    { secret }: CommonValues,
    path: Path,
  ): string | undefined {
    const at = [...path, 'secret'];
    const { isLint = false } = this.#options;
    const names = variables?.secret ?? [];
    const missing = (message: string) => {
      if (isLint) this.#report.warn(at, message);
      else this.#report.fail(at, message);
      return isLint ? '' : undefined;
    };
    let found: string | undefined;
    if (secret === undefined) found = this.#first(names);
    else if ('env' in secret) {
      found = this.#variable(secret.env);
      if (found === undefined) return missing(`${shownVariable(secret.env)} is not set in the environment`);
    } else {
      try {
        found = this.#readFile(secret.file);
      } catch (error) {
        return missing(error instanceof SetupError ? error.message : 'cannot be read');
      }
      if (found.trim() === '') return missing(`${shownFile(secret.file)} is empty`);
    }
    if (found === undefined) {
      if (form !== 'required') return '';
      const or = names.length > 0 ? `; set it, or ${names[0]} in the environment` : `; ${kind} needs one`;
      return missing(`is missing${or}: {env: NAME} or {file: path}`);
    }
    if (form === 'document') return found;
    const parsed = v.safeParse(secretText, found);
    if (parsed.success) return parsed.output;
    this.#report.fail(at, `cannot be sent in a header: ${parsed.issues[0].message}`);
    return undefined;
  }

  #first(names: readonly string[]): string | undefined {
    return names.map((name) => this.#variable(name)).find((value) => value !== undefined);
  }

  #variable(name: string): string | undefined {
    return this.#options.env[name]?.trim() || undefined;
  }

  /** @throws SetupError */
  #readFile(file: string): string {
    const path = resolve(this.#options.folder, file);
    this.files.add(path);
    const { readFile = (path: string) => readFileSync(path, 'utf8') } = this.#options;
    try {
      return readFile(path);
    } catch (error) {
      const shown = shownFile(file);
      const { code = 'no file' } = error as NodeJS.ErrnoException;
      const why = shown.endsWith(file)
        ? unreadable(file, error, { folder: this.#options.folder, name: 'the folder of the policy file' })
        : `cannot be read (${code})`;
      throw new NotHereError('file', `${shown} ${why}`);
    }
  }
}
