import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { type BridgeFinding, FINDING_CODES } from './finding.ts';
import { LastMinute } from './last-minute.ts';
import { SHOWN_BY_CALLS, type ShownCode } from './live-texts.ts';

/** Calls of one minute that begin a finding. */
const CALLS_TO_BEGIN = 10;
/** A finding that begins again so soon after it ended has to be away as long before it ends. */
const CLEAN_MS = 60_000;
const SHOWN_CODES = Object.keys(SHOWN_BY_CALLS) as ShownCode[];

export type LiveFindingsOptions = {
  readonly metrics: Pick<Metrics, 'finding' | 'finding_calls_total'>;
  readonly log: Pick<Log, 'warn' | 'info'>;
  /** The findings that do not wait for calls: they begin and end by themselves. */
  readonly states: () => readonly BridgeFinding[];
  /** Unix milliseconds. */
  readonly now?: () => number;
};

/**
 * The findings of live traffic. One that calls show begins when ten of the last minute do, and ends when none of a whole minute does. Told in
 * the log when it begins and ends, and in a metric.
 */
export class LiveFindings {
  readonly #options: Required<LiveFindingsOptions>;
  readonly #minutes = new Map<ShownCode, LastMinute>();
  /** Counts of the last look. */
  readonly #counted = new Map<ShownCode, number>();
  #found: ReadonlyMap<string, BridgeFinding> = new Map();
  /** When each finding of a state showed last, and if it comes and goes. */
  readonly #states = new Map<string, { finding: BridgeFinding; at: number; flaps: boolean }>();

  constructor(options: LiveFindingsOptions) {
    this.#options = { now: Date.now, ...options };
    for (const code of SHOWN_CODES) this.#minutes.set(code, new LastMinute());
  }

  get all(): readonly BridgeFinding[] {
    return [...this.#found.values()];
  }

  /** Calls show what is wrong. @param at when they did, Unix milliseconds */
  shown(code: ShownCode, calls: number, at: number): void {
    if (calls > 0) this.#minutes.get(code)?.add(calls, at);
  }

  /** Called each second: tells what has begun and ended since the last look. */
  look(): void {
    const now = this.#options.now();
    this.#count(now);
    const found = new Map<string, BridgeFinding>();
    for (const finding of [...this.#byCalls(now), ...this.#byStates(now)]) {
      const name = nameOf(finding);
      const { since = new Date(now).toISOString() } = this.#found.get(name) ?? finding;
      if (!found.has(name)) found.set(name, { ...finding, since });
    }
    const before = this.#found;
    this.#found = found;
    for (const [name, finding] of found)
      if (!before.has(name)) this.#tell('warn', finding, 'a finding begins');
    for (const [name, finding] of before)
      if (!found.has(name)) this.#tell('info', finding, 'a finding has ended');
    const codes = new Set([...found.values()].map(({ code }) => code));
    for (const code of FINDING_CODES) this.#options.metrics.finding.set({ code }, codes.has(code) ? 1 : 0);
  }

  /** Takes in what was counted in any process. */
  #count(now: number): void {
    for (const code of SHOWN_CODES) {
      const counted = this.#options.metrics.finding_calls_total.countOf({ code });
      const more = counted - (this.#counted.get(code) ?? 0);
      this.#counted.set(code, counted);
      if (more > 0) this.shown(code, more, now);
    }
  }

  *#byCalls(now: number): Iterable<BridgeFinding> {
    for (const [code, minute] of this.#minutes) {
      const total = minute.total(now);
      const isFound = this.#found.has(`${code} `) ? total > 0 : total >= CALLS_TO_BEGIN;
      const { firstAt = now } = minute;
      if (isFound) yield { code, ...SHOWN_BY_CALLS[code], since: new Date(firstAt).toISOString() };
    }
  }

  /** Those that show, and those that come and go until they were away for a minute. */
  *#byStates(now: number): Iterable<BridgeFinding> {
    for (const finding of this.#options.states()) {
      const name = nameOf(finding);
      const before = this.#states.get(name);
      // Calls and records can tell the same of one backend
      const isBack = before !== undefined && before.at < now && !this.#found.has(name);
      const flaps = before?.flaps === true || isBack;
      this.#states.set(name, { finding, at: now, flaps });
      yield finding;
    }
    for (const [name, { finding, at, flaps }] of this.#states) {
      if (now - at >= CLEAN_MS) this.#states.delete(name);
      else if (at < now && flaps) yield finding;
    }
  }

  #tell(level: 'warn' | 'info', { code, subject, message, advice }: BridgeFinding, line: string): void {
    const about = subject === undefined ? {} : { subject };
    this.#options.log[level]({ finding: code, ...about, message, ...(level === 'warn' && { advice }) }, line);
  }
}

function nameOf({ code, subject = '' }: BridgeFinding): string {
  return `${code} ${subject}`;
}
