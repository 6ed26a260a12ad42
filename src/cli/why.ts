import { type Command, InvalidArgumentError } from 'commander';
import { CALL_NAMES, callNameIn, callStory } from '../answers/call-story.ts';
import { type DecisionsPlace, withDecisions } from '../answers/decisions-place.ts';
import { whyFacts } from '../answers/why-facts.ts';
import { printableJson } from './output.ts';
import { type Terminal, warnOn } from './terminal.ts';
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
      return withDecisions(env, warnOn(terminal), async (place) => {
        const now = terminal.now();
        const told = await callStory(place.reader, name, env, now);
        if (told === undefined) throw new Error(await unknown(name, place));
        const { about, others, ground: _, ...records } = told;
        const decisions = [about, ...others].sort((a, b) => a.at - b.at);
        terminal.out.write(
          options.json ? `${printableJson({ decisions, ...records })}\n` : whyText(whyFacts(told, now)),
        );
      });
    });
}

/** @throws InvalidArgumentError */
function nameOf(text: string): string {
  const name = callNameIn(text);
  if (name === undefined) throw new InvalidArgumentError(CALL_NAMES);
  return name;
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
