import type { TestProject } from 'vitest/node';
import type { Release } from './release.ts';
import { ensureVenv, type VenvSpec } from './venv.ts';

declare module 'vitest' {
  interface ProvidedContext {
    releases: Release[];
  }
}

/** The newest release that `litellm[proxy]` can be installed of, and the oldest that the bridge supports. */
const usual = 'newest,1.83.14';

/**
 * Releases to run the suite with, from `LITELLM_RELEASES`: versions with commas between, `newest` for what pip
 * installs by itself. Only the first is compared with the vendors' own code.
 */
export default async function setup(project: TestProject): Promise<void> {
  const note = (line: string) => console.log(`litellm suite: ${line}`);
  const withCapsule = process.env.CAPSULE_PARITY !== 'off';
  const wanted = (process.env.LITELLM_RELEASES || usual).split(',').map((version) => version.trim());
  const releases: Release[] = [];
  for (const [index, version] of wanted.entries()) {
    const hasCapsule = withCapsule && index === 0;
    const { bin, versions } = await ensureVenv(specOf(version, hasCapsule), note);
    const capsule = hasCapsule ? (versions['capsule-litellm'] ?? null) : null;
    releases.push({ version: versions.litellm ?? version, bin, capsule });
    note(`litellm ${versions.litellm}${capsule ? `, capsule-litellm ${capsule}` : ''}`);
  }
  if (!withCapsule) note('CAPSULE_PARITY=off: the comparison with capsule-litellm is skipped');
  project.provide('releases', releases);
}

function specOf(version: string, hasCapsule: boolean): VenvSpec {
  const isNewest = version === 'newest';
  return {
    name: `litellm-${version}${hasCapsule ? '-with-capsule' : ''}`,
    requirements: [
      isNewest ? 'litellm[proxy]' : `litellm[proxy]==${version}`,
      ...(hasCapsule ? ['capsule-litellm'] : []),
    ],
    newest: isNewest,
  };
}
