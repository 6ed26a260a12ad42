import { hash } from 'node:crypto';
import type { Entry } from './contract.ts';

/** The `record_id` of an event: the same wherever and however often the event arrives. */
export function recordIdOf({ callKey, outcome, eventKey, startedAt }: Entry): string {
  return hash('sha256', JSON.stringify([callKey, outcome, eventKey, startedAt])).slice(0, 32);
}
