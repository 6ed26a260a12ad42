import type { Outages } from './outages.ts';

/** Time that a log POST, a note or a number waits for the database: LiteLLM waits for its reply. */
export const PATIENCE_MS = 2000;

/** The same methods, that fail at once while the database cannot be used, and soon where it is slow. */
export function sharedInTime<Methods extends object>(methods: Methods, outages: Outages): Methods {
  return new Proxy(methods, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...values: unknown[]) =>
        outages.inTime(PATIENCE_MS, () => Reflect.apply(method, target, values));
    },
  });
}
