import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedCall } from './recorder.ts';
import { bridgeOf, markerIn, type TelemetryWorld } from './telemetry-world.ts';

/** A call as Akto recorded it, with the strings that hold JSON opened. */
export interface AktoRecord {
  /** `ingestData`, or the flags of a single call. */
  way: string;
  marker: string | undefined;
  status: string;
  path: string;
  headers: Record<string, unknown>;
  requested: Record<string, unknown>;
  responded: Record<string, unknown>;
  tag: Record<string, unknown>;
  verdicts: { input_type: string; action: string; by?: string; checks: Record<string, unknown>[] }[];
}

/** Records that the Akto of a bridge was told to keep. */
export function aktoRecords(world: TelemetryWorld, bridge: string): AktoRecord[] {
  return world.taken.filter((sent) => bridgeOf(sent) === bridge).flatMap(recordsIn);
}

/** Posts about ended calls that the Capsule of a bridge got. */
export function capsulePosts(world: TelemetryWorld, bridge: string): Record<string, unknown>[] {
  return world.posted.filter((sent) => bridgeOf(sent) === bridge).map(({ body }) => body);
}

/** Number of log events that a bridge has stored and acknowledged. */
export async function rowsOf(world: TelemetryWorld, bridge: string): Promise<number> {
  const metrics = (await world.bridges[bridge]?.metrics()) ?? '';
  return Number(/rows_total\{result="new"\} (\d+)/.exec(metrics)?.[1]);
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await sleep(50);
  }
}

function recordsIn({ path, query, body }: RecordedCall): AktoRecord[] {
  if (path.endsWith('/api/ingestData')) {
    return (body.batchData as Record<string, string>[]).map((sent) => recordOf(sent, 'ingestData'));
  }
  if (query.ingest_data !== 'true') return [];
  const flags = Object.keys(query).filter((name) => name !== 'akto_connector');
  return [recordOf(body as Record<string, string>, flags.toSorted().join('+'))];
}

function recordOf(sent: Record<string, string>, way: string): AktoRecord {
  const tag = JSON.parse(sent.tag ?? '{}');
  return {
    way,
    marker: markerIn(sent.requestPayload ?? ''),
    status: sent.statusCode ?? '',
    path: sent.path ?? '',
    headers: JSON.parse(sent.requestHeaders ?? '{}'),
    requested: payload(sent.requestPayload),
    responded: payload(sent.responsePayload),
    tag,
    verdicts: JSON.parse(tag.guardrail ?? '[]'),
  };
}

function payload(text: string | undefined): Record<string, unknown> {
  const { body } = JSON.parse(text ?? '{}');
  return body === undefined ? {} : JSON.parse(body);
}
