import { InvalidArgumentError } from 'commander';
import { type Delivery, isServed, OutboxAdmin, type Selection } from '../outbox/admin.ts';
import { INTAKE, READY } from '../outbox/schema.ts';
import { stateOf } from './outbox-json.ts';
import { expectBackend, oneId } from './outbox-read.ts';
import { plural, printableJson } from './output.ts';
import { Progress, type Terminal } from './terminal.ts';

/** Deliveries changed in one transaction: the bridge cannot write meanwhile. */
const PAGE = 500;

export type RetryOptions = { readonly backend?: string; readonly all?: boolean; readonly json?: boolean };

/**
 * `outbox retry`: dead letters, and what waits for its next try, are due again now. With `--json`: `{ retried,
 * already_due, held, intake, bridge_running }`. `held` may still give way to another event of their call, and rows of
 * `intake` could not be read: neither is touched. The exit code is 1 if nothing can be done about the IDs given.
 */
export async function retry(
  words: readonly string[],
  { backend, all = false, json }: RetryOptions,
  dir: string,
  terminal: Terminal,
): Promise<void> {
  if (words.length === 0 && !all) throw new InvalidArgumentError('outbox retry needs IDs or --all');
  if (words.length > 0 && all) throw new InvalidArgumentError('outbox retry takes IDs or --all, not both');
  const isRunning = isServed(dir);
  const counts = { retried: 0, already_due: 0, held: 0, intake: 0 };
  await changing(dir, { words, backend }, terminal, (page, admin) => {
    const at = terminal.now();
    const isHeld = (one: Delivery) => one.heldUntil > at && stateOf(one, at) === 'waiting';
    const readable = page.filter((one) => one.backend !== INTAKE);
    const late = readable.filter((one) => one.state !== READY && !isHeld(one));
    counts.retried += admin.retry(late, at).length;
    counts.already_due += readable.filter(({ state }) => state === READY).length;
    counts.held += readable.filter(isHeld).length;
    counts.intake += page.length - readable.length;
    return `${counts.retried} put back`;
  });
  const result = { ...counts, bridge_running: isRunning };
  terminal.out.write(json ? `${printableJson(result)}\n` : retryText(counts, isRunning));
  if (!all && counts.retried + counts.already_due === 0) terminal.exitCode = 1;
}

type RetryCounts = Readonly<Record<'retried' | 'already_due' | 'held' | 'intake', number>>;

function retryText({ retried, already_due, held, intake }: RetryCounts, isRunning: boolean): string {
  const now = isRunning
    ? 'the running bridge takes up what is due'
    : 'what is due goes out when the bridge starts';
  const lines = [
    retried > 0 ? `${plural(retried, 'delivery')} put back: ${now}` : 'nothing was put back',
    already_due > 0 && `${already_due} due already`,
    held > 0 && `${held} not touched: the call may still go on, and another event take the place`,
    intake > 0 && `${intake} of intake cannot be retried: the rows could not be read (see outbox show)`,
  ];
  return lines.flatMap((line) => (line === false ? [] : `${line}\n`)).join('');
}

export type DropOptions = Selection & {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
};

/**
 * `outbox drop`: gives deliveries up, with the content that no other backend needs. With `--json`: `{ dropped }`.
 *
 * @throws InvalidArgumentError without IDs and `--yes`, with the number that would be dropped
 */
export async function drop(
  words: readonly string[],
  { backend, dead, all = false, yes, json }: DropOptions,
  dir: string,
  terminal: Terminal,
): Promise<void> {
  if (words.length === 0 && !all && !dead) {
    throw new InvalidArgumentError('outbox drop needs IDs, --dead or --all');
  }
  if (words.length > 0 && all) throw new InvalidArgumentError('outbox drop takes IDs or --all, not both');
  if (words.length === 0 && !yes) refuseToDrop(dir, { backend, dead });
  let dropped = 0;
  await changing(dir, { words, backend, dead }, terminal, (page, admin) => {
    dropped += admin.drop(page).length;
    return `${dropped} dropped`;
  });
  terminal.out.write(json ? `${printableJson({ dropped })}\n` : `${plural(dropped, 'delivery')} dropped\n`);
}

function refuseToDrop(dir: string, selection: Selection): never {
  const admin = new OutboxAdmin(dir, 'read');
  try {
    expectBackend(admin, selection.backend);
    const count = plural(admin.count(selection), selection.dead ? 'dead letter' : 'delivery');
    throw new InvalidArgumentError(`this would drop ${count} for good; add --yes`);
  } finally {
    admin.close();
  }
}

/**
 * Changes the deliveries of the records that `words` name, or without words all of a selection: oldest first, and leaving
 * the bridge as much time between pages as a page took.
 *
 * @param change returns the progress so far
 */
async function changing(
  dir: string,
  { words, ...selection }: Selection & { readonly words: readonly string[] },
  terminal: Terminal,
  change: (page: readonly Delivery[], admin: OutboxAdmin) => string,
): Promise<void> {
  const admin = new OutboxAdmin(dir, 'write');
  const progress = new Progress(terminal);
  try {
    expectBackend(admin, selection.backend);
    if (words.length > 0) {
      const ids = new Set(words.map((word) => oneId(admin, word)));
      change(
        [...ids].flatMap((id) => admin.deliveriesOf(id, selection)),
        admin,
      );
      return;
    }
    for (let after = 0; ; ) {
      const page = admin.page(selection, after, PAGE);
      const last = page.at(-1);
      if (last === undefined) return;
      const startedAt = performance.now();
      const text = change(page, admin);
      if (page.length >= PAGE) progress.show(text);
      after = last.record;
      await terminal.sleep(Math.max(1, performance.now() - startedAt));
    }
  } finally {
    progress.end();
    admin.close();
  }
}
