import { InvalidArgumentError } from 'commander';
import { stateOf } from '../answers/outbox-json.ts';
import { countIn, type Delivery } from '../outbox/admin.ts';
import { INTAKE, READY } from '../outbox/schema.ts';
import { type OutboxCommand, oneId, pages } from './outbox-read.ts';
import { plural, printableJson } from './output.ts';

/** Deliveries changed in one transaction: the bridge cannot write meanwhile. */
const PAGE = 500;

/** Milliseconds between two lines of progress, where it is not a terminal. */
const PROGRESS_EVERY_MS = 5000;

type RetryCounts = Record<'retried' | 'already_due' | 'held' | 'intake', number>;

/**
 * `outbox retry`: dead letters, and what waits for its next try, are due again now. With `--json`: `{ retried,
 * already_due, held, intake, bridge_running }`. `held` may still give way to another event of their call, and rows of
 * `intake` could not be read: neither is touched. The exit code is 1 if nothing can be done about the IDs given.
 */
export async function retry(command: OutboxCommand): Promise<void> {
  const { admin, terminal } = command;
  const { all, json } = command.options;
  checkWords('retry', command);
  const bridge_running = await admin.isServed();
  const counts: RetryCounts = { retried: 0, already_due: 0, held: 0, intake: 0 };
  await changing(command, async (page) => {
    const at = terminal.now();
    const { retried = [], ...left } = Object.groupBy(page, (one) => fateOf(one, at));
    counts.retried += (await admin.retry(retried, at)).length;
    for (const fate of ['already_due', 'held', 'intake'] as const) counts[fate] += left[fate]?.length ?? 0;
    return `${counts.retried} put back`;
  });
  const result = { ...counts, bridge_running };
  terminal.out.write(json ? `${printableJson(result)}\n` : retryText(result));
  if (!all && counts.retried + counts.already_due === 0) terminal.exitCode = 1;
}

function fateOf(delivery: Delivery, now: number): keyof RetryCounts {
  if (delivery.backend === INTAKE) return 'intake';
  if (delivery.state === READY) return 'already_due';
  return delivery.heldUntil > now && stateOf(delivery, now) === 'waiting' ? 'held' : 'retried';
}

function retryText(result: RetryCounts & { bridge_running: boolean }): string {
  const { retried, already_due, held, intake, bridge_running } = result;
  const now = bridge_running
    ? 'the running bridge takes up what is due'
    : 'what is due goes out when the bridge starts';
  const lines = [
    retried > 0 ? `${plural(retried, 'delivery')} put back: ${now}` : 'nothing was put back',
    already_due > 0 && `${already_due} due already`,
    held > 0 && `${held} not touched: the call may still go on, and another event take the place`,
    intake > 0 && `${intake} of intake cannot be retried: the rows could not be read (see outbox show)`,
  ];
  return lines.map((line) => (line === false ? '' : `${line}\n`)).join('');
}

/**
 * `outbox drop`: gives deliveries up, with the content that no other backend needs. With `--json`: `{ dropped }`.
 *
 * @throws InvalidArgumentError without IDs and `--yes`, with the number that would be dropped
 */
export async function drop(command: OutboxCommand): Promise<void> {
  const { admin, words, options, terminal } = command;
  checkWords('drop', command);
  if (words.length === 0 && !options.yes) {
    const count = plural(await countIn(admin, options), options.dead ? 'dead letter' : 'delivery');
    throw new InvalidArgumentError(`this would drop ${count} for good; add --yes`);
  }
  let dropped = 0;
  await changing(command, async (page) => {
    dropped += (await admin.drop(page)).length;
    return `${dropped} dropped`;
  });
  const text = options.json ? printableJson({ dropped }) : `${plural(dropped, 'delivery')} dropped`;
  terminal.out.write(`${text}\n`);
}

/** @throws InvalidArgumentError for a command line that does not say, or says twice, what to change */
function checkWords(name: 'retry' | 'drop', { words, options: { all, dead } }: OutboxCommand): void {
  if (words.length === 0 && !all && !dead) {
    throw new InvalidArgumentError(`outbox ${name} needs IDs${name === 'drop' ? ', --dead' : ''} or --all`);
  }
  if (words.length > 0 && all) throw new InvalidArgumentError(`outbox ${name} takes IDs or --all, not both`);
}

/**
 * Changes the deliveries of the records that the command names, or without names all of its selection: oldest first, and
 * leaving the bridge as much time between pages as a page took.
 *
 * @param change returns the progress so far: one changing line on a terminal, elsewhere a line every few seconds
 */
async function changing(
  { admin, words, options, terminal }: OutboxCommand,
  change: (page: readonly Delivery[]) => Promise<string>,
): Promise<void> {
  if (words.length > 0) {
    const ids = new Set<number>();
    for (const word of words) ids.add(await oneId(admin, word));
    const found: Delivery[] = [];
    for (const id of ids) found.push(...(await admin.deliveriesOf(id, options)));
    await change(found);
    return;
  }
  const { err, now, sleep } = terminal;
  let shown = '';
  let shownAt = Number.NEGATIVE_INFINITY;
  for await (const page of pages(admin, options, PAGE)) {
    const startedAt = performance.now();
    const text = await change(page);
    if (page.length >= PAGE && (err.isTTY || now() - shownAt >= PROGRESS_EVERY_MS)) {
      err.write(err.isTTY ? `\r${text}` : `${text}\n`);
      [shown, shownAt] = [text, now()];
    }
    await sleep(Math.max(1, performance.now() - startedAt));
  }
  if (err.isTTY && shown !== '') err.write(`\r${' '.repeat(shown.length)}\r`);
}
