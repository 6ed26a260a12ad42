import path from 'node:path';
import { removeDatabase } from '../storage/database.ts';

/** The file of kept calls in `DATA_DIR`. */
export const REPLAY_FILE = 'replay.db';
/** Held by the bridge that keeps them. */
export const REPLAY_LOCK = 'replay.lock';

/** Deletes all calls that are kept in a folder. */
export const removeKept = (dir: string): void => removeDatabase(path.join(dir, REPLAY_FILE));
