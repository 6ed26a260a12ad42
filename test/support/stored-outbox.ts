import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry, RecordOutbox } from '../../src/outbox/contract.ts';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { NO_EVENTS } from './store.ts';

export const HOUR_MS = 3_600_000;

/** A success of a call for both backends, due at once. */
export function entryOf(callKey: string, fields: Partial<Entry> = {}): Entry {
  const outcome = fields.outcome ?? 'success';
  const payload = JSON.stringify({ outcome, event: { id: callKey, messages: 'plum cake' }, verdicts: [] });
  return {
    ...{ callKey, outcome, eventKey: `event of ${callKey}`, startedAt: 1000, endedAt: 2000, holdMs: 0 },
    ...{ backends: ['akto', 'capsule'], payload },
    ...fields,
  };
}

export type StoredOutbox = {
  readonly dir: string;
  /** Opens it as a bridge does, at a time. */
  open(now?: number): EmbeddedOutbox;
  remove(): Promise<void>;
};

/** A folder for an outbox. */
export function storedOutbox(): StoredOutbox {
  const dir = mkdtempSync(join(tmpdir(), 'guardrail-bridge-'));
  const opened: EmbeddedOutbox[] = [];
  return {
    dir,
    open(now) {
      const outbox = new EmbeddedOutbox({
        dir,
        backends: ['akto', 'capsule'],
        ...{ maxBytes: 1024 ** 3, maxAgeMs: 168 * HOUR_MS },
        ...(now !== undefined && { now: () => now }),
        events: NO_EVENTS,
      });
      opened.push(outbox);
      return outbox;
    },
    async remove() {
      for (const outbox of opened) await outbox.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** Takes all that is due for a backend and settles it. */
export async function settleAll(
  outbox: Pick<RecordOutbox, 'due' | 'ack'>,
  backend: string,
  kind: 'delivered' | 'dead' | 'retry',
  { reason = 'HTTP 400: no plums', dueAt = 0, records = 1000 } = {},
): Promise<readonly number[]> {
  const due = await outbox.due(backend, { records, bytes: 1e9, except: new Set() });
  const ids = due.map(({ id }) => id);
  if (kind === 'dead') await outbox.ack([{ kind, backend, ids, reason }]);
  else if (kind === 'retry') await outbox.ack([{ kind, backend, ids, dueAt }]);
  else await outbox.ack([{ kind, backend, ids }]);
  return ids;
}
