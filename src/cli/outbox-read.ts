import { InvalidArgumentError } from 'commander';
import { namesInPolicyFile } from '../answers/call-records.ts';
import { type BacklogJson, backlogJson, deliveryJson, recordJson, stateOf } from '../answers/outbox-json.ts';
import { type Fallback, fallbackIn, type OutboxPlace } from '../answers/outbox-place.ts';
import type { Backend } from '../backends/backend.ts';
import { backends } from '../backends/index.ts';
import { commandLine } from '../config/command-line.ts';
import type { Env } from '../config/read.ts';
import { BridgeClient, NoBridgeError } from '../doctor/bridge-client.ts';
import { callsPlace, opsPlace } from '../doctor/bridge-place.ts';
import { countIn, type Delivery, MAX_FOUND, type OutboxAdmin, type Selection } from '../outbox/admin.ts';
import { callIdOfKey } from '../outbox/contract.ts';
import { INTAKE } from '../outbox/schema.ts';
import { age, oneLine, plural, printableJson, size, table } from './output.ts';
import { type Terminal, writeLines } from './terminal.ts';

/** A command line about the outbox. */
export type OutboxCommand = OutboxPlace & {
  /** IDs, and beginnings of them. */
  readonly words: readonly string[];
  /** As far as the command has them. */
  readonly options: Selection & {
    readonly limit: number;
    readonly out?: string;
    readonly all?: boolean;
    readonly yes?: boolean;
    readonly json?: boolean;
  };
  readonly terminal: Terminal;
};

/** The bridge answers at once, or is too busy to. */
const ASK_MS = 2000;

/** The backends that refuse the token of the bridge that runs, as it says; undefined where it says nothing. */
async function heldBackends(env: Env): Promise<readonly string[] | undefined> {
  try {
    const { outbox } = await new BridgeClient(callsPlace({ env }), opsPlace({ env }), ASK_MS).readiness();
    return outbox?.held;
  } catch (error) {
    if (error instanceof NoBridgeError) return undefined;
    throw error;
  }
}

/** Records whose ids are held at once; their contents are read as they are taken. */
const EXPORT_PAGE = 1000;

const NOTHING = 'nothing waits, and there are no dead letters\n';

/**
 * `outbox status`. With `--json`: `{ data_dir, bridge_running, used_bytes, backends }`, see {@link backlogJson}, and `held` with the names of
 * backends that refuse our token where the bridge that runs tells them; of an outbox in a database
 * also `database`, and `fallback`: `{ entries, dead, oldest_seconds, earlier, used_bytes }` of what waits in `data_dir` for it, and of earlier records there, null without a file there.
 */
export async function status({
  admin,
  dir,
  database,
  options: { json },
  terminal,
}: OutboxCommand): Promise<void> {
  const at = terminal.now();
  const used_bytes = await admin.usedBytes();
  const backlogs = (await admin.backlogs(at)).map((backlog) => backlogJson(backlog, at));
  const bridge_running = await admin.isServed();
  const held = bridge_running ? await heldBackends(terminal.env()) : undefined;
  const fallback = database && ((await fallbackIn(dir)) ?? null);
  const where = database ? `schema ${database.schema} of ${database.name}` : dir;
  const texts = [
    `outbox in ${where}: ${size(used_bytes)} in use, ${bridge_running ? 'a' : 'no'} bridge is running on it\n`,
    backlogs.length === 0 ? NOTHING : `\n${table(STATUS_COLUMNS, backlogs.map(statusCells))}`,
    ...(!bridge_running && backlogs.some(({ due }) => due > 0) ? [DUE] : []),
    ...(held ?? []).map((name) => `\n${oneLine(name, 40)} ${HELD}`),
    ...(backlogs.some(({ dead }) => dead > 0) ? [DEAD_LETTERS] : []),
    ...(fallback ? fallbackLines(fallback, dir) : []),
  ];
  const place = database && { database: `${database.name} ${database.schema}` };
  const waiting = fallback !== undefined && { fallback: fallback && fallbackJson(fallback, at) };
  const result = {
    data_dir: dir,
    bridge_running,
    used_bytes,
    backends: backlogs,
    ...(held && { held }),
    ...place,
    ...waiting,
  };
  terminal.out.write(json ? `${printableJson(result)}\n` : texts.join(''));
}

function fallbackLines({ due, dead, earlier }: Fallback, dir: string): string[] {
  const lines = [
    due > 0 && `in ${dir}: ${plural(due, 'entry')} to be handed over to the database`,
    dead > 0 && `in ${dir}: ${plural(dead, 'entry')} that the database cannot store; see outbox list --local`,
    earlier > 0 &&
      `in ${dir}: ${plural(earlier, 'delivery')} of the time before the database; see outbox status --local`,
  ];
  const told = lines.filter((line) => line !== false);
  return told.length === 0 ? [] : ['\n', ...told.map((line) => `${line}\n`)];
}

function fallbackJson({ due, dead, oldestAt, earlier, usedBytes }: Fallback, now: number) {
  const oldest_seconds = oldestAt === undefined ? null : Math.max(0, Math.floor((now - oldestAt) / 1000));
  return { entries: due, dead, oldest_seconds, earlier, used_bytes: usedBytes };
}

const DUE = '\nWhat is due goes out when the bridge starts.\n';
const HELD = `refuses our token: its records wait until it takes it; see ${commandLine('doctor')}\n`;
const DEAD_LETTERS = `\nDead letters are not tried again by themselves: see ${commandLine('outbox list --dead')}\n`;
const STATUS_COLUMNS = [
  { title: 'backend' },
  ...['due', 'waiting', 'oldest', 'dead', 'oldest dead'].map((title) => ({ title, isNumber: true })),
];

