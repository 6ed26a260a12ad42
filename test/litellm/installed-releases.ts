import type { Release } from './release.ts';
import { ensureVenv } from './venv.ts';

/** The newest release that can be installed, and the oldest that the bridge supports. */
const usual = 'newest,1.83.14';

/** Installs the releases to run the suite with, from `LITELLM_RELEASES`: versions with commas between, or `newest`. */
export async function installReleases(): Promise<Release[]> {
  const note = (line: string) => console.log(`litellm suite: ${line}`);
  const withCapsule = process.env.CAPSULE_PARITY !== 'off';
  const wanted = (process.env.LITELLM_RELEASES || usual).split(',').map((version) => version.trim());
  const releases: Release[] = [];
  for (const release of wanted) {
    const { bin, litellm, capsule } = await ensureVenv(release, withCapsule, note);
    releases.push({ version: litellm, bin, capsule: withCapsule ? capsule : null });
    note(`litellm ${litellm}${withCapsule && capsule ? `, capsule-litellm ${capsule}` : ''}`);
  }
  if (!withCapsule) note('CAPSULE_PARITY=off: the comparison with capsule-litellm is skipped');
  return releases;
}

// `node test/litellm/installed-releases.ts` brings them before the suite needs them
if (import.meta.main) await installReleases();
