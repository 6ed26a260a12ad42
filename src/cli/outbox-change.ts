import { isServed, type Ledger, openLedger } from '../outbox/ledger.ts';
import type { Delivery } from '../outbox/ledger-reads.ts';
import { INTAKE, READY } from '../outbox/schema.ts';
import { checkBackend, oneId } from './outbox-choice.ts';
import { stateOf } from './outbox-json.ts';
import { createProgress } from './outbox-progress.ts';
import { many, printableJson } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseOptions, UsageError } from './usage.ts';

/** Deliveries changed in one transaction: the bridge cannot write meanwhile. */
const PAGE = 500;

type Choice = {
  readonly ids: readonly number[] | undefined;
  readonly backend?: string | undefined;
  readonly dead?: boolean | undefined;
};

/**
 * `outbox retry`: dead letters, and what waits for its next try, are due again now. With `--json`: `{ retried,
 * already_due, held, intake, bridge_running }`. `held` may still give way to another event of their call, and rows of
 * `intake` could not be read: neither is touched. The exit code is 1 if nothing can be done about the IDs given.
 */
export async function retry(args: readonly string[], dir: string, terminal: Terminal): Promise<number> {
  const { values, words } = parseOptions(args, {
    backend: { type: 'string' },
    all: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  if (words.length === 0 && !values.all) throw new UsageError('outbox retry needs IDs or --all');
  if (words.length > 0 && values.all) throw new UsageError('outbox retry takes IDs or --all, not both');
  const isRunning = isServed(dir);
  const ledger = openLedger(dir, 'write');
  const progress = createProgress(terminal);
  try {
    checkBackend(ledger, values.backend);
    const ids = values.all ? undefined : words.map((word) => oneId(ledger, word));
    const counts = { retried: 0, already_due: 0, held: 0, intake: 0 };
    await eachPage(ledger, { ids, backend: values.backend }, terminal, (page) => {
      const at = terminal.now();
      const isHeld = (one: Delivery) => one.heldUntil > at && stateOf(one, at) === 'waiting';
      const readable = page.filter(({ backend }) => backend !== INTAKE);
      const late = readable.filter((one) => one.state !== READY && !isHeld(one));
      const changed = ledger.retry(late, at);
      counts.retried += changed.length;
      counts.already_due += readable.filter(({ state }) => state === READY).length;
      counts.held += readable.filter(isHeld).length;
      counts.intake += page.length - readable.length;
      if (page.length >= PAGE) progress.show(`${counts.retried} put back`);
    });
    progress.end();
    const json = () => `${printableJson({ ...counts, bridge_running: isRunning })}\n`;
    terminal.out.write(values.json ? json() : retryText(counts, isRunning));
    return !values.all && counts.retried + counts.already_due === 0 ? 1 : 0;
  } finally {
    progress.end();
    ledger.close();
  }
}

type RetryCounts = Readonly<Record<'retried' | 'already_due' | 'held' | 'intake', number>>;

function retryText({ retried, already_due, held, intake }: RetryCounts, isRunning: boolean): string {
  const now = isRunning
    ? 'the running bridge takes up what is due'
    : 'what is due goes out when the bridge starts';
  const lines = [
    retried > 0 ? `${many(retried, 'delivery')} put back: ${now}` : 'nothing was put back',
    ...(already_due > 0 ? [`${already_due} due already`] : []),
    ...(held > 0 ? [`${held} not touched: the call may still go on, and another event take the place`] : []),
    ...(intake > 0
      ? [`${intake} of intake cannot be retried: the rows could not be read (see outbox show)`]
      : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * `outbox drop`: gives deliveries up, with the content that no other backend needs. With `--json`: `{ dropped }`.
 * Without IDs it says how many it would drop, and does it only with `--yes`.
 */
export async function drop(args: readonly string[], dir: string, terminal: Terminal): Promise<number> {
  const { values, words } = parseOptions(args, {
    backend: { type: 'string' },
    dead: { type: 'boolean' },
    all: { type: 'boolean' },
    yes: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const { backend, dead } = values;
  if (words.length === 0 && !values.all && !dead)
    throw new UsageError('outbox drop needs IDs, --dead or --all');
  if (words.length > 0 && values.all) throw new UsageError('outbox drop takes IDs or --all, not both');
  const ledger = openLedger(dir, words.length > 0 || values.yes ? 'write' : 'read');
  const progress = createProgress(terminal);
  try {
    checkBackend(ledger, backend);
    if (words.length === 0 && !values.yes) {
      const count = many(ledger.count({ backend, dead }), dead ? 'dead letter' : 'delivery');
      throw new UsageError(`this would drop ${count} for good; add --yes`);
    }
    const ids = words.length === 0 ? undefined : words.map((word) => oneId(ledger, word));
    let dropped = 0;
    await eachPage(ledger, { ids, backend, dead }, terminal, (page) => {
      dropped += ledger.drop(page).length;
      if (page.length >= PAGE) progress.show(`${dropped} dropped`);
    });
    progress.end();
    const text = `${many(dropped, 'delivery')} dropped`;
    terminal.out.write(`${values.json ? printableJson({ dropped }) : text}\n`);
    return 0;
  } finally {
    progress.end();
    ledger.close();
  }
}

/** Goes through what is chosen, oldest first, and leaves the bridge as much time between pages as a page took. */
async function eachPage(
  ledger: Ledger,
  { ids, ...selection }: Choice,
  { sleep }: Terminal,
  change: (page: readonly Delivery[]) => void,
): Promise<void> {
  if (ids !== undefined) {
    change([...new Set(ids)].flatMap((id) => ledger.deliveriesOf(id, selection)));
    return;
  }
  for (let after = 0; ; ) {
    const page = ledger.page(selection, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    const startedAt = performance.now();
    change(page);
    after = last.record;
    await sleep(Math.max(1, performance.now() - startedAt));
  }
}
