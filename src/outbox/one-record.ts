import type { InputType } from '../guardrail/call.ts';
import type { RecordOutcome } from '../guardrail/record.ts';
import type { Disposition, Entry } from './contract.ts';
import { isUnfinished, readTurnedKey } from './turned-record.ts';

/** An event on record of a call. */
export type Known = {
  readonly id: number;
  readonly outcome: RecordOutcome;
  readonly eventKey: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly trace: string | null;
  readonly ref: string | null;
  /** True while it waits and no backend has been handed it. */
  readonly held: boolean;
  /** A success that adds no record, as the bridge blocked that response. */
  readonly absorbed: boolean;
};

/** Disposition of an entry, and the ids of the waiting records whose place it takes. */
export type Resolution = { readonly disposition: Disposition; readonly replaces: readonly number[] };

/** Between the clocks of LiteLLM and the bridge. */
const SKEW_MS = 1000;

/** A block can come this long after the end of a response as LiteLLM tells it: deadlines, and a guardrail that queues. */
const BLOCK_LAG_MS = 60_000;

/** Between two attempts of one call, which LiteLLM's router makes after a cooldown. */
const RETRY_LAG_MS = 60_000;

/** Events further apart than this are unrelated: longer than all above, for clocks that differ. */
export const NEAR_MS = 10 * 60_000;

/** An event is remembered for so long in any case: others of its call can come, and LiteLLM can send it again. */
export const JOINED_MS = 15 * 60_000;

/**
 * One record for each call, out of everything that arrives about it: LiteLLM sends duplicates, a failure for each
 * attempt, and for a blocked call nothing, a failure, a success, or both.
 *
 * The `litellm_call_id` alone does not make a call: a client can choose it. If it did, everything after one blocked
 * prompt could be sent under the same id and would leave no record. So events belong together only if their traces and
 * times do, and a block absorbs one success, the one it stopped: see {@link stopped}. In doubt a call has two records.
 *
 * A call that was blocked before it got an id is joined with its failure by the reference that the caller was shown, or
 * else by key and words. Of a result of an MCP tool that failure is what tells the call: it comes as a block, and takes the
 * place of the one without an id.
 *
 * @see litellm.md of the wire contract, sections 11 and 12
 */
export function resolveEntry(all: readonly Known[], entry: Entry): Resolution {
  const hasRef = ({ ref }: Known) => entry.ref !== undefined && ref === entry.ref;
  const known = all.filter((one) => hasRef(one) || isSameTrace(one, entry));
  const isRepetition = (one: Known) =>
    one.outcome === entry.outcome &&
    one.eventKey === entry.eventKey &&
    // Events tell when their call began; the same prompt can be blocked again
    (entry.outcome !== 'blocked' || Math.abs(entry.endedAt - one.endedAt) <= BLOCK_LAG_MS);
  if (known.some(isRepetition)) return adds('duplicate');
  const ofOutcome = (outcome: RecordOutcome) => known.filter((one) => one.outcome === outcome);
  const [blocks, successes, failures] = [ofOutcome('blocked'), ofOutcome('success'), ofOutcome('failure')];
  switch (entry.outcome) {
    case 'blocked': {
      // A response that is blocked after its success event arrived: if that still waits, the block takes its place
      const nameless = blocks.filter(hasRef);
      if (nameless.some(({ held }) => !held)) return adds('blocked');
      const others = [...successes.filter(({ absorbed }) => !absorbed), ...failures, ...nameless];
      const resolution = takesPlaceOf(others.filter((one) => endsWith(entry, one) || hasRef(one)));
      // Its first block was not replied to, as its bridge was killed, or a balancer asked another one
      return blocks.some((one) => isSameBlock(one, entry))
        ? { ...resolution, disposition: 'blocked' }
        : resolution;
    }
    case 'success': {
      if (isToldBefore(successes, entry)) return adds('attempt');
      const stopping = blocks.filter((one) => endsWith(one, entry) && stopped(one, entry));
      const isStopped = (one: Known) => one.absorbed && stopping.some((block) => endsWith(block, one));
      if (stopping.length > known.filter(isStopped).length) return adds('blocked');
      const unfinished = successes.filter(({ eventKey, absorbed }) => isUnfinished(eventKey) && !absorbed);
      return takesPlaceOf([...failures.filter((one) => isAttempt(one, entry)), ...unfinished]);
    }
    case 'failure': {
      if (blocks.some((one) => endsWith(one, entry) || hasRef(one))) return adds('blocked');
      const asked = successes.filter(({ eventKey }) => isUnfinished(eventKey));
      if (successes.some((one) => !asked.includes(one) && isAttempt(entry, one))) return adds('attempt');
      const others = failures.filter((one) => isAttempt(entry, one) || isAttempt(one, entry));
      // The client saw the last attempt's error
      const earlier = others.filter((one) => one.held && one.startedAt <= entry.startedAt);
      if (others.length > earlier.length) return adds('attempt');
      return takesPlaceOf([...earlier, ...asked.filter(({ held }) => held)]);
    }
  }
}

