import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, inject, test } from 'vitest';
import { fakeAkto } from '../support/akto.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { plainEnv } from './install.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const folder = inject('installed');

/** Ten lines that serve a guardrail call and a log event. */
const PROGRAM = `import { createBridge } from 'litellm-guardrail-bridge';

const bridge = createBridge({ DATA_DIR: './of-a-program', PORT: 0, AKTO_GUARDRAIL_API_BASE: process.argv[2], AKTO_API_KEY: 'akto-key' });
const { url } = await bridge.listen();
const post = (path: string, body: unknown): Promise<Response> => fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
const call = { input_type: 'request', texts: ['hello'], litellm_call_id: 'call-1' };
const verdict: unknown = await (await post('/beta/litellm_basic_guardrail_api', call)).json();
const event = { id: 'event-1', litellm_call_id: 'call-1', status: 'success', call_type: 'acompletion', model: 'm', messages: [{ role: 'user', content: 'hello' }], response: {} };
console.log(JSON.stringify({ verdict, logs: (await post('/v1/litellm/logs', [event])).status }));
await bridge.close();
`;

/** The program of the guide. */
const [, OF_THE_GUIDE = ''] =
  /^```ts\n(import[\s\S]*?)^```$/m.exec(readFileSync(join(ROOT, 'examples/operations/README.md'), 'utf8')) ??
  [];

beforeAll(() => {
  const types = join(folder, 'node_modules', '@types');
  mkdirSync(types, { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), place);
  }
  writeFileSync(join(folder, 'program.ts'), PROGRAM);
  writeFileSync(join(folder, 'guide.ts'), OF_THE_GUIDE);
});

test.each([
  { name: 'with skipLibCheck', file: 'program.ts', flags: ['--skipLibCheck'] },
  { name: 'without skipLibCheck', file: 'program.ts', flags: ['--exactOptionalPropertyTypes'] },
  { name: 'with the library of the language alone', file: 'program.ts', flags: ['--lib', 'es2024'] },
  { name: 'as the guide has it', file: 'guide.ts', flags: [] },
])('a program compiles $name', async ({ file, flags }) => {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const given = ['--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--noEmit'];
  const compiled = run(process.execPath, [compiler, ...given, ...flags, file], { cwd: folder });
  const { stdout } = await compiled.catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
});

test('the ten lines serve a call and a log event, and the program ends by itself', async () => {
  const { reply, recorded } = fakeAkto({
    result: { Allowed: true, Modified: false, ModifiedPayload: '', Reason: '' },
  });
  const backend = await startFakeBackend(reply);
  try {
    const { stdout, stderr } = await run(process.execPath, ['program.ts', backend.url], {
      cwd: folder,
      env: plainEnv(),
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ verdict: { action: 'NONE' }, logs: 200 });
    expect(recorded).toHaveLength(1);
  } finally {
    await backend.close();
  }
});

test('nothing happens at an import', async () => {
  const script = `const before = process.listenerCount('SIGTERM');
    await import('litellm-guardrail-bridge');
    console.log(process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS|Immediate/.test(name)).length, process.listenerCount('SIGTERM') - before);`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
    env: plainEnv(),
  });
  expect([stdout, stderr]).toEqual(['0 0\n', '']);
});
