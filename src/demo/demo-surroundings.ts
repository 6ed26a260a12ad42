import type { Env } from '../config/read.ts';
import type { Paper } from './paper.ts';

/** Outputs of a demo, and what it may know of its machine. */
export type DemoSurroundings = {
  readonly paper: Paper;
  /** The environment of the process, without any `.env`. */
  readonly env: Env;
  /** How this program is called, such as `npm start --silent --`. */
  readonly command: string;
  /** Says in lines why a call was blocked, from the `DATA_DIR` of its bridge. */
  readonly why: (reference: string, dataDir: string) => Promise<readonly string[]>;
  /** Ends the demo. */
  readonly stop: AbortSignal;
};
