import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Accepted, Damage, Due, Entry, OutboxEvents, RecordOutbox } from '../../src/outbox/contract.ts';
import { EmbeddedOutbox, type OutboxOptions } from '../../src/outbox/embedded-outbox.ts';

export const MB = 1024 * 1024;
export const NOON = Date.UTC(2026, 10, 21, 12);

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'outbox-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A success of a call of its own. */
export function entry(name: string | number, fields: Partial<Entry> = {}): Entry {
  return {
    callKey: `call-${name}`,
    outcome: 'success',
    eventKey: `event-${name}`,
    startedAt: NOON,
    endedAt: NOON + 1000,
    holdMs: 0,
    backends: ['akto'],
    payload: `{"outcome":"success","n":"${name}"}`,
    ...fields,
  };
}

/** For an outbox whose events are not looked at. */
export const NO_EVENTS: OutboxEvents = {
  damaged() {},
  unreadable() {},
  expired() {},
  crowded() {},
  unavailable() {},
};

/** An outbox with what it told, and a clock to set. */
export type Told<Outbox extends RecordOutbox = RecordOutbox> = Outbox & {
  /** Milliseconds since noon, settable. */
  time: number;
  /** Damage that it reported. */
  readonly damages: Damage[];
  readonly unreadable: string[];
  readonly expired: [string, number][];
  readonly unavailable: (string | undefined)[];
  readonly advice: string[];
  /** Everything due for a backend. */
  all(backend?: string): Promise<readonly Due[]>;
  acceptOne(one: Entry): Promise<Accepted>;
};

export type TestStore = Told<EmbeddedOutbox> & { readonly dir: string };

export const DAY_MS = 24 * 3_600_000;

/** Opens an outbox whose events are kept, and closes it after the test. */
export function told<Outbox extends RecordOutbox>(
  open: (set: { readonly now: () => number; readonly events: OutboxEvents }) => Outbox,
): Told<Outbox> {
  const kept = {
    damages: [] as Damage[],
    unreadable: [] as string[],
    expired: [] as [string, number][],
    unavailable: [] as (string | undefined)[],
    advice: [] as string[],
  };
  const outbox = open({
    now: () => NOON + store.time,
    events: {
      damaged: (damage) => kept.damages.push(damage),
      unreadable: (backend) => kept.unreadable.push(backend),
      expired: (backend, records) => kept.expired.push([backend, records]),
      crowded: (rows) => kept.expired.push(['intake', rows]),
      unavailable(code, advice) {
        kept.unavailable.push(code);
        if (advice !== undefined) kept.advice.push(advice);
      },
    },
  });
  onTestFinished(() => outbox.close());
  const store: Told<Outbox> = Object.assign(outbox, {
    ...kept,
    time: 0,
    all: (backend = 'akto') => outbox.due(backend, { records: 1_000_000, bytes: 1e12, except: new Set() }),
    acceptOne: async (one: Entry) => (await outbox.accept([one]))[0] as Accepted,
  });
  return store;
}

/** The outbox in a folder, closed after the test. */
export function openStore(options: Partial<Omit<OutboxOptions, 'events' | 'now'>> = {}): TestStore {
  const dir = options.dir ?? temporaryFolder();
  const bounds = { maxBytes: 100 * MB, maxAgeMs: 7 * DAY_MS, reopenMs: 0 };
  const store = told(
    (set) => new EmbeddedOutbox({ backends: ['akto', 'capsule'], ...bounds, ...options, dir, ...set }),
  );
  return Object.assign(store, { dir });
}

/** Makes the payload of a `CallRecord` of some size; its content follows from its name. */
export function payloadOf(name: string | number, chars: number): string {
  const head = `{"outcome":"success","n":"${name}","text":"`;
  const text = `${name} plum cake `.repeat(Math.ceil(chars / 10));
  return `${head}${text.slice(0, Math.max(0, chars - head.length - 2))}"}`;
}

export const named = (due: readonly Due[]): string[] => due.map(({ payload }) => JSON.parse(payload).n);
