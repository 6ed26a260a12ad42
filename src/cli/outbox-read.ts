import { InvalidArgumentError } from 'commander';
import { backends } from '../backends/index.ts';
import { type Delivery, isServed, MAX_FOUND, OutboxAdmin, type Selection } from '../outbox/admin.ts';
import { INTAKE } from '../outbox/schema.ts';
import { backlogJson, deliveryJson, recordJson, stateOf } from './outbox-json.ts';
import { age, oneLine, plural, printableJson, size, table } from './output.ts';
import { type Terminal, writeLines } from './terminal.ts';

/** Records whose ids are held at once; their contents are read as they are taken. */
const EXPORT_PAGE = 1000;

/** `outbox status`. With `--json`: `{ data_dir, bridge_running, used_bytes, backends }`, see {@link backlogJson}. */
export function status({ json }: { json?: boolean }, dir: string, { out, now }: Terminal): void {
  const at = now();
  const [usedBytes, backlogs] = reading(dir, (admin) => [
    admin.usedBytes(),
    admin.backlogs(at).map((backlog) => backlogJson(backlog, at)),
  ]);
  const isRunning = isServed(dir);
  if (json) {
    const status = { data_dir: dir, bridge_running: isRunning, used_bytes: usedBytes, backends: backlogs };
    out.write(`${printableJson(status)}\n`);
    return;
  }
  const running = isRunning ? 'a bridge is running on it' : 'no bridge is running on it';
  out.write(`outbox in ${dir}: ${size(usedBytes)} in use, ${running}\n`);
  if (backlogs.length === 0) out.write('nothing waits, and there are no dead letters\n');
  else out.write(`\n${table(STATUS_COLUMNS, backlogs.map(statusCells))}`);
  if (!isRunning && backlogs.some(({ due }) => due > 0)) {
    out.write('\nWhat is due goes out when the bridge starts.\n');
  }
  if (backlogs.some(({ dead }) => dead > 0)) {
    out.write('\nDead letters are not tried again by themselves: see guardrail-bridge outbox list --dead\n');
  }
}

const STATUS_COLUMNS = [
  { title: 'backend' },
  ...['due', 'waiting', 'oldest', 'dead', 'oldest dead'].map((title) => ({ title, isNumber: true })),
];

function statusCells(backlog: ReturnType<typeof backlogJson>): string[] {
  const { backend, due, waiting, dead, oldest_seconds, oldest_dead_seconds } = backlog;
  const span = (seconds: number | null) => (seconds === null ? '-' : age(seconds * 1000));
  const counted = [String(due), String(waiting), span(oldest_seconds), String(dead)];
  return [oneLine(backend, 40), ...counted, span(oldest_dead_seconds)];
}

export type ListOptions = Selection & { readonly limit: number; readonly json?: boolean };

const LIST_COLUMNS = [
  ...[{ title: 'id', isNumber: true }, { title: 'record_id' }, { title: 'backend' }, { title: 'outcome' }],
  ...[{ title: 'litellm_call_id' }, { title: 'age', isNumber: true }],
  ...[{ title: 'attempts', isNumber: true }, { title: 'state' }, { title: 'reason' }],
];

/**
 * `outbox list`, oldest first, a row for each backend that has not got a record. With `--json`:
 * `{ total, deliveries: […] }`, see {@link deliveryJson}; `total` counts those beyond `--limit` too.
 */
export function list(options: ListOptions, dir: string, { out, now }: Terminal): void {
  const { limit, json, dead } = options;
  const at = now();
  const { deliveries, total } = reading(dir, (admin) => {
    expectBackend(admin, options.backend);
    return { deliveries: admin.page(options, 0, limit).slice(0, limit), total: admin.count(options) };
  });
  if (json) {
    const all = deliveries.map((delivery) => deliveryJson(delivery, at));
    out.write(`${printableJson({ total, deliveries: all })}\n`);
  } else if (deliveries.length === 0) {
    out.write(dead ? 'no dead letters\n' : 'nothing waits, and there are no dead letters\n');
  } else {
    const rows = deliveries.map((delivery) => listCells(delivery, at));
    out.write(table(LIST_COLUMNS, rows));
    if (total > rows.length) out.write(`\n${rows.length} of ${total}; --limit shows more\n`);
  }
}

