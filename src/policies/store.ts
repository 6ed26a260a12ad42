import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { SharedState } from '../state/shared-state.ts';
import { Engine, type EngineOptions } from './engine.ts';
import { type ReadBackends, readPolicyFile } from './file/load.ts';
import type { PolicyFile } from './file/policy-file.ts';
import { PolicyFileError } from './file/problems.ts';
import { AnswerModels, type ToldAnswers } from './kinds/answer-models.ts';
import { kinds } from './kinds/index.ts';
import { MarkerStore, type MarkerValues } from './markers.ts';
import type { ToldPlan } from './plan.ts';
import { PlanMemory } from './plan-memory.ts';

/** The text of a policy file, of the files that it names, and its vendors. */
export type PolicySource = Pick<PolicyFile, 'backends'> & {
  readonly text: string;
  readonly files: ReadonlyMap<string, string>;
};

/** All that the policies know of the calls under a state key. */
export type ToldPolicies = {
  readonly plan: ToldPlan;
  readonly markers: MarkerValues | undefined;
  /** Undefined where no policy compares models. */
  readonly answers: ToldAnswers | undefined;
};

/** What replicas tell each other of the calls under a state key. */
export type ReplicatedPolicies = {
  readonly plan: ToldPlan | undefined;
  /** The one model that was asked for. */
  readonly asked: string | undefined;
};

/** Policies that were read whole and can be used, before they are in force. */
export type PreparedPolicies = {
  readonly source: PolicySource;
  /** True if they are the same in every file. */
  readonly isSame: boolean;
  /** True if they differ from those before, or their vendors do, such as by a new secret. */
  readonly isChanged: boolean;
  /** Puts them in force. */
  take(): void;
};

export type PolicyStoreOptions = Pick<EngineOptions, 'restores'> & {
  /** Names of the vendors that the environment sets up. */
  readonly backends: readonly string[];
  /** Those of them that take records; by default any. */
  readonly recording?: readonly string[] | undefined;
  /** Reads the vendors of the file; by default it has none. */
  readonly readBackends?: ReadBackends | undefined;
  /** Reads a file that the policies name; by default from the disk. */
  readonly readFile?: ((path: string) => string) | undefined;
  /** True where replicas share the values behind markers, and nobody has set a key for them. */
  readonly lacksStateKey?: boolean | undefined;
  /** The state that replicas share; undefined where nobody does. */
  readonly state?: SharedState | undefined;
};

/** The policies in force, and the state of theirs that outlives a reload of the file. */
export class PolicyStore {
  readonly #read: () => string;
  readonly #options: PolicyStoreOptions;
  /** State of policies, such as counts by session, by name. */
  readonly #kept = new Map<string, unknown>();
  readonly #markers = new MarkerStore();
  readonly #plans = new PlanMemory();
  /** Files that the vendors of the last file name, a good one or not. */
  #wanted: readonly string[] = [];
  #source!: PolicySource;
  #file!: PolicyFile;
  #engine!: Engine;

  /**
   * @param read reads the text of the policy file
   * @throws PolicyFileError, or what reading throws
   */
  constructor(read: () => string, options: PolicyStoreOptions) {
    this.#read = read;
    this.#options = options;
    this.prepare().take();
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** The state of the calls under a state key, for another thread. */
  told(key: string): ToldPolicies {
    return {
      plan: this.#engine.told(key),
      markers: this.#markers.of(key)?.values(),
      answers: this.#answers?.told(key),
    };
  }

  /** Adds what another thread knows of them. */
  tell(key: string, { plan, markers, answers }: ToldPolicies): void {
    this.#engine.tell(key, plan);
    if (markers !== undefined) this.#markers.tell(key, markers);
    if (answers !== undefined) this.#answers?.tell(key, answers);
  }

  /** What of the calls under a state key other replicas need, as far as these policies go by it. */
  toldReplicas(key: string): ReplicatedPolicies {
    const { plan, asked } = this.#engine.needs;
    return {
      plan: plan ? this.#engine.told(key) : undefined,
      asked: asked ? this.#answers?.askedFor(key) : undefined,
    };
  }

  /** Adds what another replica knows of them. */
  tellReplicated(key: string, { plan, asked }: ReplicatedPolicies): void {
    if (plan !== undefined) this.#engine.tell(key, plan);
    if (asked !== undefined) this.#answers?.tellAsked(key, asked);
  }

  /** Values behind the markers of the newest request under a state key. */
  markersOf(key: string): MarkerValues | undefined {
    return this.#markers.of(key)?.values();
  }

  /** Takes over those of a request that another replica judged. */
  replaceMarkers(key: string, values: MarkerValues): void {
    this.#markers.replace(key, values);
  }

  get #answers(): AnswerModels | undefined {
    const answers = this.#kept.get('answer-models');
    return answers instanceof AnswerModels ? answers : undefined;
  }

