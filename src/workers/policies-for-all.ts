import { isDeepStrictEqual } from 'node:util';
import { type ReloadedPolicies, refuseReload, takePolicies, tellReload } from '../calls/policies.ts';
import { ConfigError } from '../config/config-error.ts';
import type { PolicySource } from '../policies/store.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Time that a worker may take to read policies, and to put those in force that it has read. */
const PREPARE_MS = 15_000;
const TAKE_MS = 5000;

/**
 * Reads the policy file again for all workers at once: each reads what the primary has read, and when all could, all put it in force. One
 * that does not respond is killed, and another takes its place: nobody judges by the old policies once the new ones are reported.
 *
 * @param changed called once all judge by what was read, before that is told
 */
export async function reloadForAll(
  reloaded: ReloadedPolicies,
  workers: () => readonly WorkerProcess[],
  changed: () => void,
): Promise<void> {
  const { policies, log } = reloaded;
  const giveUp = (worker: WorkerProcess) => {
    if (worker.isGone) return;
    log.error({ worker: worker.n, pid: worker.pid }, 'a worker does not take new policies and is killed');
    worker.kill();
  };
  const prepare = async (worker: WorkerProcess, source: PolicySource) => {
    const isRead = await worker.questions.ask('prepare', source, PREPARE_MS);
    if (isRead === false) throw new ConfigError([`worker ${worker.n} cannot read what the primary can`]);
    if (isRead === undefined) giveUp(worker);
  };
  const take = async (worker: WorkerProcess, source: PolicySource) => {
    if ((await worker.questions.ask('take', undefined, TAKE_MS)) === undefined) giveUp(worker);
    worker.policies = source;
  };
  try {
    const prepared = policies.prepare();
    const { source } = prepared;
    const first = othersThan(source, workers());
    await Promise.all(first.map((worker) => prepare(worker, source)));
    const before = takePolicies(prepared, reloaded);
    // Started meanwhile, with those before
    const late = othersThan(source, workers()).filter((worker) => !first.includes(worker));
    await Promise.all([
      ...first.map((worker) => take(worker, source)),
      ...late.map((worker) =>
        prepare(worker, source).then(
          () => take(worker, source),
          () => giveUp(worker),
        ),
      ),
    ]);
    changed();
    // Also where a worker alone had others, such as one that is about to be replaced
    const isChanged = prepared.isChanged || first.length + late.length > 0;
    tellReload({ isChanged }, before, reloaded);
  } catch (error) {
    refuseReload(error, reloaded);
  }
}

/** Those that judge by other policies. */
export function othersThan(
  source: PolicySource,
  workers: readonly WorkerProcess[],
): readonly WorkerProcess[] {
  const differs = (policies: PolicySource) => policies !== source && !isDeepStrictEqual(policies, source);
  return workers.filter(({ isGone, policies }) => !isGone && policies !== undefined && differs(policies));
}