function listCells(delivery: Delivery, now: number): string[] {
  const { record, recordId, backend, outcome, callKey, acceptedAt, attempts, dueAt, reason } = delivery;
  const state = stateOf(delivery, now);
  return [
    ...[String(record), recordId.slice(0, 12) || '-', oneLine(backend, 40)],
    ...[outcome, oneLine(callKey, 40) || '-', age(now - acceptedAt), String(attempts)],
    // Rounded up: a try never comes earlier than this says
    state === 'waiting' ? `waits ${age(dueAt - now + 999)}` : state,
    oneLine(reason ?? '', 80),
  ];
}

/** `outbox show ID`: a record, see {@link recordJson}; indented, or on one line with `--json`. */
export function show(id: string, { json }: { json?: boolean }, dir: string, { out, now }: Terminal): void {
  const record = reading(dir, (admin) => recordJson(admin, oneId(admin, id), now()));
  if (record === undefined) throw new Error(`record ${id} is gone`);
  out.write(`${printableJson(record, json ? undefined : 2)}\n`);
}

export type ExportOptions = Selection & { readonly out?: string; readonly json?: boolean };

/**
 * `outbox export`: NDJSON, a line for each record that a backend has not got, see {@link recordJson}, oldest first. With
 * `--out` into a new file that only this user can read; `--json` then prints `{ exported }`.
 */
export async function exportRecords(options: ExportOptions, dir: string, terminal: Terminal): Promise<void> {
  const { out, json } = options;
  const admin = new OutboxAdmin(dir, 'read');
  let exported = 0;
  function* lines(): Iterable<string> {
    for (const id of recordIds(admin, options)) {
      const record = recordJson(admin, id, terminal.now());
      // It may have been delivered meanwhile
      if (record === undefined || record.deliveries.length === 0) continue;
      exported++;
      yield `${printableJson(record)}\n`;
    }
  }
  try {
    expectBackend(admin, options.backend);
    if (!(await writeLines(lines(), out, terminal, 1)) || out === undefined) return;
  } finally {
    admin.close();
  }
  terminal.out.write(json ? `${printableJson({ exported })}\n` : `${plural(exported, 'record')} in ${out}\n`);
}

/** Reads a page at a time: a long read would keep the bridge from reusing its log. */
function* recordIds(admin: OutboxAdmin, selection: Selection): Iterable<number> {
  for (let after = 0; ; ) {
    const ids = new Set(admin.page(selection, after, EXPORT_PAGE).map(({ record }) => record));
    if (ids.size === 0) return;
    for (const id of ids) {
      yield id;
      after = id;
    }
  }
}

function reading<T>(dir: string, read: (admin: OutboxAdmin) => T): T {
  const admin = new OutboxAdmin(dir, 'read');
  try {
    return read(admin);
  } finally {
    admin.close();
  }
}

/**
 * The record with an id, or whose `record_id` begins with at least four given digits.
 *
 * @throws InvalidArgumentError for what can be neither, and an Error where there is none or several
 */
export function oneId(admin: OutboxAdmin, text: string): number {
  if (!/^(?:\d{1,15}|[0-9a-f]{4,32})$/i.test(text)) {
    const advice = 'write an id, or how a record_id begins, at least four digits of it';
    throw new InvalidArgumentError(`${text}: ${advice}`);
  }
  const ids = admin.find(text.toLowerCase());
  const [id] = ids;
  if (id === undefined) throw new Error(`there is no record ${text}`);
  if (ids.length === 1) return id;
  const more = ids.length === MAX_FOUND ? 'at least ' : '';
  throw new Error(`${text} can be ${more}${plural(ids.length, 'record')}, by id ${ids.join(', ')}`);
}

/** @throws InvalidArgumentError for a backend that neither the bridge nor the outbox knows */
export function expectBackend(admin: OutboxAdmin, backend: string | undefined): void {
  const known = new Set([...backends.map(({ name }) => name), ...admin.backends(), INTAKE]);
  if (backend !== undefined && !known.has(backend)) {
    throw new InvalidArgumentError(`--backend: write one of ${[...known].join(', ')}`);
  }
}
