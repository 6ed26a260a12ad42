import type { Auditor } from '../audit/auditor.ts';
import type { DecisionKeeper } from '../decisions/keeper.ts';
import type { ReplayThread } from '../decisions/replay-thread.ts';
import { bothSides, NO_SIDES, type SideCounts } from '../findings/asked-sides.ts';
import { type Log, writeLine } from '../observability/log.ts';
import type { OtlpSender } from '../otlp/sender.ts';
import type { BlockedTexts } from '../pipeline/blocked-texts.ts';
import type { DecisionRing } from '../ui/decision-ring.ts';
import type { PageSource } from '../ui/page-source.ts';
import { answerTo } from '../ui/remote-page.ts';
import type { AllMetrics } from './all-metrics.ts';
import { takeBatch } from './batches.ts';
import type { AskedOfPrimary, AskMessage, FromWorkerProcess } from './protocol.ts';
import type { RecordsRelay } from './records-relay.ts';
import type { StateDesk } from './state-desk.ts';
import type { WorkerProcess } from './worker-process.ts';

export type InboxOptions = {
  readonly metrics: AllMetrics;
  readonly log: Log;
  readonly audit: Pick<Auditor, 'append'>;
  readonly decisions: Pick<DecisionKeeper, 'take'> | undefined;
  readonly otlp: Pick<OtlpSender, 'take'> | undefined;
  /** Undefined where workers share what is in the database. */
  readonly state: StateDesk | undefined;
  readonly replay: Pick<ReplayThread, 'keep'> | undefined;
  readonly relay: RecordsRelay | undefined;
  readonly blocked: BlockedTexts;
  readonly ring: DecisionRing;
  readonly page: PageSource;
  readonly workers: () => readonly WorkerProcess[];
  readonly metricsPage: () => Promise<string>;
  /** Called with the release of a worker that has started. */
  readonly greet: (worker: WorkerProcess, release: string) => void;
  /** Called when the state of all has changed. */
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
};

/** Takes what workers say to the primary. */
export class Inbox {
  readonly #options: InboxOptions;
  /** Guardrail calls of all workers since they were taken. */
  #sides: SideCounts = NO_SIDES;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  receive(worker: WorkerProcess, message: FromWorkerProcess): void {
    const { metrics, log, relay, state, replay, blocked, ring, failed } = this.#options;
    switch (message.kind) {
      case 'hello':
        this.#options.greet(worker, message.release);
        break;
      case 'records':
        relay?.receive(worker, message.message);
        break;
      case 'decisions':
      case 'otlp':
        takeBatch(worker, message, this.#options);
        break;
      case 'state':
        state
          ?.reply(message.request)
          .then((reply) => worker.send({ kind: 'state', reply }))
          .catch(failed);
        break;
      case 'blocked':
        blocked.apply(message.change);
        for (const other of this.#options.workers()) if (other !== worker) other.send(message);
        break;
      case 'kept':
        replay?.keep(new Uint8Array(message.packed), message.calls);
        break;
      case 'log':
        for (const line of message.lines) writeLine(log, worker.named(line));
        break;
      case 'report':
        metrics.reported(worker, message.report);
        this.#sides = bothSides(this.#sides, message.report.sides);
        if (message.report.decided !== undefined) ring.add(message.report.decided);
        if (message.lostLines > 0) metrics.counts.log_lines_dropped_total.inc({}, message.lostLines);
        break;
      case 'ask':
        this.#answer(worker, message).catch(failed);
        break;
      case 'up':
        this.#options.changed();
        break;
      case 'unusable':
      case 'answer':
    }
  }

  /** Guardrail calls of all workers since the last time. */
  takeSides(): SideCounts {
    const taken = this.#sides;
    this.#sides = NO_SIDES;
    return taken;
  }

  async #answer(worker: WorkerProcess, asked: AskMessage<AskedOfPrimary>): Promise<void> {
    const { n } = asked;
    worker.send({ kind: 'answer', n, answer: await this.#answerTo(asked) });
  }

  async #answerTo({ name, ask }: AskMessage<AskedOfPrimary>): Promise<unknown> {
    const { audit, page, metricsPage } = this.#options;
    switch (name) {
      case 'page':
        return metricsPage();
      case 'audit':
        for (const row of ask) audit.append(row);
        return true;
      case 'ui':
        return answerTo(page, ask);
    }
  }
}
