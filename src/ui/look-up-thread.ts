import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import type { Log } from '../observability/log.ts';
import type { LOOK_UP_FAILURES } from '../observability/metric-labels.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { FromLookUp, LookUpStart, LookUps, LookUpTopic, ToLookUp } from './look-up-protocol.ts';

const WORKER = new URL(`./look-up-worker${extname(import.meta.url)}`, import.meta.url);
/** A text that takes more ends the thread, and not the process with its verdicts. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

/** Time for one answer: a page waits for one about what was pasted for 5 seconds. */
const ANSWER_MS: Record<LookUpTopic, number> = { kept: 15_000, pasted: 4500 };
/** Beside that, until a thread has started on a machine that has much else to do. */
const START_MS = 10_000;
/** Questions that wait for the one before. */
const MAX_WAITING = 16;
/** Nobody asks for so long: the thread ends. */
const IDLE_MS = 60_000;

export type LookUpThreadOptions = {
  readonly topic: LookUpTopic;
  readonly config: () => Config;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly metrics: Pick<Metrics, 'ui_failures_total'>;
  /** By default 4.5 or 15 seconds. */
  readonly answerMs?: number;
  /** By default a minute. */
  readonly idleMs?: number;
};

type AskedOf<Topic extends LookUpTopic, Name extends keyof LookUps[Topic]> = Extract<
  LookUps[Topic][Name],
  (...args: never[]) => Promise<unknown>
>;

type Failure = (typeof LOOK_UP_FAILURES)[number];

type Question = ToLookUp & {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  timer?: NodeJS.Timeout;
};

/** In words for who waits for an answer. */
const PROBLEMS: Record<Failure, string> = {
  slow: 'it takes too long, and was given up; ask for less',
  ended: 'the thread that looks it up has ended: it may have taken too much memory; ask for less',
  busy: 'too much is being looked up at once; try again',
  bug: 'it could not be looked up, by a mistake of the bridge: the log says where; please report it',
};

/**
 * Looks up what takes long, or is hostile, in a thread of its own: it is started for a question, ends when nobody asks, and is ended if an
 * answer does not come in time. One question at a time; what waits for it is asked in the next thread.
 */
export class LookUpThread<Topic extends LookUpTopic> {
  readonly #options: LookUpThreadOptions & { readonly topic: Topic };
  #worker: Worker | undefined;
  /** The configuration that it was started with. */
  #config: Config | undefined;
  #last = 0;
  /** The first is under way. */
  readonly #questions: Question[] = [];
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: LookUpThreadOptions & { readonly topic: Topic }) {
    this.#options = options;
  }

  /** True while there is a thread. */
  get isOpen(): boolean {
    return this.#worker !== undefined;
  }

  /** Rejects with an Error in words, if there is no answer. */
  async ask<Name extends keyof LookUps[Topic] & string>(
    name: Name,
    ...args: Parameters<AskedOf<Topic, Name>>
  ): Promise<Awaited<ReturnType<AskedOf<Topic, Name>>>> {
    if (this.#isClosed) throw new Error('the bridge is going');
    if (this.#questions.length > MAX_WAITING) throw this.#failure('busy', name);
    return new Promise<Awaited<ReturnType<AskedOf<Topic, Name>>>>((resolve, reject) => {
      const question = { n: ++this.#last, name, args, resolve: resolve as Question['resolve'], reject };
      if (this.#questions.push(question) === 1) this.#next();
    });
  }

  close(): void {
    this.#isClosed = true;
    const left = this.#questions.splice(0);
    this.#end();
    for (const { timer, reject } of left) {
      clearTimeout(timer);
      reject(new Error('the bridge is going'));
    }
  }

  #next(): void {
    clearTimeout(this.#idle);
    const [question] = this.#questions;
    if (question === undefined) {
      this.#idle = setTimeout(() => this.#end(), this.#options.idleMs ?? IDLE_MS).unref();
      return;
    }
    const { topic, config, answerMs = ANSWER_MS[topic] } = this.#options;
    const inForce = config();
    if (this.#config !== inForce) this.#end();
    const limitMs = answerMs + (this.#worker === undefined ? START_MS : 0);
    try {
      this.#worker ??= this.#start({ topic, config: inForce });
    } catch {
      // The system has no thread to give
      this.#settle('ended');
      return;
    }
    this.#config = inForce;
    question.timer = setTimeout(() => {
      this.#end();
      this.#settle('slow');
    }, limitMs).unref();
    const { n, name, args } = question;
    this.#worker.postMessage({ n, name, args } satisfies ToLookUp);
  }

  #start(start: LookUpStart): Worker {
    const worker = new Worker(WORKER, { workerData: start, resourceLimits: RESOURCE_LIMITS });
    worker.unref();
    worker.on('message', (message: FromLookUp) => this.#receive(message));
    // Its end tells the rest: the message of an error can quote what was pasted
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (worker !== this.#worker) return;
      this.#worker = undefined;
      if (this.#questions.length > 0) this.#settle('ended');
    });
    return worker;
  }

  #receive(message: FromLookUp): void {
    const [question] = this.#questions;
    if (question?.n !== message.n) return;
    if ('bug' in message) {
      this.#options.log.error(
        { asked: question.name, failure: message.bug },
        'the page could not be answered',
      );
      this.#settle('bug');
      return;
    }
    clearTimeout(question.timer);
    this.#questions.shift();
    if ('problem' in message) question.reject(new Error(message.problem));
    else question.resolve(message.answer);
    this.#next();
  }

  /** The question under way has no answer. */
  #settle(failure: Failure): void {
    const question = this.#questions.shift();
    if (question === undefined) return;
    clearTimeout(question.timer);
    question.reject(this.#failure(failure, question.name));
    this.#next();
  }

  #failure(reason: Failure, asked: string): Error {
    const { metrics, log } = this.#options;
    metrics.ui_failures_total.inc({ reason });
    if (reason !== 'bug') log.warn({ asked, reason }, 'the page was not answered');
    return new Error(PROBLEMS[reason]);
  }

  #end(): void {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.terminate().catch(() => {});
  }
}
