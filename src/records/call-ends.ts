import { KEY_CHARS } from '../guardrail/record.ts';
import type { EventFacts } from '../litellm/log-event.ts';
import type { PendingCall } from './pending-call.ts';
import type { CallEnd } from './protocol.ts';

/** Ends that are told together, and how long the first of them waits for others. */
const MAX_ENDS = 512;
const GATHER_MS = 100;

/** Tells the main thread how calls ended, many at a time. */
export class CallEnds {
  readonly #tell: (ends: readonly CallEnd[]) => void;
  #ends: CallEnd[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (ends: readonly CallEnd[]) => void) {
    this.#tell = tell;
  }

  /** LiteLLM has logged an event of a call. @param pending the call as it is noted, undefined if it is not */
  logged({ callId, trace, key, outcome, endedAt: at }: EventFacts, pending: PendingCall | undefined): void {
    if (callId === undefined) return;
    const ends = this.#ends;
    ends.push({
      callId,
      traceId: pending === undefined ? (trace ?? null) : pending.trace,
      ...(key !== undefined && { key: key.slice(0, KEY_CHARS) }),
      ...{ outcome, at },
      sides: { request: pending?.request !== undefined, response: pending?.response !== undefined },
    });
    if (ends.length >= MAX_ENDS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#ends.length > 0) this.#tell(this.#ends.splice(0));
  }
}
