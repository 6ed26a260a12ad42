import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };
import type { GuardrailCall } from '../src/guardrail/call.ts';
import { MEMORY_MB, memoryBytes } from '../src/guardrail/memory.ts';
import { AnswerModels } from '../src/policies/kinds/answer-models.ts';
import { RequestedModels } from '../src/policies/requested-models.ts';
import { CallColumns } from '../src/records/call-columns.ts';
import { callOf } from './support/call.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The rows of the table in the guide: name, MB, and how many there are. */
const rows = [...read('examples/operations/README.md').matchAll(/^\| ([a-z ]+) \| (\d+) \| (\d+) \|/gm)].map(
  ([, name, mb, times]) => ({ name, mb: Number(mb), times: Number(times) }),
);
const sumOf = (some: typeof rows) => some.reduce((total, { mb, times }) => total + mb * times, 0);
const sum = sumOf(rows);
const AGAIN = 'all from known texts to sessions of agents';
/** The program with its threads and their young generations, SQLite, and calls and events under way with their copies. */
const BESIDE_MB = 180 + 3 * 24 + 8 + 3 * (5 * 32 + 64);

test('the guide lists every memory with its bound, and their sum', () => {
  const own = rows.filter(({ name }) => name !== AGAIN);
  expect(Object.fromEntries(own.map(({ name, mb }) => [name, mb]))).toEqual(MEMORY_MB);
  const names = rows.map(({ name }) => name);
  const again = rows.slice(names.indexOf('known texts'), names.indexOf('sessions of agents') + 1);
  expect(rows.find(({ name }) => name === AGAIN)).toMatchObject({ mb: sumOf(again), times: 1 });
  expect(read('examples/operations/README.md')).toContain(`| **sum** | **${sum}** | | |`);
});

test('the limits of the examples are above what the bridge may hold', () => {
  for (const file of ['sidecar', 'service']) {
    const workload = read(`examples/kubernetes/${file}.yaml`)
      .split(/^---$/m)
      .find((one) => /^kind: StatefulSet/m.test(one));
    const { spec } = parse(workload ?? '').spec.template;
    const [bridge] = spec.initContainers ?? spec.containers;
    expect(bridge.resources.limits.memory).toBe('2Gi');
  }
  expect(parse(read('docker-compose.yml')).services.bridge.mem_limit).toBe('2g');
  expect(sum + BESIDE_MB).toBeLessThan(2048);
});

test('the limits of the chart are above what a primary and its workers may hold', () => {
  const OF_RECORDS = [
    'notes',
    'table of notes',
    'streamed texts',
    'first texts',
    'early records',
    'early checks',
    'blocked results',
  ];
  const records = sumOf(rows.filter(({ name }) => OF_RECORDS.includes(name ?? '')));
  const OF_BOTH = ['log lines', 'messages about records', 'decisions', 'traces and log lines'];
  const both = sumOf(rows.filter(({ name }) => OF_BOTH.includes(name ?? '')));
  const [worker, primary] = [sum - records, records + both + 128];
  expect(read('examples/operations/README.md')).toContain(`N × ${worker} + ${primary} MB`);
  // Each has the program and two threads; posts of log events also wait on their way to the primary
  const besideWorker = 160 + 2 * 24 + 3 * (5 * 32 + 64);
  const besidePrimary = 180 + 2 * 24 + 8 + 3 * 64;
  const chart = read('examples/kubernetes/chart/templates/_bridge.tpl');
  expect(chart).toContain('limits: { memory: {{ add (mul $workers 2) (ternary 1 0 (gt $workers 1)) }}Gi }');
  for (let n = 2; n <= 64; n++)
    expect(n * (worker + besideWorker) + primary + besidePrimary).toBeLessThan(1024 * (2 * n + 1));
});

test('npm start and the image bound the heap alike', () => {
  const flags = packageJson.scripts.start.match(/--max-\S+/g);
  expect(flags).toEqual(['--max-semi-space-size=8', '--max-old-space-size=768']);
  expect(packageJson.scripts.dev.match(/--max-\S+/g)).toEqual(flags);
  const entry = /^ENTRYPOINT (.*)$/m.exec(read('Dockerfile'))?.[1] ?? '';
  expect(JSON.parse(entry)).toEqual(['node', ...(flags ?? []), 'dist/main.js']);
});

test('the table of notes has room for as many calls as are kept', () => {
  const calls = new CallColumns(262_144).bytes;
  expect(calls + 131_072 * 24).toBeLessThan(memoryBytes('table of notes'));
});

test.each([
  {
    name: 'rules',
    asker: () => {
      const models = new RequestedModels([['gpt-*']]);
      return (call: GuardrailCall) => models.of(call);
    },
  },
  {
    name: 'rbac',
    asker: () => {
      const models = new AnswerModels();
      return (call: GuardrailCall) => {
        if (call.input_type === 'request') models.ask(call);
        else models.compare(call, () => false);
      };
    },
  },
])('of a long name of a model $name keep its beginning, and not the whole of it', ({ asker }) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const ask = asker();
  const held = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = held();
  for (let n = 0; n < 100; n++) {
    const fields = { litellm_call_id: `call-${n}`, model: `gpt-${n}${'x'.repeat(900_000)}` };
    for (const input_type of ['request', 'response']) {
      // As the body of a call is read: in one piece
      ask(callOf(JSON.parse(JSON.stringify({ ...fields, input_type }))));
    }
  }
  expect(held() - before).toBeLessThan(20 * 1024 * 1024);
  // What is kept was not collected before
  ask(callOf({ input_type: 'response', litellm_call_id: 'call-1' }));
});
