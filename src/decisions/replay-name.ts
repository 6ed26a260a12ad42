/** The file of kept calls in `DATA_DIR`. */
export const REPLAY_FILE = 'replay.db';
