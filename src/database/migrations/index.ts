import type { TableStep } from '../migrate.ts';
import { OUTBOX } from './1-outbox.ts';
import { NOTES } from './2-notes.ts';
import { STATE } from './3-state.ts';
import { AUDIT } from './4-audit.ts';
import { DECISIONS } from './5-decisions.ts';

/** All steps of the schema, oldest first; each stands in a file of its own. */
export const TABLE_STEPS: readonly TableStep[] = [OUTBOX, NOTES, STATE, AUDIT, DECISIONS];
