import * as v from 'valibot';
import { ON_ERROR, type OnError, type Orchestration } from '../../guardrail/orchestration.ts';
import type { Form } from './form.ts';
import type { CallerRule } from './policy-file.ts';
import type { Path } from './problems.ts';
import type { FileReport } from './report.ts';

/** The schemas of what can be set at the top of the file and for every rule. */
export const ORCHESTRATION = {
  orchestration: v.pipe(
    v.optional(
      v.union([
        v.picklist(['first_block', 'sequence', 'all']),
        v.strictObject({ quorum: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
      ]),
    ),
    v.description(
      'How several backends are asked: `first_block` all at once, and the first block decides; `sequence` one after the other, each sees what those before it left; `all` all at once, and the reasons of all are gathered; `{ quorum: 2 }` all at once, and so many have to block.',
    ),
  ),
  on_error: v.pipe(
    v.optional(v.picklist(ON_ERROR)),
    v.description(
      'The consequence of a missing verdict: the `fallback` of its backend, or none where a `next` backend is asked.',
    ),
  ),
} as const;

/** How several vendors are asked, where everything is said. */
export type Asking = { readonly orchestration: Orchestration; readonly onError: OnError };

const Common = v.object(ORCHESTRATION);

/** Reads `orchestration` and `on_error` at the top of the file. */
export function readOrchestration({ orchestration, onError }: Form, report: FileReport): Asking {
  const read = report.shaped(Common, { orchestration, on_error: onError }, []);
  return { orchestration: read?.orchestration ?? 'first_block', onError: read?.on_error ?? 'fallback' };
}

/** The rule's own words, and for the rest those of the file. */
export function askingOf(rule: CallerRule | undefined, common: Asking): Asking {
  const { orchestration = common.orchestration, onError = common.onError } = rule ?? {};
  return { orchestration, onError };
}

/**
 * Reports a quorum that can never be reached, of the file or of a rule.
 *
 * @param path of the key to change
 * @param voters names of the vendors that are asked and whose verdicts count; undefined if they are not known
 */
export function checkQuorum(
  { orchestration }: Asking,
  path: Path,
  voters: readonly string[] | undefined,
  report: FileReport,
): void {
  if (typeof orchestration === 'string' || voters === undefined) return;
  const { quorum } = orchestration;
  const count = new Set(voters).size;
  if (quorum <= count) return;
  const asked =
    count === 1 ? '1 backend is asked whose verdict' : `${count} backends are asked whose verdicts`;
  report.fail(path, `the quorum is ${quorum}, and ${asked} can count`);
}

/**
 * How much has to come together for a block: 0 where any backend blocks. In a sequence the first ones can use up the time of those
 * after them.
 */
export function laxityOf(orchestration: Orchestration): number {
  if (typeof orchestration === 'object') return orchestration.quorum === 1 ? 0 : orchestration.quorum;
  return orchestration === 'sequence' ? 1 : 0;
}

/** The strictest of several. */
export function strictestAsking(all: readonly Asking[]): Asking {
  const [orchestration = 'first_block'] = all
    .map((asking) => asking.orchestration)
    .sort((a, b) => laxityOf(a) - laxityOf(b));
  return { orchestration, onError: all.every(({ onError }) => onError === 'next') ? 'next' : 'fallback' };
}
