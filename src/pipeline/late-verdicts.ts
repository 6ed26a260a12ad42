import type { GuardrailCall } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { listIn } from '../state/list.ts';
import { orNothing, type SharedKey, type SharedState } from '../state/shared-state.ts';
import type { StoppedResponse, TrailingChecks } from './trailing-checks.ts';

/** As long as a replica by itself remembers them. */
const AGE_MS = 10 * 60_000;
const MAX_OF_CALL = 16;

/**
 * Has replicas know the verdicts against responses that seemed to have ended: if one goes on after all, it is stopped wherever its next
 * round comes, also where the vendor would not be asked again so soon.
 */
export class LateVerdicts {
  readonly #state: SharedState;
  readonly #trailing: TrailingChecks;

  constructor(state: SharedState, trailing: TrailingChecks) {
    this.#state = state;
    this.#trailing = trailing;
  }

  /** Learns the verdicts against a response; undefined where there can be none. Does not reject where the store cannot be reached. */
  fetch(call: GuardrailCall): Promise<void> | undefined {
    const id = call.input_type === 'response' ? stateKey(call) : undefined;
    return id === undefined ? undefined : this.#fetch(id);
  }

  /** @param asker names backend and caller rule alike on all replicas */
  async tell(asker: string, call: GuardrailCall, { texts, result }: StoppedResponse): Promise<void> {
    const id = stateKey(call);
    if (id === undefined) return;
    const key = keyOf(id);
    const { backend, mode, unreachableFallback, seconds } = result;
    const told = 'verdict' in result && {
      backend,
      mode,
      unreachableFallback,
      seconds,
      verdict: result.verdict,
    };
    await orNothing(
      this.#state.update([key], (before) => {
        const all = [...listIn(before.get(key)), [asker, texts, told]].slice(-MAX_OF_CALL);
        return {
          writes: [{ key, value: Buffer.from(JSON.stringify(all)), ttlMs: AGE_MS }],
          result: undefined,
        };
      }),
    );
  }

  async #fetch(id: string): Promise<void> {
    const key = keyOf(id);
    for (const one of listIn((await orNothing(this.#state.read([key])))?.get(key))) {
      const [asker, texts, result] = Array.isArray(one) ? one : [];
      if (typeof asker !== 'string' || !Array.isArray(texts)) continue;
      this.#trailing.tell(lateKey(asker, id), { texts, result: result as CheckResult });
    }
  }
}

/** Names a verdict that any replica can have told. */
export const lateKey = (asker: string, id: string): string => `late\0${asker}\0${id}`;

const keyOf = (id: string): SharedKey => `late_verdicts:${id}`;
