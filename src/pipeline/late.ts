import type { Answer } from './ask.ts';

/** So many milliseconds without another call about an answer are taken for its end. */
const QUIET_MS = 1500;

const MAX_STOPPED = 5000;

/**
 * Checks of answers that may have ended. Nothing in LiteLLM's calls tells the last one about a stream from the others, so what
 * a backend has not been asked about is judged once no other call follows: too late to stop it, never unseen.
 */
export function createLate() {
  const waiting = new Map<string, { timer: NodeJS.Timeout; check: () => Promise<Answer> }>();
  const running = new Set<Promise<void>>();
  const stopped = new Map<string, Omit<Answer, 'call'>>();

  function run(name: string): void {
    const entry = waiting.get(name);
    if (entry === undefined) return;
    cancel(name);
    const work = entry.check().then((answer) => {
      running.delete(work);
      if (!('verdict' in answer) || answer.verdict.kind === 'allow') return;
      const { call: _, ...rest } = answer;
      stopped.set(name, rest);
      if (stopped.size > MAX_STOPPED) stopped.delete(stopped.keys().next().value as string);
    });
    running.add(work);
  }

  function cancel(name: string): void {
    clearTimeout(waiting.get(name)?.timer);
    waiting.delete(name);
  }

  return {
    /** Checks an answer, known by a name, unless another call about it comes first. */
    schedule(name: string, check: () => Promise<Answer>): void {
      cancel(name);
      waiting.set(name, { timer: setTimeout(run, QUIET_MS, name), check });
    },
    cancel,
    /** Makes a check that waits at once. */
    run,
    /** What a late check said against an answer that goes on after all. */
    against: (name: string): Omit<Answer, 'call'> | undefined => stopped.get(name),
    /** Makes the checks that wait, and resolves when all have ended. */
    async settled(): Promise<void> {
      for (const name of [...waiting.keys()]) run(name);
      while (running.size > 0) await Promise.all(running);
    },
  };
}
