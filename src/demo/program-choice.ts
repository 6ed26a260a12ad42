import type { DemoSurroundings } from './demo-surroundings.ts';
import {
  cacheFolder,
  findLitellm,
  INSTALLED_RELEASE,
  installLitellm,
  type LitellmProgram,
} from './litellm-program.ts';

/** Measured with 1.110.2 and an empty cache of pip. */
const INSTALLED_MB = 790;

/**
 * Finds LiteLLM, or installs it, and says so. Undefined, with the reason told, where neither can be.
 *
 * @throws Error if `LITELLM_BIN` names no program
 */
export async function chooseProgram({
  paper,
  env,
  stop,
}: DemoSurroundings): Promise<LitellmProgram | undefined> {
  const found = await findLitellm(env);
  if (found !== undefined) {
    paper.line(`LiteLLM ${found.version ?? 'of unknown version'}, from ${found.from}.`);
    return found;
  }
  paper.line(`There is no LiteLLM on the PATH, and LITELLM_BIN is not set.`);
  const what = `Installing LiteLLM ${INSTALLED_RELEASE} into ${cacheFolder(env)}`;
  const done = paper.waiting(`${what}: ${INSTALLED_MB} MB, once, some minutes (--replay needs none):`);
  try {
    const installed = await installLitellm(env, () => {}, stop);
    done();
    paper.line(`LiteLLM ${INSTALLED_RELEASE} is installed.`);
    return installed;
  } catch (error) {
    done();
    stop.throwIfAborted();
    paper.line(`It cannot be installed: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
