import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Damage, Disposition, Due, Entry, OutboxEvents } from '../../src/outbox/contract.ts';
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

export type TestStore = EmbeddedOutbox & {
  readonly dir: string;
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
  acceptOne(one: Entry): Promise<Disposition>;
};

/** The outbox in a folder, closed after the test. */
export function openStore(options: Partial<Omit<OutboxOptions, 'events' | 'now'>> = {}): TestStore {
  const dir = options.dir ?? temporaryFolder();
  const told = {
    damages: [] as Damage[],
    unreadable: [] as string[],
    expired: [] as [string, number][],
    unavailable: [] as (string | undefined)[],
    advice: [] as string[],
  };
  const outbox = new EmbeddedOutbox({
    backends: ['akto', 'capsule'],
    maxBytes: 100 * MB,
    maxAgeMs: 7 * 24 * 3_600_000,
    reopenMs: 0,
    ...options,
    dir,
    now: () => NOON + store.time,
    events: {
      damaged: (damage) => told.damages.push(damage),
      unreadable: (backend) => told.unreadable.push(backend),
      expired: (backend, records) => told.expired.push([backend, records]),
      crowded: (rows) => told.expired.push(['intake', rows]),
      unavailable(code, advice) {
        told.unavailable.push(code);
        if (advice !== undefined) told.advice.push(advice);
      },
    },
  });
  onTestFinished(() => outbox.close());
  const store: TestStore = Object.assign(outbox, {
    ...told,
    dir,
    time: 0,
    all: (backend = 'akto') =>
      outbox.due(backend, { records: 1_000_000, bytes: Number.POSITIVE_INFINITY, except: new Set() }),
    acceptOne: async (one: Entry) => (await outbox.accept([one]))[0] as Disposition,
  });
  return store;
}

/** Makes the payload of a `CallRecord` of some size; its content follows from its name. */
export function payloadOf(name: string | number, chars: number): string {
  const head = `{"outcome":"success","n":"${name}","text":"`;
  const text = `${name} plum cake `.repeat(Math.ceil(chars / 10));
  return `${head}${text.slice(0, Math.max(0, chars - head.length - 2))}"}`;
}

export const named = (due: readonly Due[]): string[] => due.map(({ payload }) => JSON.parse(payload).n);
