import { isServed, type Ledger, openLedger } from '../outbox/ledger.ts';
import type { Delivery } from '../outbox/ledger-reads.ts';
import { checkBackend, oneId } from './outbox-choice.ts';
import { deliveryJson, recordJson, stateOf } from './outbox-json.ts';
import { age, oneLine, printableJson, size, table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { noWords, parseOptions, UsageError } from './usage.ts';

/** So many rows are for reading; more are for `export`. */
const MAX_ROWS = 10_000;

/**
 * `outbox status`. With `--json`: `{ data_dir, bridge_running, used_bytes, backends: [{ backend, due, waiting, dead,
 * oldest_seconds, oldest_dead_seconds }] }`; an age is null where there is nothing.
 */
export function status(args: readonly string[], dir: string, { out, now }: Terminal): number {
  const { values, words } = parseOptions(args, { json: { type: 'boolean' } });
  noWords(words);
  const at = now();
  const { backlogs, usedBytes } = reading(dir, (ledger) => ({
    backlogs: ledger.backlogs(at),
    usedBytes: ledger.usedBytes(),
  }));
  const isRunning = isServed(dir);
  if (values.json) {
    const seconds = (since: number | undefined) =>
      since === undefined ? null : Math.max(0, Math.floor((at - since) / 1000));
    const backends = backlogs.map(({ backend, due, waiting, dead, oldestAt, oldestDeadAt }) => ({
      ...{ backend, due, waiting, dead },
      oldest_seconds: seconds(oldestAt),
      oldest_dead_seconds: seconds(oldestDeadAt),
    }));
    const all = { data_dir: dir, bridge_running: isRunning, used_bytes: usedBytes, backends };
    out.write(`${printableJson(all)}\n`);
    return 0;
  }
  const span = (since: number | undefined) => (since === undefined ? '-' : age(at - since));
  const columns = ['due', 'waiting', 'oldest', 'dead', 'oldest dead'];
  const rows = backlogs.map(({ backend, due, waiting, dead, oldestAt, oldestDeadAt }) => [
    ...[oneLine(backend, 40), String(due), String(waiting), span(oldestAt), String(dead), span(oldestDeadAt)],
  ]);
  const aligned = [{ title: 'backend' }, ...columns.map((title) => ({ title, isNumber: true }))];
  const isDue = backlogs.some(({ due }) => due > 0);
  const isDead = backlogs.some(({ dead }) => dead > 0);
  const lines = [
    `outbox in ${dir}: ${size(usedBytes)} in use, ${isRunning ? 'a bridge is running on it' : 'no bridge is running on it'}\n`,
    rows.length > 0 ? `\n${table(aligned, rows)}` : 'nothing waits, and there are no dead letters\n',
    isDue && !isRunning ? '\nWhat is due goes out when the bridge starts.\n' : '',
    isDead
      ? '\nDead letters are not tried again by themselves: see guardrail-bridge outbox list --dead\n'
      : '',
  ];
  out.write(lines.join(''));
  return 0;
}

/**
 * `outbox list`, oldest first, a row for each backend that has not got a record. With `--json`:
 * `{ total, deliveries: […] }`, see {@link deliveryJson}; `total` counts those beyond `--limit` too.
 */
export function list(args: readonly string[], dir: string, { out, now }: Terminal): number {
  const { values, words } = parseOptions(args, {
    backend: { type: 'string' },
    dead: { type: 'boolean' },
    limit: { type: 'string', default: '50' },
    json: { type: 'boolean' },
  });
  noWords(words);
  const limit = /^\d{1,6}$/.test(values.limit) ? Number(values.limit) : 0;
  if (limit < 1 || limit > MAX_ROWS) throw new UsageError(`--limit: write a number, 1 to ${MAX_ROWS}`);
  const { deliveries, total } = reading(dir, (ledger) => {
    checkBackend(ledger, values.backend);
    return { deliveries: ledger.page(values, 0, limit).slice(0, limit), total: ledger.count(values) };
  });
  const at = now();
  if (values.json) {
    const all = { total, deliveries: deliveries.map((delivery) => deliveryJson(delivery, at)) };
    out.write(`${printableJson(all)}\n`);
    return 0;
  }
  if (deliveries.length === 0) {
    out.write(values.dead ? 'no dead letters\n' : 'nothing waits, and there are no dead letters\n');
    return 0;
  }
  const columns = [
    ...[{ title: 'id', isNumber: true }, { title: 'record_id' }, { title: 'backend' }, { title: 'outcome' }],
    ...[{ title: 'litellm_call_id' }, { title: 'age', isNumber: true }],
    ...[{ title: 'attempts', isNumber: true }, { title: 'state' }, { title: 'reason' }],
  ];
  out.write(
    table(
      columns,
      deliveries.map((delivery) => cells(delivery, at)),
    ),
  );
  if (total > deliveries.length) out.write(`\n${deliveries.length} of ${total}; --limit shows more\n`);
  return 0;
}

function cells(delivery: Delivery, now: number): string[] {
  const { record, recordId, backend, outcome, callKey, acceptedAt, attempts, dueAt, reason } = delivery;
  const state = stateOf(delivery, now);
  return [
    ...[String(record), recordId.slice(0, 12) || '-', oneLine(backend, 40)],
    ...[outcome, oneLine(callKey, 40) || '-', age(now - acceptedAt), String(attempts)],
    state === 'waiting' ? `waits ${age(dueAt - now + 999)}` : state,
    oneLine(reason ?? '', 80),
  ];
}

/** `outbox show ID`: a record, see {@link recordJson}; in lines for people, on one line with `--json`. */
export function show(args: readonly string[], dir: string, { out, now }: Terminal): number {
  const { values, words } = parseOptions(args, { json: { type: 'boolean' } });
  const [word, ...rest] = words;
  if (word === undefined) throw new UsageError('outbox show needs an ID; outbox list has them');
  noWords(rest);
  const record = reading(dir, (ledger) => recordJson(ledger, oneId(ledger, word), now()));
  if (record === undefined) throw new Error(`record ${word} is gone`);
  out.write(`${printableJson(record, values.json ? undefined : 2)}\n`);
  return 0;
}

function reading<T>(dir: string, read: (ledger: Ledger) => T): T {
  const ledger = openLedger(dir, 'read');
  try {
    return read(ledger);
  } finally {
    ledger.close();
  }
}
