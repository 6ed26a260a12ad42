import { LRUCache } from 'lru-cache';
import { stateKey } from '../guardrail/caller.ts';
import { type AuditOptions, actionOf, type Decision } from '../guardrail/decision.ts';
import { boundedBy } from '../guardrail/memory.ts';
import type { AuditLog } from './log.ts';
import { type AuditRow, auditRow } from './row.ts';

/** Longer than LiteLLM lets a stream pause: its own timeout is 600 s. */
const RESPONSE_TTL_MS = 15 * 60_000;

/** Takes rows: the log, or a thread or process that has it. */
export type AuditSink = Pick<AuditLog, 'append' | 'lost' | 'isUp' | 'setRetention' | 'close'> & {
  /** False while rows do not reach the database; undefined where there is none. */
  readonly isShipping?: () => boolean;
  /** Resolves when the rows before outlive this process: replies wait for it; undefined where they do at once. It never rejects. */
  readonly writing?: Promise<void> | undefined;
};

export type AuditorOptions = {
  /** Called the first time that something is to be written. */
  readonly openLog: () => AuditSink;
  /** Options of the policies in force, for calls that they could not judge. */
  readonly wanted: () => AuditOptions | undefined;
  /** Called for each decision that could not be written. */
  readonly onLost: () => void;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: () => number;
};

/** Writes decisions to the log, as far as the policies in force want them written. */
export class Auditor {
  readonly #options: AuditorOptions;
  /** Undefined until a policy wants decisions written. */
  #log: AuditSink | undefined;
  /** Retention that was set in the log. */
  #retentionDays: number | undefined;
  /** The last decision about each response, to leave out rounds of a stream that repeat it. */
  readonly #responses: LRUCache<string, string>;

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#responses = new LRUCache({
      ttl: RESPONSE_TTL_MS,
      ttlResolution: 0,
      ...boundedBy('state of calls', (row: string) => row.length),
      perf: { now: options.now ?? (() => performance.now()) },
    });
  }

  /** Opens the log if it is wanted and not open yet; for the start and after the policy file changed. */
  prepare(): void {
    const options = this.#options.wanted();
    if (options !== undefined) this.#logFor(options);
  }

  decided(decision: Decision): void {
    const { policies, outcome } = decision;
    const options = policies === undefined ? this.#options.wanted() : policies.audit;
    if (options === undefined || (!options.logsAll && outcome.kind === 'allow')) return;
    if (isPassedListing(decision) || this.#isRepetition(decision)) return;
    this.#append(this.#logFor(options), auditRow(decision));
  }

  /** Writes the row of a decision that was made in another thread or process. */
  append(row: AuditRow): void {
    const wanted = this.#options.wanted();
    if (wanted !== undefined) this.#append(this.#logFor(wanted), row);
    else if (this.#log !== undefined) this.#append(this.#log, row);
  }

  /** True if all that was wanted is written. */
  isUp(): boolean {
    return this.#log?.isUp() ?? true;
  }

  /** False while rows do not reach the database. */
  isShipping(): boolean {
    return this.#log?.isShipping?.() ?? true;
  }

  /** Resolves when the rows before outlive this process: replies wait for it; undefined where they do at once. It never rejects. */
  get writing(): Promise<void> | undefined {
    return this.#log?.writing;
  }

  async close(): Promise<void> {
    await this.#log?.close();
  }

  #append(log: AuditSink, row: AuditRow): void {
    const lost = log.lost();
    log.append(row);
    if (log.lost() > lost) this.#options.onLost();
  }

  #logFor({ retentionDays }: AuditOptions): AuditSink {
    this.#log ??= this.#options.openLog();
    if (retentionDays !== this.#retentionDays) this.#log.setRetention(retentionDays);
    this.#retentionDays = retentionDays;
    return this.#log;
  }

  /** True for a round of a streamed response that passes as the round before did. */
  #isRepetition(decision: Decision): boolean {
    const { call, policies } = decision;
    const key = stateKey(call);
    if (key === undefined || call.input_type === 'request') return false;
    const action = actionOf(decision);
    const row = JSON.stringify([action, policies?.version, policies?.callerRule, policies?.notes]);
    const before = this.#responses.get(key);
    this.#responses.set(key, row);
    return action === 'NONE' && policies?.continues === true && before === row;
  }
}

/** True for the definition of an MCP tool that passes in a list: every client lists all tools again and again. */
function isPassedListing({ call, outcome }: Decision): boolean {
  return call.shape === 'mcp_tool' && call.litellm_call_id === null && outcome.kind === 'allow';
}
