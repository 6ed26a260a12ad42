import type { CallRefusal } from './refusal.ts';

/** Replies to large calls that the thread did not judge. */
export const OVERLOADED = {
  status: 503,
  reason: 'overloaded',
  message: 'too many large calls at once',
} as const satisfies CallRefusal;
export const LOST = {
  status: 400,
  reason: 'bug',
  message: 'the thread of large calls ended',
} as const satisfies CallRefusal;
export const ABORTED = { status: 400, reason: 'aborted', message: '' } as const satisfies CallRefusal;
