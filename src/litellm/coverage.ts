import type { CallShape, GuardrailCall } from '../guardrail/call.ts';
import { COVERAGE } from './coverage-rows.ts';
import { isAtLeast, type Release } from './releases.ts';

/** A way of texts through LiteLLM: to a model, back from it at once, or back in pieces. */
export type Direction = 'request' | 'response' | 'stream';

/**
 * How far the bridge reaches on a way, least first.
 *
 * `hidden`: LiteLLM does not show the texts. `late`: it shows them when they have been delivered. `blocks`: a block stops
 * them, a redaction would be dropped. `configured`: a redaction arrives if the stream is configured for it. `redacts`: a
 * redaction arrives.
 */
export type Reach = 'hidden' | 'late' | 'blocks' | 'configured' | 'redacts';

/** The reach since a release, up to the next step. */
export type ReachStep = { readonly since: Release; readonly reach: Reach };

/** One endpoint of LiteLLM in one direction. */
export type CoverageRow = {
  readonly endpoint: string;
  readonly direction: Direction;
  /** The shape that its guardrail calls have; undefined where there are none. */
  readonly shape: CallShape | undefined;
  /** The texts that are shown. */
  readonly shows: string;
  /** Oldest first; the first step holds for every supported release. */
  readonly steps: readonly ReachStep[];
  /** The test with the real LiteLLM that proves it. */
  readonly provenBy: string;
};

/** The reach of a row in a release as LiteLLM writes it; one that is unknown or not supported has that of the oldest. */
export function reachIn({ steps }: Pick<CoverageRow, 'steps'>, version: string | null): Reach {
  return steps.findLast(({ since }) => isAtLeast(version, since))?.reach ?? steps[0]?.reach ?? 'hidden';
}

/**
 * The steps of a row as far as the bridge can use them: calls of one shape look alike, so where LiteLLM drops the redactions
 * of one endpoint, those of the others block too. Models tell the endpoints of the shape `prompt`.
 */
export function usableSteps(row: CoverageRow): readonly ReachStep[] {
  const { shape, direction, steps } = row;
  if (shape === undefined || shape === 'prompt' || direction !== 'request') return steps;
  const alike = COVERAGE.filter((other) => other.shape === shape && other.direction === direction);
  const releases = alike.flatMap((other) => other.steps.map(({ since }) => since));
  const usable: ReachStep[] = [];
  for (const since of releases.sort((a, b) => (isAtLeast(a.join('.'), b) ? 1 : -1))) {
    const version = since.join('.');
    const isLost = alike.some((other) => reachIn(other, version) === 'blocks');
    const own = reachIn(row, version);
    const reach = own === 'redacts' && isLost ? 'blocks' : own;
    if (usable.at(-1)?.reach !== reach) usable.push({ since, reach });
  }
  return usable;
}

/**
 * True if LiteLLM applies a redaction of this request, from whichever endpoint of its shape it comes.
 *
 * A call for an image looks like one for a rerank or for speech, and its redaction alone is dropped: `isRedactable` tells
 * by the model which is none. A call without a version comes from a tool such as curl, and is taken for an ordinary one.
 */
export function isRedactionApplied(
  { shape, model, litellm_version }: Pick<GuardrailCall, 'shape' | 'model' | 'litellm_version'>,
  isRedactable: (model: string) => boolean,
): boolean {
  if (litellm_version === null) return true;
  if (shape === 'prompt' && model !== null && isRedactable(model)) return true;
  return COVERAGE.filter((row) => row.shape === shape && row.direction === 'request').every((row) => {
    const reach = reachIn(row, litellm_version);
    return reach === 'redacts' || reach === 'hidden';
  });
}
