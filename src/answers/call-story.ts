import { readSettings } from '../config/config.ts';
import type { Env } from '../config/read.ts';
import type { AdviceGround } from '../decisions/advice.ts';
import type { DecisionReader } from '../decisions/reader.ts';
import type { KeptDecision } from '../decisions/row.ts';
import { recordsOfCall } from './call-records.ts';
import type { ToldCall } from './why-facts.ts';

const MAX_NAME_CHARS = 256;
const REF = /^[0-9a-f]{16}$/;
const ANY_REF = /(?<![\w-])[0-9a-f]{16}(?![\w-])/g;

/** The reference in what somebody pasted, be it a whole message or an error as JSON, or any id; undefined for what is neither. */
export function callNameIn(text: string): string | undefined {
  const [, told] = /\bReference:\s*([0-9a-f]{16})\b/i.exec(text) ?? [];
  const name = told ?? text.trim().replace(/\.$/, '');
  const isText = /\s/.test(name);
  // A message of the operator's own may have no word before it
  const [ref, ...others] = new Set((isText ? text : name).toLowerCase().match(isText ? ANY_REF : REF));
  if (ref !== undefined && others.length === 0) return ref;
  const isRefLike = /^[0-9a-f]+$/i.test(name) && name.length < 32;
  const isId = name !== '' && name.length <= MAX_NAME_CHARS && !/[\s\p{C}]/u.test(name) && !isRefLike;
  return isId ? name : undefined;
}

/** Says what can be looked up. */
export const CALL_NAMES = 'Write the 16 digits of a reference, such as 549861e136ee05f5, or a call id';

/** All that is known of the call that a reference or a call id names; undefined if it is unknown. Only reads. */
export async function callStory(
  reader: DecisionReader,
  name: string,
  env: Env,
  now: number,
): Promise<ToldCall | undefined> {
  const found = await reader.find(name);
  const about = mainOf(found, name);
  if (about === undefined) return undefined;
  const records = await recordsOfCall(about, env, now);
  return { about, others: found.filter((one) => one !== about), ground: groundOf(env), ...records };
}

/** Settings that cannot be read give no ground: the command works without them. */
function groundOf(env: Env): AdviceGround {
  try {
    const { REPLAY_DAYS, POLICY_FILE } = readSettings(env, 'REPLAY_DAYS', 'POLICY_FILE');
    return { replays: (REPLAY_DAYS ?? 0) > 0, hasPolicyFile: POLICY_FILE !== undefined };
  } catch {
    return { replays: false, hasPolicyFile: false };
  }
}

const GRAVITY = ['block', 'defer', 'redact', 'remove', 'cancelled', 'allow'];

/** The decision that is asked about: that with the reference, or of a call the gravest. */
function mainOf(found: readonly KeptDecision[], name: string): KeptDecision | undefined {
  const graver = (a: KeptDecision, b: KeptDecision) =>
    GRAVITY.indexOf(a.verdict) - GRAVITY.indexOf(b.verdict) || b.at - a.at;
  return found.find(({ ref }) => ref === name) ?? found.toSorted(graver)[0];
}
