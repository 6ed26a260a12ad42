import { type Command, InvalidArgumentError } from 'commander';
import {
  createReplayJudge,
  REPLAY_SETTINGS,
  type ReplayJudge,
  readPolicy,
} from '../answers/policy-engine.ts';
import { readSettings } from '../config/config.ts';
import type { DecisionThen } from '../decisions/decision-then.ts';
import { inTime, type KeptCall, type KeptRange, ReplayReader } from '../decisions/replay-reader.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { withPassages } from '../guardrail/read-passages.ts';
import { parseGuardrailCall } from '../litellm/request.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { plural } from './output.ts';
import { ReplayChanges } from './replay-changes.ts';
import { type Fate, fateNow, fateThen, partBy, type Unknown } from './replay-part.ts';
import { printReplay, type ReplayReport, replayJson } from './replay-report.ts';
import { momentOf, type Terminal } from './terminal.ts';

type ReplayOptions = {
  readonly since: number;
  readonly until?: number;
  readonly team?: string;
  readonly limit?: number;
  readonly against?: string;
  readonly dir?: readonly string[];
  readonly json?: boolean;
};

const ABOUT = `
It needs calls that a bridge has kept, which it does where REPLAY_DAYS is set, and
asks no backend: each that the file still has is taken to say what it said then,
if it enforces. It prints references and call ids, never content. Of the settings it
reads DATA_DIR, and those by which a decision goes beside its policy file.`;

const HOUR_MS = 3_600_000;
/** Calls before the time that is asked for are judged too, and not counted: policies keep state of them. */
const WARM_UP_MS = HOUR_MS;
const PROGRESS_MS = 500;
const MAX_LIMIT = 100_000_000;

/** Adds `policy replay`. */
export function addPolicyReplay(policy: Command, terminal: Terminal): void {
  policy
    .command('replay')
    .description('judge the calls that were kept by another policy file, and print what would change')
    .argument('<file>', 'a policy file')
    .option('--since <time>', 'calls from then on: 24h, 7d, or 2026-11-21T10:00:00Z', momentOf(terminal.now))
    .option('--until <time>', 'calls before then', momentOf(terminal.now))
    .option('--team <team>', 'calls of one team, by alias or id')
    .option('--limit <n>', 'the newest calls, so many at most', limitOf)
    .option('--against <file>', 'compare with what this file says today, not with what was decided then')
    .option('--dir <folder>', 'the DATA_DIR of a bridge; can be given several times', append)
    .option('--json', 'print { version, calls, changes, groups, stays, unknown, … }')
    .addHelpText('after', ABOUT)
    .action((file: string, options: ReplayOptions) => replay(file, options, terminal));
}

const append = (text: string, before: readonly string[] = []) => [...before, text];

function limitOf(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw new InvalidArgumentError(`Write a number, 1 to ${MAX_LIMIT}`);
  return limit;
}

async function replay(path: string, options: ReplayOptions, terminal: Terminal): Promise<void> {
  const env = terminal.env();
  const file = readPolicy(path, env);
  const against = options.against === undefined ? undefined : readPolicy(options.against, env);
  for (const warning of file.warnings) terminal.err.write(`warning: ${warning}\n`);
  const set = readSettings(env, 'DATA_DIR', ...REPLAY_SETTINGS);
  const dirs = options.dir !== undefined ? options.dir : [set.DATA_DIR];
  const readers = dirs.flatMap((dir) => ReplayReader.open(dir) ?? []);
  try {
    const wanted = wantedOf(readers, dirs, options);
    const judging = new Replay(file, against, (of) => createReplayJudge(of, set));
    const judged = await judging.run(readers, wanted, progressOn(terminal, wanted.calls));
    const report: ReplayReport = { ...judged, path, file, againstPath: options.against, against };
    terminal.out.write(options.json ? replayJson(report) : printReplay(report));
  } finally {
    for (const reader of readers) reader.close();
  }
}

/** The calls that are counted: all of a range but for the first few. */
type Wanted = { readonly range: KeptRange; readonly calls: number; readonly skipped: number };

