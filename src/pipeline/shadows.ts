import type { GuardrailCall } from '../guardrail/call.ts';
import type { CheckResult, Decision } from '../guardrail/decision.ts';
import type { Compared } from '../guardrail/verdict.ts';
import type { Unasked } from './backend-checks.ts';
import type { JudgingBackend } from './check-backend.ts';
import type { ChosenBackends } from './choose-backends.ts';
import { decide } from './decide.ts';
import { neededOf, type Panel, type Verdicts } from './orchestrate.ts';
import type { Watch } from './watching-checks.ts';

/** Told of comparisons, to count and log them. */
export type ShadowObserver = {
  /** A shadow said one thing, the backends that count another, or the same. */
  compared(call: GuardrailCall, backend: string, shadow: Compared, others: Compared): void;
  /** A backend that nobody waits for was not asked, as what it is asked about already takes too much memory. */
  unwatched(call: GuardrailCall, backend: string): void;
};

/** A call for backends that nobody waits for, and how they are asked. */
export type Watching = Pick<Panel, 'orchestration' | 'checks' | 'checked'> & {
  readonly observer: ShadowObserver;
  /** Told of the checks that may go on after the decision. */
  readonly observing: ((watch: Watch) => void) | undefined;
};

/**
 * Asks the observing backends and the shadows beside those that count.
 *
 * @param ask asks these; `told` is to be called with what they came to
 */
export function askWatching(
  chosen: ChosenBackends,
  watching: Watching,
  ask: (told?: (verdicts: Verdicts) => void) => Decision | Promise<Decision>,
): Decision | Promise<Decision> {
  const { checks, checked, observer, observing } = watching;
  const unwaited = [...chosen.observe, ...chosen.shadow];
  const decision = checks.watching.begin(checked.bytes, unwaited.length, (watch) => {
    observing?.(watch);
    return askAll(chosen, watching, watch, ask);
  });
  if (decision !== undefined) return decision;
  for (const { name } of unwaited) observer.unwatched(checked.call, name);
  return ask();
}

function askAll(
  { enforce, observe, shadow }: ChosenBackends,
  watching: Watching,
  watch: Watch,
  ask: Parameters<typeof askWatching>[2],
): Decision | Promise<Decision> {
  const observed = askObserving(observe, watching, watch);
  if (shadow.length === 0) return ask();
  let verdicts: Verdicts | undefined;
  const decision = ask((all) => {
    verdicts = all;
  });
  const others =
    enforce.length === 0
      ? observed.then((results) => saidBy(results, observe, watching))
      : Promise.resolve(decision).then(
          ({ outcome }) => (outcome.kind === 'cancelled' ? undefined : verdicts && comparedWith(verdicts)),
          () => undefined,
        );
  for (const one of shadow) askShadow(one, others, watching, watch);
  return decision;
}

/** Resolves with the results, and why others were not asked. */
function askObserving(
  backends: readonly JudgingBackend[],
  { checks, checked }: Watching,
  watch: Watch,
): Promise<readonly (CheckResult | Unasked)[]> {
  const results: (CheckResult | Unasked)[] = [];
  const asked = backends.map((backend) => {
    const check = checks.observe(backend, checked, watch, (result) => {
      results.push(result);
    });
    watch.add(check);
    return check;
  });
  return Promise.all(asked).then(() => results);
}

/** @param others what its verdict is compared with; undefined for nothing */
function askShadow(
  shadow: JudgingBackend,
  others: Promise<Compared | undefined>,
  { checks, checked, observer }: Watching,
  watch: Watch,
): void {
  const check = checks.observe(shadow, checked, watch, async (result) => {
    if (typeof result !== 'object') return;
    const against = await others;
    const said = 'verdict' in result ? result.verdict.kind : 'none';
    if (against !== undefined) observer.compared(checked.call, shadow.name, said, against);
  });
  watch.add(check);
}

/** The decision that the observing backends would have come to. */
function saidBy(
  observed: readonly (CheckResult | Unasked)[],
  backends: readonly JudgingBackend[],
  { orchestration, checked }: Watching,
): Compared | undefined {
  if (observed.length === 0) return 'none';
  const results = observed.filter((result) => typeof result === 'object');
  const draft = decide(results, neededOf(orchestration, backends, checked.call));
  return comparedWith({ draft, results, isEarly: false, isPartial: observed.includes('wait') });
}

/** The decision of the backends that count; undefined where they have not judged all of the response. */
function comparedWith({ draft, results, isPartial }: Verdicts): Compared | undefined {
  if (isPartial) return undefined;
  switch (draft.kind) {
    case 'allow':
      return results.length > 0 && results.every((result) => 'failure' in result) ? 'none' : 'allow';
    case 'modify':
      return 'modify';
    case 'block':
      if (draft.cause === 'fail_closed') return 'none';
      return draft.cause === 'redaction' ? 'modify' : 'block';
    case 'defer':
    case 'cancelled':
      return 'none';
  }
}
