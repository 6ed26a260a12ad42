import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fakeAkto } from '../support/akto.ts';
import { runChild, type ServingChild, startServing } from '../support/child.ts';
import { fakeBackend } from '../support/closing.ts';
import { text } from '../support/fake-backend.ts';
import { eventOf, LOGS, readEnvelope, temporaryFolder, until } from '../support/recording-bridge.ts';

/** An Akto that can be down, and the call ids of what it took. */
async function startAkto(token: string) {
  const { recorded, reply } = fakeAkto({ token });
  const server = await fakeBackend(reply);
  return {
    url: server.url,
    down: () => {
      server.reply = text('down', 503);
    },
    up: () => {
      server.reply = reply;
    },
    ids: () => recorded.map((envelope) => String(readEnvelope(envelope).tag.litellm_call_id)).sort(),
  };
}

const akto = (name: string, url: string, secret: object) => ({ name, kind: 'akto', url, secret });
const policy = (backends: readonly object[], rules: readonly object[] = []) =>
  JSON.stringify({ backends, rules });
const event = (id: string, team: string) => eventOf(id, { metadata: { user_api_key_team_alias: team } });

/** A bridge in a process of its own, with a policy file that is changed under it. */
async function serving(folder: string, content: string) {
  const file = path.join(folder, 'policy.yaml');
  fs.writeFileSync(file, content);
  const env = {
    POLICY_FILE: file,
    DATA_DIR: path.join(folder, 'data'),
    MAIN: 'main',
    TEAM: 'team',
    FAILURE_GRACE_SECONDS: '0.1',
  };
  const start = async () => {
    const child = await startServing(env);
    onTestFinished(child.stop);
    return child;
  };
  const reload = async (child: ServingChild, next: string) => {
    const before = reloads(child);
    fs.writeFileSync(file, next);
    child.send('SIGHUP');
    await until(() => reloads(child) > before);
  };
  /** `outbox status` by backend. */
  const status = async () => {
    const { code, stdout } = await runChild({ args: ['outbox', 'status', '--json'], env });
    expect(code).toBe(0);
    const { backends } = JSON.parse(stdout) as {
      backends: { backend: string; due: number; waiting: number }[];
    };
    return Object.fromEntries(backends.map(({ backend, due, waiting }) => [backend, due + waiting]));
  };
  return { start, reload, status, file };
}

const reloads = (child: ServingChild) =>
  child.lines().filter(({ msg }) => msg === 'policies read again').length;

async function send(child: ServingChild, ...events: readonly object[]) {
  const response = await fetch(child.url + LOGS, { method: 'POST', body: JSON.stringify(events) });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

test('a process that is killed has the undelivered records of its vendors for the next one, gone or not', async () => {
  const [main, team] = [await startAkto('main'), await startAkto('team')];
  const entries = [
    akto('akto-main', main.url, { env: 'MAIN' }),
    akto('akto-team', team.url, { env: 'TEAM' }),
  ] as const;
  const rules = [
    { name: 'legal', match: { team: 'legal' }, records: 'none' },
    { name: 'team', match: { team: 'payments' }, records: ['akto-team'] },
    { name: 'others', records: ['akto-main'] },
  ];
  team.down();
  const { start, status, file } = await serving(temporaryFolder(), policy(entries, rules));
  const first = await start();
  await send(first, event('p-1', 'payments'), event('o-1', 'open'), event('l-1', 'legal'));
  // A record that a vendor took and nobody could note yet would be delivered once more
  await until(async () => !Object.hasOwn(await status(), 'akto-main'));
  first.send('SIGKILL');
  await first.exit;
  expect(await status()).toEqual({ 'akto-team': 1 });
  // The vendor of the team is gone from the file, and its records wait for it
  fs.writeFileSync(file, policy([entries[0]]));
  const second = await start();
  team.up();
  await send(second, event('o-2', 'open'), event('p-2', 'payments'));
  await until(async () => !Object.hasOwn(await status(), 'akto-main'));
  second.send('SIGKILL');
  await second.exit;
  expect(await status()).toEqual({ 'akto-team': 1 });
  fs.writeFileSync(file, policy(entries, rules));
  const third = await start();
  await until(() => team.ids().includes('p-1'));
  await send(third, event('p-3', 'payments'));
  await until(() => team.ids().includes('p-3'));
  expect([main.ids(), team.ids()]).toEqual([
    ['o-1', 'o-2', 'p-2'],
    ['p-1', 'p-3'],
  ]);
}, 60_000);

test('SIGHUP moves a team to its own account, with a token from a file that is changed later', async () => {
  const [main, team] = [await startAkto('main'), await startAkto('second-token')];
  const folder = temporaryFolder();
  const token = path.join(folder, 'token');
  fs.writeFileSync(token, 'first-token\n');
  const own = akto('akto-team', team.url, { file: token });
  const all = [akto('akto-main', main.url, { env: 'MAIN' }), own];
  const { start, reload, status } = await serving(folder, 'policies: { chain: [secrets] }\n');
  const child = await start();
  expect(await send(child, event('early', 'payments'))).toMatchObject({ accepted: 0 });
  await reload(child, policy(all, [{ name: 'team', match: { team: 'payments' }, records: ['akto-team'] }]));
  expect(await send(child, event('p-1', 'payments'), event('o-1', 'open'))).toMatchObject({ new: 2 });
  // Those that nobody can be named for go everywhere
  await until(() => main.ids().includes('o-1'));
  await until(() => child.lines().some(({ msg }) => msg.startsWith('the backend refuses our token')));
  expect(await status()).toEqual({ 'akto-team': 2 });
  // The bridge looks at the file by itself
  fs.writeFileSync(token, 'second-token\n');
  await until(() => team.ids().length === 2);
  expect(team.ids()).toEqual(['o-1', 'p-1']);
  expect(main.ids()).toEqual(['o-1']);
  const log = child.stdout();
  for (const secret of ['first-token', 'second-token']) expect(log).not.toContain(secret);
}, 60_000);
