import type { BlockedCall } from './protocol.ts';

const call = { litellm_call_id: null, litellm_trace_id: null, input_type: 'request' } as const;

/** A call that never was: its record is made, and stored nowhere. */
export const REHEARSED: BlockedCall = {
  note: { ...call, action: 'BLOCKED', by: null, at: Date.now(), ms: 0, checks: [] },
  block: { cause: 'verdict', by: '', reason: '', ref: '', input_type: 'request' },
  event: { messages: [{ role: 'user', content: 'When does the library open?' }], metadata: {}, model: '' },
  words: undefined,
};
