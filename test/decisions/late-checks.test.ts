import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { KeptDecision } from '../../src/decisions/row.ts';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { runCli } from '../support/cli.ts';
import { keptIn } from '../support/decisions.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { temporaryFolder } from '../support/store.ts';
import { judged, startWorkers } from '../support/workers.ts';

const CONTENT = 'plum-canary-5c1d';
const POLL = { timeout: 20_000, interval: 50 };

/** A vendor that only observes: it blocks what has a tulip, and takes longer for what is slow. */
async function watching() {
  const vendor = await startFakeBackend(async (seen, response) => {
    if (seen.text.includes('slow')) await new Promise((resolve) => setTimeout(resolve, 700));
    const reply = seen.text.includes('tulip') ? aktoBlocks(`Prompt injection ${CONTENT}`) : aktoAllows;
    await reply(seen, response);
  });
  onTestFinished(() => vendor.close());
  const DATA_DIR = temporaryFolder();
  return { ...aktoAt(vendor.url), AKTO_MODE: 'observe', DATA_DIR, TELEMETRY: 'off' };
}

function served(env: Record<string, string>) {
  const bridge = testBridge(env);
  onTestFinished(bridge.close);
  return bridge;
}

const call = (id: string | null, text: string, fields: object = {}) => ({
  ...{ input_type: 'request', litellm_call_id: id, litellm_trace_id: 't', litellm_version: '1.110.2' },
  ...{ texts: [text], request_data: { user_api_key_team_alias: 'payments' } },
  ...fields,
});

const said = (rows: readonly KeptDecision[]) =>
  rows
    .map(({ litellm_call_id: id, input_type, backends }) =>
      [id, input_type, ...backends.map(({ backend, result }) => `${backend} ${result}`)].join(' '),
    )
    .sort();

test('what a vendor in observe mode says after the reply is on the row, in why, list, top and on the page, without content', async () => {
  const env = await watching();
  const { ask, page } = served(env);
  expect((await ask(call('quick', `a tulip ${CONTENT}`))).reply).toEqual({ action: 'NONE' });
  expect((await ask(call('slow', `a slow tulip ${CONTENT}`))).reply).toEqual({ action: 'NONE' });
  await ask(call('fine', 'a rose'));
  const rows = ['fine request akto allow', 'quick request akto block', 'slow request akto block'];
  await expect.poll(async () => said(await keptIn(env.DATA_DIR)), POLL).toEqual(rows);
  const cli = (...line: string[]) => runCli(line, { env });
  const { out: why } = await cli('why', 'slow');
  expect(why).toContain('Allowed, but akto would block.');
  expect(why).toMatch(/akto \(observes\): block/);
  const { out: list } = await cli('decisions', 'list', '--verdict', 'observed');
  expect(list.match(/akto would block/g)).toHaveLength(2);
  const { out: top } = await cli('decisions', 'top', '--by', 'backend', '--json');
  expect(JSON.parse(top).rows).toMatchObject([{ name: 'akto', decisions: 2, observed: 2 }]);
  expect((await page.counts(7))?.wouldBlock).toEqual([
    { by: 'akto', would: 'block', rules: [], team: 'payments', calls: 2 },
  ]);
  const live = await page.decisions(0);
  expect(live?.decisions.map(({ litellm_call_id: id, observed }) => [id, ...observed]).sort()).toEqual([
    ['fine'],
    ['quick', 'akto would block'],
    ['slow', 'akto would block'],
  ]);
  expect(JSON.stringify([why, list, live])).not.toContain(CONTENT);
  for (const suffix of ['', '-wal'])
    expect(readFileSync(join(env.DATA_DIR, `decisions.db${suffix}`)).includes(CONTENT)).toBe(false);
});

test('of several calls under one id, and of those without any, each has its own result', async () => {
  const env = await watching();
  const { ask } = served(env);
  await ask(call('same', 'a slow tulip'));
  await ask(call('same', 'a rose'));
  await ask(call('same', 'a slow rose', { input_type: 'response' }));
  await ask(call(null, 'a slow tulip'));
  await ask(call(null, 'a rose'));
  const rows = [
    ' request akto allow',
    ' request akto block',
    'same request akto allow',
    'same request akto block',
    'same response akto allow',
  ];
  await expect.poll(async () => said(await keptIn(env.DATA_DIR)), POLL).toEqual(rows);
});

test('a result about a round of a stream is on the row of the last, whichever comes first', async () => {
  const env = { ...(await watching()), STREAM_CHECK_GROWTH: '1' };
  const { ask, page } = served(env);
  const round = (id: string, text: string) => {
    const request_data = { stream: true, user_api_key_team_alias: 'payments' };
    return ask(call(id, text, { input_type: 'response', request_data }));
  };
  for (const id of ['quick', 'slow']) {
    await round(id, `a ${id} tulip`);
    if (id === 'quick') await expect.poll(async () => said(await keptIn(env.DATA_DIR)), POLL).toHaveLength(1);
    await round(id, `a ${id} tulip and a rose`);
  }
  const rows = ['quick response akto block', 'slow response akto block'];
  await expect.poll(async () => said(await keptIn(env.DATA_DIR)), POLL).toEqual(rows);
  const { decisions = [] } = (await page.decisions(0)) ?? {};
  for (const { observed } of decisions) expect(observed).toEqual(['akto would block']);
});

test('a result about the end of a stream, which is asked for once the stream is quiet, is on its row', async () => {
  const env = { ...(await watching()), STREAM_CHECK_GROWTH: '3' };
  const { ask, metric } = served(env);
  const fields = { input_type: 'response', request_data: { stream: true } };
  await ask(call('stream', 'a rose', fields));
  await expect
    .poll(async () => said(await keptIn(env.DATA_DIR)), POLL)
    .toEqual(['stream response akto allow']);
  await ask(call('stream', 'a rose, a tulip', fields));
  const rows = ['stream response akto block'];
  await expect.poll(async () => said(await keptIn(env.DATA_DIR)), POLL).toEqual(rows);
  expect(await metric('late_verdicts_total{backend="akto",result="block"}')).toBe(1);
});

test('a large call has them too, and any worker tells those of all', async () => {
  const env = await watching();
  const child = await startWorkers(env);
  const large = `${'word '.repeat(300_000)} a slow tulip`;
  await judged(child.url, call('large', large));
  for (let n = 0; n < 4; n++) await judged(child.url, call(`call-${n}`, 'a slow tulip'));
  const rows = [0, 1, 2, 3].map((n) => `call-${n} request akto block`);
  await expect
    .poll(async () => said(await keptIn(env.DATA_DIR)), POLL)
    .toEqual([...rows, 'large request akto block']);
  const home = async () => (await (await fetch(`${child.url}/ui`)).text()).match(/>akto would block</g);
  await expect.poll(home, POLL).toHaveLength(5);
}, 60_000);
