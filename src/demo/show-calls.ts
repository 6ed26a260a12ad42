import { type AskDemo, DEMO_CALLS, isAsItShouldBe, type ModelWords, referenceIn } from './demo-calls.ts';
import type { Paper } from './paper.ts';

/** Tells why a call was blocked, in lines. */
export type Why = (reference: string) => Promise<readonly string[]>;

export type ShowOptions = {
  readonly ask: AskDemo;
  readonly said: ModelWords;
  /** False if this LiteLLM drops redactions of streams; then no response is streamed. */
  readonly streams: boolean;
  readonly why: Why;
};

const STYLES = { allowed: 'green', blocked: 'red', redacted: 'yellow' } as const;

/**
 * Sends the calls of the demo and prints what their client sees.
 *
 * @returns false if one did not end as it should
 */
export async function showCalls(paper: Paper, { ask, said, streams, why }: ShowOptions): Promise<boolean> {
  const label = (name: string) => paper.dim(name.padEnd(13));
  let isRight = true;
  for (const [index, call] of DEMO_CALLS.entries()) {
    const isStreamed = call.isStreamed && streams;
    const title = call.isStreamed && !streams ? 'Redacted' : call.title;
    paper.line(`\n${paper.style(['bold', STYLES[call.outcome]], `${index + 1}  ${title}`)}`);
    paper.line(`${label('client asks')}${call.prompt}`);
    if (call.outcome === 'redacted') paper.line(`${label('model says')}${said.get(call.model)}`);
    paper.write(label('client reads'));
    let pieces = 0;
    const shown = await ask({ ...call, isStreamed }, (piece) => {
      if (pieces++ > 0) paper.write(paper.dim('|'));
      paper.write(piece);
    });
    if (shown.error !== undefined)
      paper.write(`${pieces > 0 ? ' ' : ''}HTTP ${shown.status}: ${shown.error}`);
    paper.line();
    const reference = referenceIn(shown.error);
    if (reference !== undefined) for (const line of await why(reference)) paper.line(paper.dim(`  ${line}`));
    if (isAsItShouldBe(call, shown, said)) continue;
    isRight = false;
    paper.line(paper.style('red', `This call should have been ${call.outcome}.`));
  }
  return isRight;
}
