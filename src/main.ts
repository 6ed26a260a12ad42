#!/usr/bin/env node
import './node-version.cjs';
import module from 'node:module';
import { extname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// From source npm gives the flags
const [command = 'serve'] = process.argv.slice(2);
if (command === 'serve' && extname(import.meta.filename) === '.js')
  (await import('./config/heap-bounds.ts')).boundHeap();

// V8 puts what a busy line of code makes into old space from the start. Most of it is dead a moment later, and dead there it
// holds its whole call until the next major collection: with one vendor and 32 callers that was 15 % of the time, and the p99
setFlagsFromString('--no-allocation-site-pretenuring');

// Compiled code is kept from one start to the next: 0.52 s to the first call from source become 0.34 on one core. In the folder
// of the package and not in /tmp, where others could put code; nothing happens where that cannot be written
module.enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'guardrail-bridge'));

// Everything else is loaded only now: an older Node.js could not, and would not get to say so
const { run } = await import('./cli/run.ts');
process.exitCode = await run(process.argv.slice(2));