function statusCells({ backend, due, waiting, dead, oldest_seconds, oldest_dead_seconds }: BacklogJson) {
  const span = (seconds: number | null) => (seconds === null ? '-' : age(seconds * 1000));
  const counted = [String(due), String(waiting), span(oldest_seconds), String(dead)];
  return [oneLine(backend, 40), ...counted, span(oldest_dead_seconds)];
}

const NUMBERS = new Set(['id', 'age', 'attempts']);
const LIST_COLUMNS = [
  ...['id', 'record_id', 'backend', 'outcome', 'litellm_call_id', 'age', 'attempts', 'state', 'reason'],
].map((title) => ({ title, isNumber: NUMBERS.has(title) }));

/**
 * `outbox list`, oldest first, a row for each backend that has not got a record. With `--json`:
 * `{ total, deliveries: […] }`, see {@link deliveryJson}; `total` counts those beyond `--limit` too.
 */
export async function list({ admin, options, terminal: { out, now } }: OutboxCommand): Promise<void> {
  const at = now();
  const deliveries = (await admin.page(options, 0, options.limit)).slice(0, options.limit);
  const total = await countIn(admin, options);
  if (options.json) {
    const all = deliveries.map((delivery) => deliveryJson(delivery, at));
    out.write(`${printableJson({ total, deliveries: all })}\n`);
  } else if (deliveries.length === 0) {
    out.write(options.dead ? 'no dead letters\n' : NOTHING);
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
    ...[outcome, oneLine(callIdOfKey(callKey) ?? '', 40) || '-', age(now - acceptedAt), String(attempts)],
    // Rounded up: a try never comes earlier than this says
    state === 'waiting' ? `waits ${age(dueAt - now + 999)}` : state,
    oneLine(reason ?? '', 80),
  ];
}

/** `outbox show ID`: a record, see {@link recordJson}; indented, or on one line with `--json`. */
export async function show(command: OutboxCommand): Promise<void> {
  const {
    admin,
    words: [id = ''],
    options: { json },
    terminal,
  } = command;
  const record = await recordJson(admin, await oneId(admin, id), terminal.now());
  if (record === undefined) throw new Error(`record ${id} is gone`);
  terminal.out.write(`${printableJson(record, json ? undefined : 2)}\n`);
}

/**
 * `outbox export`: NDJSON, a line for each record that a backend has not got, see {@link recordJson}, oldest first. With
 * `--out` into a new file that only this user can read; `--json` then prints `{ exported }`.
 */
export async function exportRecords({ admin, options, terminal }: OutboxCommand): Promise<void> {
  const { out, json } = options;
  let exported = 0;
  async function* lines(): AsyncIterable<string> {
    for await (const page of pages(admin, options, EXPORT_PAGE)) {
      for (const id of new Set(page.map(({ record }) => record))) {
        const record = await recordJson(admin, id, terminal.now());
        // It may have been delivered meanwhile
        if (record === undefined || record.deliveries.length === 0) continue;
        exported++;
        yield `${printableJson(record)}\n`;
      }
    }
  }
  await writeLines(lines(), out, terminal);
  if (out === undefined) return;
  terminal.out.write(json ? `${printableJson({ exported })}\n` : `${plural(exported, 'record')} in ${out}\n`);
}

/** Deliveries, oldest first, a page at a time: a long read would keep the bridge from reusing its log. */
export async function* pages(
  admin: OutboxAdmin,
  selection: Selection,
  size: number,
): AsyncIterable<readonly Delivery[]> {
  for (let after = 0; ; ) {
    const page = await admin.page(selection, after, size);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.record;
  }
}

/**
 * The record with an id, or whose `record_id` begins with at least four given digits.
 *
 * @throws InvalidArgumentError for what can be neither, and an Error where there is none or several
 */
export async function oneId(admin: OutboxAdmin, text: string): Promise<number> {
  if (!/^(?:\d{1,15}|[0-9a-f]{4,32})$/i.test(text)) {
    const advice = 'write an id, or how a record_id begins, at least four digits of it';
    throw new InvalidArgumentError(`${text}: ${advice}`);
  }
  const ids = await admin.find(text.toLowerCase());
  const [id] = ids;
  if (id === undefined) throw new Error(`there is no record ${text}`);
  if (ids.length === 1) return id;
  const more = ids.length === MAX_FOUND ? 'at least ' : '';
  throw new Error(`${text} can be ${more}${plural(ids.length, 'record')}, by id ${ids.join(', ')}`);
}

/**
 * @param env names the policy file, which may have backends of which the outbox has nothing
 * @throws InvalidArgumentError for a backend that neither the bridge nor the outbox knows
 */
export async function expectBackend(
  admin: OutboxAdmin,
  backend: string | undefined,
  env: Env,
): Promise<void> {
  const known = new Set([...backends.flatMap(recordingKind), ...(await admin.backends()), INTAKE]);
  if (backend === undefined || known.has(backend)) return;
  for (const name of namesInPolicyFile(env)) known.add(name);
  if (known.has(backend)) return;
  throw new InvalidArgumentError(`--backend: write one of ${[...known].join(', ')}`);
}

/** The name of a kind that the environment can set up, if it takes records. */
function recordingKind({ kind, environment, telemetry }: Backend): string[] {
  return environment === undefined || telemetry === undefined ? [] : [kind];
}
