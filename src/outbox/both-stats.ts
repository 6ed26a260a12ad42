import { type BackendBacklog, OutboxError, type OutboxStats } from './contract.ts';
import { DEFERRED } from './deferred.ts';

const NOTHING: BackendBacklog = { records: 0, dead: 0, oldestAt: undefined };

/**
 * The numbers of the outbox in the database and of that of this machine, as one; either is undefined where it cannot be used.
 *
 * @throws OutboxError without either
 */
export function statsOfBoth(there: OutboxStats | undefined, here: OutboxStats | undefined): OutboxStats {
  if (here === undefined) {
    if (there === undefined) throw new OutboxError('unavailable');
    return there;
  }
  const { usedBytes, maxBytes } = here;
  const { [DEFERRED]: deferred = NOTHING, ...others } = here.backends;
  const backends = { ...there?.backends };
  for (const [name, backlog] of Object.entries(others)) {
    // Without the database, zero is not known
    if (backlog.records + backlog.dead > 0) backends[name] = sumOf(backlog, backends[name]);
  }
  return {
    ...(there ?? { usedBytes, maxBytes }),
    backends,
    fallback: { ...deferred, usedBytes, maxBytes },
  };
}

function sumOf(a: BackendBacklog, b: BackendBacklog = NOTHING): BackendBacklog {
  const oldest = [a.oldestAt, b.oldestAt].filter((at) => at !== undefined);
  return {
    ...{ records: a.records + b.records, dead: a.dead + b.dead },
    oldestAt: oldest.length === 0 ? undefined : Math.min(...oldest),
  };
}
