import type { Auditor } from '../audit/auditor.ts';
import type { DecisionRows } from '../decisions/decision-rows.ts';
import type { KeptSink } from '../decisions/kept-calls.ts';
import { type Log, writeLine } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { OtlpSender } from '../otlp/sender.ts';
import type { ConfiguredBackends } from '../pipeline/backends.ts';
import type { BlockedTexts } from '../pipeline/blocked-texts.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import type { SaidOfLargeCalls } from './protocol.ts';

/** Those in the main thread who are told of large calls. */
export type LargeCallOutlets = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly records:
    | Pick<RecordsThread, 'takesNotes' | 'note' | 'text' | 'blockedJson' | 'recordCall'>
    | undefined;
  readonly audit: Pick<Auditor, 'append' | 'writing'>;
  readonly decisions: Pick<DecisionRows, 'append' | 'appendLate'>;
  readonly otlp: Pick<OtlpSender, 'call'> | undefined;
  readonly release: (version: string | null) => void;
  readonly blockedTexts: Pick<BlockedTexts, 'apply' | 'onChange'>;
  readonly backends: Pick<ConfiguredBackends, 'settled'>;
  /** Undefined where no calls are kept to be judged again. */
  readonly replay: KeptSink | undefined;
  /** Keeps a request under its state key, as JSON. */
  readonly keep: (key: string, json: Buffer) => void;
};

/** Passes on what the thread of large calls says. */
export function passOn(
  message: SaidOfLargeCalls,
  {
    log,
    metrics,
    records,
    audit,
    decisions,
    otlp,
    release,
    blockedTexts,
    backends,
    replay,
    keep,
  }: LargeCallOutlets,
): void {
  switch (message.kind) {
    case 'blockedText':
      blockedTexts.apply(message.change);
      break;
    case 'log':
      writeLine(log, message.line);
      break;
    case 'counts':
      metrics.add(message.counts);
      break;
    case 'audit':
      audit.append(message.row);
      break;
    case 'decision':
      decisions.append(message.row);
      break;
    case 'late':
      decisions.appendLate(message.late);
      break;
    case 'traced':
      otlp?.call(message.line);
      break;
    case 'release':
      release(message.version);
      break;
    case 'kept':
      replay?.keep(message.packed, message.calls);
      break;
    case 'settled':
      backends.settled(message.backend, message.failure);
      break;
    case 'note':
      records?.note(message.line);
      break;
    case 'text':
      records?.text(message.line);
      break;
    case 'asked': {
      const { buffer, byteOffset, byteLength } = message.json;
      keep(message.key, Buffer.from(buffer, byteOffset, byteLength));
    }
  }
}