/**
 * True if as much of a call is on record, where another vendor's integration tells of it. Requests of one call can be told with other
 * words: that for a tool which the model calls has the id of the chat.
 */
function isToldBefore(successes: readonly Known[], entry: Entry): boolean {
  const told = readTurnedKey(entry.eventKey);
  return successes.some((one) => {
    if (one.absorbed) return false;
    const known = readTurnedKey(one.eventKey);
    if (isUnfinished(one.eventKey)) return told?.stage === 'request';
    if (told === undefined) return known !== undefined && isAttempt(one, entry);
    const isSame = isAttempt(entry, one) || known?.words === told.words;
    return isSame && (told.stage !== 'whole' || known?.door !== told.door);
  });
}

/** Records of the same call that wait give way; a backend may have the others already. */
function takesPlaceOf(same: readonly Known[]): Resolution {
  const held = same.filter((one) => one.held);
  const disposition = held.length < same.length ? 'late' : 'new';
  return { disposition, replaces: held.map(({ id }) => id) };
}

function adds(disposition: Disposition): Resolution {
  return { disposition, replaces: [] };
}

/** The `eventKey` of a block: the side it stopped, and the fingerprint of the request; of a call without an id its reference. */
export function blockKey(inputType: InputType, words: string | undefined): string {
  return `${inputType}|${words ?? ''}`;
}

/**
 * True if a block can have stopped a success. A blocked response: any. A blocked request, whose model was called at the same
 * time as the check: only one that LiteLLM reports as stopped, or that asked the same.
 */
function stopped(block: Known, { mayBeBlocked = false, words }: Entry): boolean {
  const isResponse = block.eventKey.startsWith('response|');
  return isResponse || mayBeBlocked || (words !== undefined && block.eventKey === blockKey('request', words));
}

/** True if two blocks are of one call: of one trace, and of the same words, or of words that are not known. */
function isSameBlock(one: Known, { trace, eventKey, endedAt }: Entry): boolean {
  const [words, others] = [one.eventKey, eventKey].map((key) => key.slice(key.indexOf('|') + 1));
  const isSame = words === others || words === '' || others === '';
  return (
    isSame && one.trace !== null && one.trace === trace && Math.abs(endedAt - one.endedAt) <= BLOCK_LAG_MS
  );
}

/** True unless both traces are known, and differ. */
function isSameTrace({ trace }: Known, entry: Entry): boolean {
  return trace === null || entry.trace === undefined || entry.trace === null || trace === entry.trace;
}

type Times = { readonly startedAt: number; readonly endedAt: number };

/** True if a block came during an event's call, or soon after its response. */
function endsWith(block: Times, event: Times): boolean {
  return event.startedAt <= block.endedAt + SKEW_MS && block.endedAt <= event.endedAt + BLOCK_LAG_MS;
}

/** True if a failure can be an earlier attempt of the call that another event tells of. */
function isAttempt(failure: Times, other: Times): boolean {
  return failure.startedAt <= other.endedAt + SKEW_MS && other.startedAt <= failure.endedAt + RETRY_LAG_MS;
}
