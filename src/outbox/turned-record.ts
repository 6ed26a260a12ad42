import type { Stage } from '../guardrail/record.ts';

/** The parts of the key of an event by another vendor's integration. */
export type TurnedKey = {
  readonly stage: Stage;
  /** The integration. */
  readonly door: string;
  /** The fingerprint of the request. */
  readonly words: string;
  /** The same for the same thing told again. */
  readonly tellsApart: string;
};

const TURNED = 'turned';

/** The `eventKey` of an event that another vendor's integration tells. */
export function turnedKey({ stage, door, words, tellsApart }: TurnedKey): string {
  return [TURNED, stage, door, words, tellsApart].join('|');
}

/** The parts of a key; undefined for that of any other event. */
export function readTurnedKey(eventKey: string): TurnedKey | undefined {
  const [turned, stage, door = '', words = '', tellsApart = ''] = eventKey.split('|');
  return turned === TURNED ? { stage: stage as Stage, door, words, tellsApart } : undefined;
}

/** True for an event that gives way to a later one of its call: it does not tell how the call ended. */
export function isUnfinished(eventKey: string): boolean {
  return eventKey.startsWith(`${TURNED}|request|`) || eventKey.startsWith(`${TURNED}|part|`);
}
