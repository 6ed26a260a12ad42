import type { Outage } from './circuit.ts';
import type { StateFailure, StateFeature } from './shared-state.ts';

/** Counts and logs what is not known. */
export type StateObserver = {
  /** Told of each operation that failed, and of each value that cannot be decrypted. */
  failed(feature: StateFeature, reason: StateFailure): void;
  /** Told when an outage begins and ends, with a code for its reason. */
  outage(outage: Outage): void;
};

export type StateObserverOptions = {
  readonly count: (labels: { readonly feature: StateFeature; readonly reason: StateFailure }) => void;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  /** Lines of the log for the begin of an outage and its end. */
  readonly lines: { readonly lost: string; readonly known: string };
};

/** Counts every failure, and logs each outage, and once that another replica has another key. */
export function stateObserver({ count, log, lines }: StateObserverOptions): StateObserver {
  let hasToldOfKey = false;
  return {
    failed(feature, reason) {
      count({ feature, reason });
      if (reason !== 'unreadable' || hasToldOfKey) return;
      hasToldOfKey = true;
      log('warn', { feature }, 'another replica has another STATE_KEY: what it shares cannot be read here');
    },
    outage(outage) {
      if (outage.isOver) log('info', {}, lines.known);
      else log('warn', { code: outage.code }, lines.lost);
    },
  };
}
