import type { TestProject } from 'vitest/node';
import { ensureVenv } from './venv.ts';

/** A LiteLLM release under test. */
export interface Release {
  kind: 'newest' | 'old';
  version: string;
  bin: string;
  /** The version of `capsule-litellm` beside it, null when left out. */
  capsule: string | null;
}

declare module 'vitest' {
  interface ProvidedContext {
    releases: Release[];
  }
}

/** The first release whose `generic_guardrail_api` has its present shape; a year old in November 2026. */
const oldRelease = '1.80.8';

export default async function setup(project: TestProject): Promise<void> {
  const note = (line: string) => console.log(`litellm suite: ${line}`);
  const parity = process.env.CAPSULE_PARITY !== 'off';
  const newest = await ensureVenv(
    {
      name: parity ? 'newest' : 'newest-without-capsule',
      requirements: ['litellm[proxy]', ...(parity ? ['capsule-litellm'] : [])],
      newest: true,
    },
    note,
  );
  const old = await ensureVenv(
    { name: `litellm-${oldRelease}`, requirements: [`litellm[proxy]==${oldRelease}`], newest: false },
    note,
  );
  const releases: Release[] = [
    {
      kind: 'newest',
      version: newest.versions.litellm ?? '',
      bin: newest.bin,
      capsule: parity ? (newest.versions['capsule-litellm'] ?? null) : null,
    },
    { kind: 'old', version: old.versions.litellm ?? '', bin: old.bin, capsule: null },
  ];
  for (const release of releases) {
    const capsule = release.capsule ? `, capsule-litellm ${release.capsule}` : '';
    note(`${release.kind}: litellm ${release.version}${capsule}`);
  }
  if (!parity) note('CAPSULE_PARITY=off: the comparison with capsule-litellm is skipped');
  project.provide('releases', releases);
}
