import type { Door, Fields } from '../guardrail/call.ts';

import type { Stage } from '../guardrail/record.ts';

/** A call as another vendor's integration tells of it, under the names of LiteLLM's log event. */
export type TurnedEvent = {
  readonly event: Fields;
  readonly door: Door;
  readonly stage: Stage;
  /** The same for the same thing told again. */
  readonly tellsApart: string;
};
