import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError } from '../config/config-error.ts';
import { DatabaseError } from '../database/database-error.ts';
import { loggable } from '../observability/log.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import type { FromLookUp, LookUpStart, LookUpTopic, ToLookUp } from './look-up-protocol.ts';

/*
 * A thread that looks up what the page is asked for. It has nothing open between two questions, and can be ended at any time.
 */

const port = parentPort;
if (port === null) throw new Error('not started by LookUpThread');
const { topic, config } = workerData as LookUpStart;

type Answers = Readonly<Record<string, (...args: readonly never[]) => Promise<unknown>>>;

const ANSWERS: Record<LookUpTopic, () => Promise<Answers>> = {
  kept: async () => (await import('./kept-answers.ts')).keptAnswers(config),
  pasted: async () => (await import('./pasted-answers.ts')).pastedAnswers(config),
};
const answers = ANSWERS[topic]();

port.on('message', (message: ToLookUp) => {
  answer(message).then((told: FromLookUp) => port.postMessage(told), failed);
});

async function answer({ n, name, args }: ToLookUp): Promise<FromLookUp> {
  try {
    return { n, answer: await (await answers)[name]?.(...(args as readonly never[])) };
  } catch (error) {
    return isInWords(error) ? { n, problem: error.message } : { n, bug: loggable({ kind: 'bug', error }) };
  }
}

/** True for an error that says what to do; any other is a mistake of ours, and its message can quote content. */
function isInWords(error: unknown): error is Error {
  if (error instanceof PolicyFileError || error instanceof ConfigError || error instanceof DatabaseError)
    return true;
  return error instanceof Error && error.constructor === Error && !('code' in error);
}

/** A mistake of ours ends the thread; another is started for the next question. */
function failed(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
