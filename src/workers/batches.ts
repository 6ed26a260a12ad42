import type { InboxOptions } from './inbox.ts';
import type { FromWorkerProcess } from './protocol.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Takes over lines that a worker has gathered, and tells it so. */
export function takeBatch(
  worker: WorkerProcess,
  { kind, message }: Extract<FromWorkerProcess, { kind: 'decisions' | 'otlp' }>,
  { decisions, otlp }: Pick<InboxOptions, 'decisions' | 'otlp'>,
): void {
  if (kind === 'decisions') decisions?.take(message.lines, message.rows);
  else otlp?.take(message.lines);
  worker.send({ kind, message: { kind: 'done', n: message.n } });
}
