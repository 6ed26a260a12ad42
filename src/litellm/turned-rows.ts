import { fieldsOf } from '../guardrail/json.ts';
import { type JsonLimits, measureJson } from '../guardrail/json-nodes.ts';
import { BeyondLimit, EnvelopeReader } from './akto-envelope.ts';
import { aktoEvent } from './akto-event.ts';
import { type AskedCall, capsuleEvent } from './capsule-event.ts';
import { BadField, objectIn } from './request.ts';
import type { TurnedEvent } from './turned-event.ts';

/** Where a body of records came in: a batch has several envelopes of Akto's. */
export type TurnedSource =
  | { readonly door: 'akto'; readonly isBatch: boolean }
  /** `asked`: the call of the `pre` hook as JSON, where it is remembered. */
  | { readonly door: 'capsule'; readonly isMcp: boolean; readonly asked: Uint8Array | undefined };

export type TurnedRow =
  | { readonly kind: 'event'; readonly turned: TurnedEvent }
  | { readonly kind: 'bad'; readonly reason: string; readonly text: string; readonly chars: number };

/** Envelopes of a batch that are read; Akto's own senders stay far below. */
const MAX_ENVELOPES = 10_000;
/** Nodes of a whole batch, of a call's. */
const BATCH_TO_CALL = 20;
const MAX_BAD_CHARS = 32 * 1024;

/** The calls that the body of a post tells of. One that cannot be read does not take the others of its batch with it. */
export function* turnedRows(
  body: Buffer,
  source: TurnedSource,
  limits: JsonLimits,
  now: () => number,
): Generator<TurnedRow> {
  const isBatch = source.door === 'akto' && source.isBatch;
  const times = isBatch ? BATCH_TO_CALL : 1;
  const { beyond } = measureJson(body, { ...limits, maxJsonNodes: times * limits.maxJsonNodes });
  if (beyond !== undefined) {
    yield badRow('is made of too much', body.toString('utf8', 0, MAX_BAD_CHARS), body.length);
    return;
  }
  const text = body.toString();
  if (source.door === 'capsule') {
    const { isMcp, asked } = source;
    const call = asked && (JSON.parse(Buffer.from(asked).toString()) as AskedCall);
    yield rowOf(text, () => capsuleEvent(text, isMcp, call, now()));
  } else if (!isBatch) {
    yield rowOf(text, () => aktoEvent(new EnvelopeReader(limits).read(text), now()));
  } else {
    for (const one of envelopesIn(text)) {
      const read = () => aktoEvent(new EnvelopeReader(limits).envelope(objectOf(one)), now());
      yield rowOf(one, read);
    }
  }
}

function envelopesIn(text: string): readonly unknown[] {
  try {
    const { batchData } = objectIn(text);
    return Array.isArray(batchData) ? batchData.slice(0, MAX_ENVELOPES) : [text];
  } catch {
    return [text];
  }
}

function objectOf(value: unknown) {
  if (typeof value !== 'object' || value === null) throw new BadField('batchData', 'must hold objects');
  return fieldsOf(value);
}

function rowOf(value: unknown, read: () => TurnedEvent): TurnedRow {
  try {
    return { kind: 'event', turned: read() };
  } catch (error) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (error instanceof BeyondLimit) return badRow('is made of too much', text);
    if (!(error instanceof BadField)) throw error;
    return badRow(`${error.bad.field} ${error.bad.message}`, text);
  }
}

function badRow(reason: string, text: string, chars = text.length): TurnedRow {
  return { kind: 'bad', reason, text: text.slice(0, MAX_BAD_CHARS), chars };
}
