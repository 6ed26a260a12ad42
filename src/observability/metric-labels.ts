/*
 * Values that labels of metrics can have.
 */

const REFUSALS = [
  'unauthorized',
  'content_encoding',
  'invalid',
  'too_large',
  'overloaded',
  'slow',
  'aborted',
] as const;
export const REJECTIONS = [
  ...REFUSALS,
  'too_many_nodes',
  'too_deep',
  'address',
  'method',
  'loop',
  'not_found',
  'bug',
] as const;
export const LOG_RESULTS = [
  ...REFUSALS,
  'accepted',
  'no_backend',
  'not_gzip',
  'full',
  'unavailable',
] as const;
/**
 * Why the reply to a blocked call does not wait for its record: it takes too long, cannot be stored, or not be handed over, as
 * the thread is being started again.
 */
export const UNSTORED_REASONS = ['slow', 'full', 'unavailable', 'restarting'] as const;
/** An exception, a promise that nobody handles, and a connection that the system does not hand over. */
export const UNCAUGHT_KINDS = ['exception', 'rejection', 'accept'] as const;
/** Why rows of the audit log do not reach the database, or stay there when they are too old. */
export const SHIP_FAILURES = ['database', 'conflict', 'folder', 'retention'] as const;
/** Why decisions were lost: no room on the disk, nothing can be stored, or more came than is stored in that time. */
export const DECISION_LOSSES = ['full', 'unavailable', 'slow'] as const;
/** `whole`, or why content is not kept, or not all of it; `lost`: the call is not kept. */
export const REPLAY_RESULTS = [
  'whole',
  'erased',
  'redacted',
  'too_large',
  'withheld',
  'unreadable',
  'lost',
] as const;
/** Why somebody who operates the bridge is refused. */
export const OPS_REFUSALS = [
  ...['no_key', 'wrong_key', 'crowded', 'address', 'host', 'origin'],
  ...['too_large', 'overloaded', 'slow', 'aborted', 'content_encoding'],
] as const;

/** Why the page has no answer: it took too long, its thread ended, too many asked at once, or by a mistake of ours. */
export const LOOK_UP_FAILURES = ['slow', 'ended', 'busy', 'bug'] as const;
