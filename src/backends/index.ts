import { akto } from './akto/akto.ts';
import type { Backend } from './backend.ts';
import { capsule } from './capsule/capsule.ts';

/** Every backend, in the order in which redactions are merged. */
export const backends: readonly Backend[] = [akto, capsule];
