import { Engine, type EngineOptions } from './engine.ts';
import { readPolicyFile } from './file/load.ts';
import type { PolicyFile } from './file/policy-file.ts';
import { kinds } from './kinds/index.ts';
import { MarkerStore, type MarkerValues } from './markers.ts';

/** The policies in force, and the state of theirs that outlives a reload of the file. */
export class PolicyStore {
  readonly #read: () => string;
  readonly #backends: readonly string[];
  readonly #restores: EngineOptions['restores'];
  /** State of policies, such as counts by session, by name. */
  readonly #kept = new Map<string, unknown>();
  readonly #markers = new MarkerStore();
  #text = '';
  #file!: PolicyFile;
  #engine!: Engine;

  /**
   * @param read reads the text of the policy file
   * @param options.backends names of the vendors that are configured
   * @param options.restores true for a call whose response may be given back what was redacted
   * @throws PolicyFileError, or what reading throws
   */
  constructor(
    read: () => string,
    { backends, restores }: { backends: readonly string[] } & Pick<EngineOptions, 'restores'>,
  ) {
    this.#read = read;
    this.#backends = backends;
    this.#restores = restores;
    this.#load();
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** What was redacted in a request, for another thread; undefined for nothing. */
  markersOf(key: string): MarkerValues | undefined {
    return this.#markers.of(key)?.values();
  }

  /** Takes over what was redacted in a request in another thread. */
  restoreMarkers(key: string, { highest, values }: MarkerValues): void {
    const markers = this.#markers.open(key);
    for (const [marker, value] of values) markers.put(marker, value, highest);
  }

  /** The text of the policies in force. */
  get text(): string {
    return this.#text;
  }

  get file(): PolicyFile {
    return this.#file;
  }

  /**
   * Reads the policies again. The last good ones stay in force until something better has been read whole.
   *
   * @returns true if they differ from those before
   * @throws PolicyFileError, or what reading throws
   */
  reload(): boolean {
    const before = this.#file.version;
    this.#load();
    return this.#file.version !== before;
  }

  #load(): void {
    // With the same text too: lists of words can stand in files of their own
    const text = this.#read();
    const file = readPolicyFile(text, kinds, this.#keep, { backends: this.#backends });
    this.#text = text;
    this.#engine = new Engine(file, { markers: this.#markers, restores: this.#restores });
    this.#file = file;
  }

  readonly #keep = <T>(name: string, make: () => T): T => {
    if (!this.#kept.has(name)) this.#kept.set(name, make());
    return this.#kept.get(name) as T;
  };
}

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
