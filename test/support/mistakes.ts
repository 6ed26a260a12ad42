import { isMainThread } from 'node:worker_threads';

/*
 * Loaded into a process of the bridge before all else (`node --import`): makes mistakes that nothing catches. On a signal in the
 * process itself; a certain text ends the thread of records, as a lack of memory would.
 */

/** What an error might quote. */
const QUOTE = 'nightingale\n    at the nightingale of a caller';

if (isMainThread) {
  process.on('SIGUSR2', () => {
    for (const error of [new Error(QUOTE), undefined, { toString: 1, message: 1, stack: 1 }]) {
      void Promise.reject(error);
    }
  });
  process.on('SIGWINCH', () => {
    setImmediate(() => {
      throw new Error(QUOTE);
    });
    setTimeout(() => {
      throw null;
    });
    process.nextTick(() => {
      throw Object.create(null);
    });
  });
} else {
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    if (String(text).includes('deadly nightshade')) process.exit(1);
    return parse(text, reviver);
  };
}
