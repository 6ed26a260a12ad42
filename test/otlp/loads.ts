import { registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';

/** Tells on standard error of each module that is loaded, in any thread. */
registerHooks({
  load(url, context, next) {
    process.stderr.write(`loaded ${isMainThread ? 'main' : 'thread'} ${url}\n`);
    return next(url, context);
  },
});
