import { type Command, InvalidArgumentError } from 'commander';
import { readSettings } from '../config/config.ts';
import type { Env } from '../config/read.ts';
import type { AdviceGround } from '../decisions/advice.ts';
import type { KeptDecision } from '../decisions/row.ts';
import { recordsOfCall } from './call-records.ts';
import { type DecisionsPlace, withDecisions } from './decisions-place.ts';
import { printableJson } from './output.ts';
import type { Terminal } from './terminal.ts';
import { whyText } from './why-text.ts';

const ABOUT = `
It looks where the bridge keeps decisions (DATA_DIR, DATABASE_URL, DECISIONS_DAYS),
while it runs and while it does not. Of the call it knows no content.`;

/** Adds `why`. */
export function addWhy(program: Command, terminal: Terminal): void {
  program
    .command('why')
    .description('say why a call was blocked, redacted or allowed, and what became of its record')
    .argument(
      '<ref>',
      'the reference that a blocked client was told, or any text with it, or a litellm_call_id',
      nameOf,
    )
    .option('--json', 'print { decisions, records, receivers, problems }')
    .addHelpText('after', ABOUT)
    .action((name: string, options: { readonly json?: boolean }) => {
      const env = terminal.env();
      return withDecisions(terminal, async (place) => {
        const found = await place.reader.find(name);
        const about = mainOf(found, name);
        if (about === undefined) throw new Error(await unknown(name, place));
        const records = await recordsOfCall(about, env, terminal.now());
        terminal.out.write(
          options.json
            ? `${printableJson({ decisions: found, ...records })}\n`
            : whyText(
                { about, others: found.filter((one) => one !== about), ground: groundOf(env), ...records },
                terminal.now(),
              ),
        );
      });
    });
}

const MAX_NAME_CHARS = 256;
const REF = /^[0-9a-f]{16}$/;
const ANY_REF = /(?<![\w-])[0-9a-f]{16}(?![\w-])/g;

/** The reference in what somebody pasted, be it a whole message or an error as JSON, or any id. @throws InvalidArgumentError */
function nameOf(text: string): string {
  const [, told] = /\bReference:\s*([0-9a-f]{16})\b/i.exec(text) ?? [];
  const name = told ?? text.trim().replace(/\.$/, '');
  const isText = /\s/.test(name);
  // A message of the operator's own may have no word before it
  const [ref, ...others] = new Set((isText ? text : name).toLowerCase().match(isText ? ANY_REF : REF));
  if (ref !== undefined && others.length === 0) return ref;
  const isRefLike = /^[0-9a-f]+$/i.test(name) && name.length < 32;
  if (name !== '' && name.length <= MAX_NAME_CHARS && !/[\s\p{C}]/u.test(name) && !isRefLike) return name;
  throw new InvalidArgumentError(
    'Write the 16 digits of a reference, such as 549861e136ee05f5, or a call id',
  );
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

const iso = (at: number) => new Date(at).toISOString();

async function unknown(name: string, { reader, where, days }: DecisionsPlace): Promise<string> {
  const oldest = await reader.oldest();
  const allowed = await reader.oldestAllowed();
  const since =
    oldest === undefined
      ? 'there are none'
      : allowed === undefined || allowed > oldest
        ? `blocked and changed ones begin on ${iso(oldest)}, ${allowed === undefined ? 'there are no allowed ones' : `allowed ones on ${iso(allowed)}`}`
        : `they begin on ${iso(oldest)}`;
  const kept =
    days === 0 ? 'DECISIONS_DAYS is 0, so none are kept' : `DECISIONS_DAYS keeps them for ${days} days`;
  return `no decision is called ${JSON.stringify(name)} in ${where}: ${since}, ${kept}`;
}
