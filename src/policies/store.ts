import { createEngine, type Engine } from './engine.ts';
import { readPolicyFile } from './file/load.ts';
import type { PolicyFile } from './file/policy-file.ts';
import { kinds } from './kinds/index.ts';
import { createVaults } from './vault.ts';

export type PolicyStore = {
  engine(): Engine;
  file(): PolicyFile;
  /**
   * Reads the policies again. What was good stays in force until something better has been read whole.
   *
   * @returns whether they are other than before
   * @throws PolicyFileError, or what reading throws
   */
  reload(): boolean;
};

/**
 * The policies in force.
 *
 * @param read the text of the policy file
 * @param options.backends names of the vendors that are configured
 * @param options.restores whether answers may be rewritten
 * @throws PolicyFileError, or what reading throws
 */
export function createPolicyStore(
  read: () => string,
  { backends, restores }: { backends: readonly string[]; restores: boolean },
): PolicyStore {
  const kept = new Map<string, unknown>();
  const vaults = createVaults();
  let file: PolicyFile;
  let engine: Engine;

  function load(): void {
    // With the same text too: lists of words can stand in files of their own
    const next = readPolicyFile(read(), kinds, keep, { backends });
    engine = createEngine(next, { vaults, restores });
    file = next;
  }

  /** State of policies, such as counts by session, is not lost by a reload. */
  function keep<T>(name: string, make: () => T): T {
    if (!kept.has(name)) kept.set(name, make());
    return kept.get(name) as T;
  }

  load();
  return {
    engine: () => engine,
    file: () => file,
    reload() {
      const before = file.version;
      load();
      return file.version !== before;
    },
  };
}

/** The policies without a file: injection of prompts and credentials are blocked, and so are some words. */
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