/** @throws Error if there is none */
function wantedOf(
  readers: readonly ReplayReader[],
  dirs: readonly string[],
  { since = 0, until = Number.MAX_SAFE_INTEGER, limit, team: named }: ReplayOptions,
): Wanted {
  const count = (range: KeptRange) => readers.reduce((sum, reader) => sum + reader.count(range), 0);
  const kept = count({ since: 0, until: Number.MAX_SAFE_INTEGER, team: null });
  if (kept === 0) {
    const advice = 'set REPLAY_DAYS=7 where the bridge runs and start it again; calls are kept from then on';
    throw new Error(`no calls are kept in ${dirs.join(', ')}: ${advice}`);
  }
  const team = named ?? null;
  const range = { since, until, team };
  const calls = count(range);
  if (calls === 0) {
    const whose = team === null ? '' : ` of team ${JSON.stringify(team)}`;
    throw new Error(`no call${whose} is kept of that time, of ${plural(kept, 'call')} in all`);
  }
  if (limit === undefined || limit >= calls) return { range, calls, skipped: 0 };
  const newest = readers.flatMap((reader) => reader.newest(range, limit)).sort((a, b) => b - a);
  const last = { ...range, since: newest[limit - 1] ?? since };
  // Several can be of one millisecond
  return { range: last, calls: limit, skipped: count(last) - limit };
}

/** Tells a terminal how far it is. */
function progressOn({ err, now }: Terminal, total: number): (calls: number, isDone?: boolean) => void {
  if (!err.isTTY) return () => {};
  const begun = now();
  let told = begun;
  return (calls, isDone = false) => {
    const at = now();
    if (isDone) err.write('\r\u001b[K');
    if (isDone || at - told < PROGRESS_MS) return;
    told = at;
    const speed = Math.round((1000 * calls) / Math.max(1, at - begun));
    err.write(`\r${calls} of ${total} calls, ${speed} a second\u001b[K`);
  };
}

/** One side of the comparison. */
type Side = { readonly file: PolicyFile; readonly judge: ReplayJudge };

class Replay {
  readonly #now: Side;
  /** Undefined where it is what was decided then. */
  readonly #before: Side | undefined;
  readonly #changes = new ReplayChanges();

  constructor(file: PolicyFile, against: PolicyFile | undefined, judgeBy: (file: PolicyFile) => ReplayJudge) {
    this.#now = { file, judge: judgeBy(file) };
    this.#before = against && { file: against, judge: judgeBy(against) };
  }

  async run(
    readers: readonly ReplayReader[],
    { range, skipped }: Wanted,
    progress: (calls: number, isDone?: boolean) => void,
  ): Promise<Pick<ReplayReport, 'changes' | 'seconds' | 'first'>> {
    const begun = performance.now();
    let first: number | undefined;
    let left = skipped;
    for (const kept of inTime(readers, { ...range, since: range.since - WARM_UP_MS })) {
      const { at } = kept.decision;
      const isCounted = at >= range.since && left-- <= 0;
      if (isCounted) first ??= at;
      await this.#replay(kept, isCounted);
      progress(this.#changes.calls);
    }
    progress(this.#changes.calls, true);
    return {
      changes: this.#changes,
      seconds: (performance.now() - begun) / 1000,
      first: first ?? range.since,
    };
  }

  async #replay(kept: KeptCall, isCounted: boolean): Promise<void> {
    const { decision, lack } = kept;
    const call = callOf(kept);
    const after = call === undefined ? (lack ?? 'unreadable') : await fateBy(this.#now, call, kept);
    const before =
      call === undefined || this.#before === undefined
        ? fateOfThen(decision)
        : await fateBy(this.#before, call, kept);
    if (!isCounted) return;
    if (typeof after === 'string') this.#changes.addUnknown(decision, after);
    else if (typeof before === 'string') this.#changes.addUnknown(decision, before);
    else this.#changes.addJudged(decision, before, after, lack === undefined);
  }
}

async function fateBy({ file, judge }: Side, call: GuardrailCall, kept: KeptCall): Promise<Fate | Unknown> {
  const decision = await judge(call, kept.decision);
  const part = partBy(file, decision, kept.decision, kept.lack);
  return typeof part === 'string' ? part : fateNow(part, decision, kept.decision);
}

const fateOfThen = (decision: DecisionThen): Fate | Unknown =>
  decision.part.why === 'failed' ? 'failed_then' : fateThen(decision);

/** The call as it was judged; undefined where it is not kept, or cannot be read. */
function callOf({ decision, content }: KeptCall): GuardrailCall | undefined {
  if (content === undefined) return undefined;
  const parsed = parseGuardrailCall(content, Number.POSITIVE_INFINITY);
  if ('bad' in parsed) return undefined;
  const { shape, door } = decision;
  if (parsed.call.shape === shape && door === undefined) return parsed.call;
  const { passages: _, ...fields } = parsed.call;
  return withPassages({ ...fields, shape, ...(door && { door }) }, Number.POSITIVE_INFINITY);
}
