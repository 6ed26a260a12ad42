import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { toFailure } from '../../src/backends/to-failure.ts';
import { newTextsOf } from '../../src/pipeline/new-texts.ts';
import { callOf } from '../support/call.ts';
import { deadlineOf, fakeBackend, openHttp } from '../support/closing.ts';
import { json } from '../support/fake-backend.ts';

const ROOM = join(import.meta.dirname, '..', '..', 'src', 'backends');

/** The example in the guide, as a file of its own beside the other backends would be loaded. */
async function example(): Promise<Backend> {
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(ROOM, 'README.md'), 'utf8')) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'example-backend-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'acme.ts');
  const absolute = (path: string) => pathToFileURL(join(ROOM, 'acme', path)).href;
  writeFileSync(
    file,
    code
      .replace(/'(\.\.[^']*)'/g, (_, path: string) => `'${absolute(path)}'`)
      .replace("'valibot'", `'${import.meta.resolve('valibot')}'`),
  );
  return ((await import(/* @vite-ignore */ file)) as { acme: Backend }).acme;
}

test('the backend in the guide can be configured and checks calls', async () => {
  const acme = await example();
  const vendor = await fakeBackend(json({ flagged: true, reason: 'plums' }));
  const http = openHttp();
  const nothing = { tokenUrl: undefined, options: {}, variable: () => undefined, readFile: () => '' };
  const config = acme.setup({ url: vendor.url, secret: 'key', ...nothing });
  const ask = () => {
    const call = callOf({ texts: ['How long does a plum cake bake?'] });
    const texts = newTextsOf(call);
    const context = {
      config,
      state: undefined,
      http,
      deadline: deadlineOf(),
      request: () => undefined,
      texts,
    };
    return acme.check(call, context);
  };
  expect(await ask()).toEqual({ kind: 'block', reason: 'plums' });
  expect(vendor.seen).toMatchObject([
    {
      path: '/v2/check',
      headers: { authorization: 'Bearer key' },
      body: { texts: ['How long does a plum cake bake?'] },
    },
  ]);
  vendor.reply = json({ flagged: false });
  expect(await ask()).toEqual({ kind: 'allow' });
  vendor.reply = json({ flagged: 'no' });
  expect(await ask().catch(toFailure)).toEqual({ kind: 'wrong_shape', field: 'flagged' });
});
