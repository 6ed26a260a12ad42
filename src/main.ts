#!/usr/bin/env node
import './node-version.cjs';

// Everything else is loaded only now: an older Node.js could not, and would not get to say so
const { run } = await import('./cli/run.ts');
process.exitCode = await run(process.argv.slice(2));
