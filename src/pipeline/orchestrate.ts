import type { GuardrailCall } from '../guardrail/call.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { shownEnds } from '../guardrail/edit.ts';
import type { OnError, Orchestration } from '../guardrail/orchestration.ts';
import { withTexts } from '../guardrail/passages.ts';
import type { BackendChecks, CheckedCall } from './backend-checks.ts';
import type { JudgingBackend } from './check-backend.ts';
import { blocks, type Draft, decide } from './decide.ts';
import { leftEnds } from './holdback.ts';
import { withKeptJson } from './kept-json.ts';
import { backendRedaction, joinRedactions } from './merge.ts';
import { hasShare } from './new-texts.ts';

/** The backends whose verdicts count for a call, and how they are asked. */
export type Panel = {
  /** In order; at least one. */
  readonly backends: readonly JudgingBackend[];
  readonly orchestration: Orchestration;
  readonly onError: OnError;
  readonly checks: BackendChecks;
  readonly checked: CheckedCall;
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
};

/** The decision of the backends. */
export type Verdicts = {
  readonly draft: Draft;
  /** Of those that were waited for. */
  readonly results: readonly CheckResult[];
  /** True if others still work, whose results change nothing. */
  readonly isEarly: boolean;
  /** True if one was not asked, since the response has not grown enough. */
  readonly isPartial: boolean;
};

type Conclude<Decided> = (verdicts: Verdicts) => Decided;

/**
 * Asks backends and hands over what they come to, as soon as that is certain. Redactions apply whoever else is outvoted, so that
 * nothing is certain before all have replied but a block.
 */
export function orchestrate<Decided>(panel: Panel, conclude: Conclude<Decided>): Decided | Promise<Decided> {
  if (panel.orchestration === 'sequence') return sequence(panel, conclude);
  return together(panel, conclude);
}

/**
 * How many of some backends have to block. Where fewer than the quorum can judge all of a call as many as can: that vendors take no
 * responses, or have failed and left the call to others, must not let these all pass, nor one outvote another about images that it
 * does not look at.
 */
export function neededOf(
  orchestration: Orchestration,
  backends: readonly JudgingBackend[],
  call: GuardrailCall,
  results: readonly CheckResult[] = [],
): number {
  if (typeof orchestration === 'string') return 1;
  const gone = new Set(results.filter(hasHandedOver).map(({ backend }) => backend));
  const voting = backends.filter((backend) => !gone.has(backend.name) && hasShare(backend, call));
  const able = call.passages.media > 0 ? voting.filter(({ judges }) => judges.media).length : 0;
  return Math.max(1, Math.min(orchestration.quorum, able || voting.length));
}

const hasHandedOver = (result: CheckResult) => 'effect' in result && result.effect === 'next';

/** True if a failure of a backend is left to those after it: one of them judges whatever of the call it judges itself. */
function handsOver({ backends, onError, checked: { call } }: Panel, backend: JudgingBackend): boolean {
  if (onError !== 'next') return false;
  const needsMedia = call.passages.media > 0 && backend.judges.media;
  return backends
    .slice(backends.indexOf(backend) + 1)
    .some((other) => (other.judges.media || !needsMedia) && hasShare(other, call));
}

/** Asks all at once. */
function together<Decided>(panel: Panel, conclude: Conclude<Decided>): Decided | Promise<Decided> {
  const { backends, orchestration, checks, checked, signal } = panel;
  const pending: Promise<CheckResult>[] = [];
  const place = { signal };
  let isPartial = false;
  for (const backend of backends) {
    const asked = checks.check(
      backend,
      checked,
      handsOver(panel, backend) ? { signal, handsOver: true } : place,
    );
    if (typeof asked === 'object') pending.push(asked);
    else if (asked === 'wait') isPartial = true;
  }
  const needed = (results: readonly CheckResult[]) =>
    neededOf(orchestration, backends, checked.call, results);
  const concluded = (results: readonly CheckResult[], isEarly: boolean) =>
    conclude({ draft: decide(results, needed(results)), results, isEarly, isPartial });
  if (pending.length === 0) return concluded([], false);
  // One result takes no detour: with many callers each promise more is felt
  if (pending.length === 1) return pending[0]!.then((result) => concluded([result], false));
  return new Promise((resolve, reject) => {
    const results: CheckResult[] = [];
    let missing = pending.length;
    let against = 0;
    let isDecided = false;
    const settled = (i: number, result: CheckResult) => {
      results[i] = result;
      missing--;
      if (blocks(result)) against++;
      // Nothing but a block is certain before the last result
      if (isDecided || (missing > 0 && against === 0)) return;
      const known = results.filter(Boolean);
      const enough = orchestration === 'all' ? backends.length : needed(known);
      if (missing > 0 && against < enough) return;
      isDecided = true;
      resolve(concluded(known, missing > 0));
    };
    pending.forEach((promise, i) => {
      promise.then((result) => {
        try {
          settled(i, result);
        } catch (error) {
          reject(error);
        }
      }, reject);
    });
  });
}

/**
 * Asks one after the other, each about what those before it left of the call, until one blocks. All of them together have the
 * time of the one that has most: nobody waits longer than for all at once.
 */
function sequence<Decided>(panel: Panel, conclude: Conclude<Decided>): Decided | Promise<Decided> {
  const { backends, checks, checked } = panel;
  const needs = backends.map((backend) => checks.need(backend, checked));
  const asked = needs.lastIndexOf('check') + 1;
  const waiting = backends.filter((_, i) => i >= asked && needs[i] === 'wait');
  // Those before one that is asked are asked too, though they might wait: it is to see their redactions
  const due = backends.filter((_, i) => i < asked && needs[i] !== 'known');
  const concluded = (results: readonly CheckResult[], left: GuardrailCall | undefined) => {
    if (left !== undefined && waiting.length > 0) checks.wait(waiting, checked, left);
    const draft = decide(results, 1, (all) => joinRedactions(checked.call.passages, all));
    return conclude({ draft, results, isEarly: false, isPartial: waiting.length > 0 });
  };
  return due.length === 0 ? concluded([], checked.call) : oneByOne(panel, due, concluded);
}

/** @param concluded is given what they left of the call, undefined if one of them ended it */
async function oneByOne<Decided>(
  panel: Panel,
  due: readonly JudgingBackend[],
  concluded: (results: readonly CheckResult[], left: GuardrailCall | undefined) => Decided,
): Promise<Decided> {
  const { backends, checks, checked, signal } = panel;
  const results: CheckResult[] = [];
  const within = startDeadline(Math.max(...backends.map(({ timeoutMs }) => timeoutMs)), signal);
  let left = checked.call;
  let ends = checked.isShown ? shownEnds(left.texts, checked.holdback) : undefined;
  try {
    for (const backend of due) {
      const own = { signal, handsOver: handsOver(panel, backend), ends };
      // The first has time enough of its own
      const place = results.length === 0 ? own : { ...own, within };
      const asked = checks.ask(backend, checked, place, left);
      if (typeof asked !== 'object') continue;
      const result = await asked;
      results.push(result);
      const said = backendRedaction(result);
      // The next one is shown arguments that are JSON
      const redaction = said && withKeptJson(said);
      if (blocks(result) || signal.aborted || redaction === null) return concluded(results, undefined);
      ends &&= leftEnds(ends, left, result, redaction);
      if (redaction !== undefined) left = withTexts(left, redaction.texts);
    }
    return concluded(results, left);
  } finally {
    within.clear();
  }
}
