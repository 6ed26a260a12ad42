import fs from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { holdLock, LockedError } from '../storage/lock.ts';
import { storageCode } from '../storage/storage-code.ts';
import { REPLAY_FILE, REPLAY_LOCK, removeKept } from './replay-name.ts';
import { ReplayThread } from './replay-thread.ts';

/** Starts to keep calls to be judged again; where that is switched off, deletes those of before. */
export function openReplay(
  { replay, audit: { dir } }: Pick<Config, 'replay' | 'audit'>,
  log: Log,
  metrics: Metrics,
): ReplayThread | undefined {
  if (replay !== undefined) return new ReplayThread(replay, log, metrics);
  try {
    if (fs.existsSync(path.join(dir, REPLAY_FILE))) {
      const lock = holdLock(path.join(dir, REPLAY_LOCK));
      try {
        removeKept(dir);
      } finally {
        lock.close();
      }
      log.info('the calls that were kept for policy replay are deleted: none are to be kept');
    }
  } catch (error) {
    const advice =
      error instanceof LockedError
        ? 'another bridge keeps them: give each its own DATA_DIR'
        : `delete ${REPLAY_FILE} in DATA_DIR yourself`;
    log.warn({ code: storageCode(error), advice }, 'calls that were kept for policy replay are still there');
  }
  return undefined;
}
