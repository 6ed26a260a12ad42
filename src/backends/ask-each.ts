import { ALLOW, UNASKED, type Verdict } from '../guardrail/verdict.ts';

/** Requests about one call that are under way at once, at most: vendors count them against a quota. */
const LANES = 4;

/**
 * Asks about each part of a call, several at once. A block decides and no more is asked; then a failure does, so that what one part
 * breaks cannot hide what another holds.
 */
export async function askEach<Part>(
  parts: readonly Part[],
  ask: (part: Part) => Promise<Verdict>,
): Promise<Verdict> {
  if (parts.length === 0) return UNASKED;
  if (parts.length === 1) return ask(parts[0] as Part);
  let next = 0;
  let block: Verdict | undefined;
  const failures: unknown[] = [];
  const lane = async () => {
    while (next < parts.length && block === undefined) {
      try {
        const verdict = await ask(parts[next++] as Part);
        if (verdict.kind === 'block') block = verdict;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, parts.length) }, lane));
  if (block !== undefined) return block;
  if (failures.length > 0) throw failures[0];
  return ALLOW;
}
