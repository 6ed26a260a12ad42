import http from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { type ServingChild, startServing } from '../support/child.ts';

let child: ServingChild;
afterEach(() => child.stop());

/** Calls of which each is logged. */
async function blockSome(url: string, count: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true });
  const body = JSON.stringify({
    input_type: 'request',
    litellm_call_id: 'x'.repeat(100),
    texts: ['nightingale'],
  });
  for (let left = count; left > 0; left--) {
    const status = await new Promise((resolve, reject) => {
      const request = http.request(url, { method: 'POST', agent }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      });
      request.once('error', reject).end(body);
    });
    expect(status).toBe(200);
  }
  agent.destroy();
}

test('the bridge goes on when the reader of its log goes away', async () => {
  child = await startServing({ BANNED_KEYWORDS: 'nightingale' });
  child.closeOutput();
  await blockSome(child.url, 50);
  child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

test('a slow reader of the log delays neither calls nor the end', async () => {
  child = await startServing({ BANNED_KEYWORDS: 'nightingale' });
  child.stopReading();
  await blockSome(child.url, 3000);
  child.send('SIGTERM');
  const sentAt = performance.now();
  // How it ends matters less than that it does: what waits to be written cannot be
  await child.exit;
  expect(performance.now() - sentAt).toBeLessThan(8000);
});
