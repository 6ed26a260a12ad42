import { isDeepStrictEqual } from 'node:util';
import { sinkOf } from '../backends/sinks.ts';
import type { NamedSink } from '../delivery/courier.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { RecordsSetup } from './protocol.ts';
import { RecordRules } from './record-rules.ts';

/** Time for a guardrail call to reach a backend and return, added to its deadline. */
const RESPONSE_CHECK_LAG_MS = 2000;

/** The backends that take records, and the rules, that are in force. */
export class InForce {
  #configs: readonly BackendConfig[] = [];
  sinks: readonly NamedSink[] = [];
  rules = new RecordRules([]);
  /** Time that a response may still be judged after LiteLLM has logged it. */
  responseCheckMs = RESPONSE_CHECK_LAG_MS;

  constructor(setup: RecordsSetup) {
    this.update(setup);
  }

  get backends(): readonly string[] {
    return this.sinks.map(({ name }) => name);
  }

  /** Puts others in force. What did not change stays the same object. */
  update({ backends, rules }: RecordsSetup): void {
    const before = new Map(this.sinks.map(({ name, sink }) => [name, sink]));
    this.sinks = backends.flatMap((backend) => {
      const { name } = backend;
      const isKnown = this.#configs.some((config) => isDeepStrictEqual(config, backend));
      const sink = (isKnown ? before.get(name) : undefined) ?? sinkOf(backend);
      return sink === undefined ? [] : [{ name, sink }];
    });
    this.#configs = backends;
    this.rules = new RecordRules(rules);
    this.responseCheckMs = Math.max(0, ...backends.map(({ timeoutMs }) => timeoutMs)) + RESPONSE_CHECK_LAG_MS;
  }
}