  /** The text of the policies in force. */
  get source(): PolicySource {
    return this.#source;
  }

  get file(): PolicyFile {
    return this.#file;
  }

  /** The files that the policies in force depend on, and those of a later file that could not be used. */
  get files(): readonly string[] {
    return [...new Set([...this.#file.files, ...this.#wanted])];
  }

  /**
   * Reads the policies again. The last good ones stay in force until something better has been read whole.
   *
   * @returns true if they differ from those before
   * @throws PolicyFileError, or what reading throws
   */
  reload(): boolean {
    const prepared = this.prepare();
    prepared.take();
    return prepared.isChanged;
  }

  /**
   * Reads the policies again, and leaves those before in force.
   *
   * @throws PolicyFileError, or what reading throws
   */
  prepare(): PreparedPolicies {
    // With the same text too: lists of words can stand in files of their own
    const text = this.#read();
    const {
      backends,
      recording,
      restores,
      readBackends,
      readFile = readText,
      state,
      lacksStateKey,
    } = this.#options;
    const files = new Map<string, string>();
    const file = readPolicyFile(text, kinds, this.#keep, {
      ...{ backends, recording, state },
      readBackends:
        readBackends &&
        ((...section) => {
          const read = readBackends(...section);
          this.#wanted = read.files;
          return read;
        }),
      readFile(path) {
        const content = readFile(path);
        files.set(path, content);
        return content;
      },
    });
    if (lacksStateKey) requireStateKey(file);
    const before: PolicySource | undefined = this.#source;
    const known: PolicyFile | undefined = this.#file;
    const isSame = before?.text === text && isDeepStrictEqual(before.files, files);
    // A vendor's new secret is no reason to forget what was read of calls
    const engine = isSame
      ? this.#engine
      : new Engine(file, { markers: this.#markers, plans: this.#plans, restores });
    const source = { text, files, backends: file.backends };
    return {
      source,
      isSame,
      isChanged: known?.version !== file.version || !isDeepStrictEqual(known.backends, file.backends),
      take: () => {
        this.#source = source;
        this.#engine = engine;
        this.#file = file;
      },
    };
  }

  readonly #keep = <T>(name: string, make: () => T): T => {
    if (!this.#kept.has(name)) this.#kept.set(name, make());
    return this.#kept.get(name) as T;
  };
}

/** @throws PolicyFileError */
function requireStateKey({ policies }: PolicyFile): void {
  const problems = [...policies.values()]
    .filter(({ policy }) => policy.texts?.isReversible)
    .map(
      ({ kind }) =>
        `policy.${kind}: reversible: replicas share the values behind its markers in DATABASE_URL, and STATE_KEY is not set: set it to what \`openssl rand -hex 32\` prints, the same for all replicas, or leave reversible out`,
    );
  if (problems.length > 0) throw new PolicyFileError(problems);
}

const readText = (path: string) => readFileSync(path, 'utf8');

/** The policies without a file: prompt injection and credentials are blocked, and so are some words. */
export function defaultPolicy(bannedKeywords: readonly string[]): string {
  const words = bannedKeywords.length > 0 ? ['banned-keywords'] : [];
  return JSON.stringify({
    pack: { name: 'built-in', version: '1.0.0', enabled: true },
    policies: { chain: ['prompt-injection', 'secrets', ...words] },
    policy: {
      'prompt-injection': { action: 'block' },
      secrets: { action: 'block', tokens_only: true },
      ...(words.length > 0 && { 'banned-keywords': { keywords: bannedKeywords } }),
    },
  });
}
