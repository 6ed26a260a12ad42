import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/store.ts';
import { ask, GUARDRAIL, judged, startWorkers } from '../support/workers.ts';

const POLL = { timeout: 30_000, interval: 50 };

type Told = { readonly seq: number; readonly litellm_call_id: string; readonly verdict: string };

/** The decisions that the stream of one worker tells, as they come. */
function stream(url: string): readonly Told[] {
  const told: Told[] = [];
  const request = http.get(`${url}/ui/events`, { agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const [, data] = /^event: decisions[\s\S]*?^data: (.*)$/m.exec(event) ?? [];
        if (data !== undefined) told.push(...(JSON.parse(data) as Told[]));
      }
    });
    response.on('error', () => {});
  });
  request.on('error', () => {});
  onTestFinished(() => void request.destroy());
  return told;
}

const ids = (told: readonly Told[]) => told.map(({ litellm_call_id: id }) => id).sort();

test('any worker shows the decisions of all, also of one that has died, and looks up what the primary keeps', async () => {
  const child = await startWorkers({
    BUILTIN_POLICY: 'on',
    BANNED_KEYWORDS: 'tulip',
    DATA_DIR: temporaryFolder(),
  });
  const call = (id: string, text: string) => ({ litellm_call_id: id, texts: [text] });
  for (let n = 1; n <= 6; n++) await judged(child.url, call(`call-${n}`, `a tulip and canary-33ff`));
  const [one, other] = [stream(child.url), stream(child.url)];
  const all = Array.from({ length: 6 }, (_, i) => `call-${i + 1}`);
  await expect.poll(() => ids(one), POLL).toEqual(all);
  await expect.poll(() => ids(other), POLL).toEqual(all);
  expect(one.map(({ seq }) => seq % 1_000_000)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(one).toEqual(other);

  // One that is killed loses what is not on the disk yet
  for (const id of all)
    await expect
      .poll(async () => (await ask(child.url, `/ui/call?word=${id}`)).body, POLL)
      .toContain('keyword-1');
  const [victim] = child.workers();
  process.kill(victim as number, 'SIGKILL');
  await expect.poll(() => child.workers().filter((pid) => pid !== victim).length, POLL).toBe(2);
  await expect.poll(async () => (await child.readiness()).body.status, POLL).toBe('ready');
  await judged(child.url, call('call-7', 'a rose'));
  const late = stream(child.url);
  await expect.poll(() => ids(late), POLL).toEqual([...all, 'call-7']);
  expect((late.at(-1)?.seq ?? 0) % 1_000_000).toBe(7);

  // One page of each worker
  for (let n = 0; n < 2; n++) {
    const { body } = await ask(child.url, '/ui/call?word=call-1');
    expect(body).toContain('keyword-1');
    const { body: home } = await ask(child.url, '/ui');
    expect(home).toContain('call-7');
    expect(body + home).not.toContain('canary-33ff');
    const judgedPaste = await fetch(`${child.url}/ui/playground`, {
      method: 'POST',
      body: new URLSearchParams({ text: 'my tulip' }),
      headers: { origin: child.url },
    });
    expect(await judgedPaste.text()).toContain('BLOCKED');
  }
  const { body } = await ask(child.url, GUARDRAIL, { input_type: 'request', ...call('call-8', 'a rose') });
  expect(body).toContain('NONE');
}, 60_000);
