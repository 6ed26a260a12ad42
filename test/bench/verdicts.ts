/** What a verdict costs: of the built-in policy beside a server that judges nothing, of a backend beside a bare hop to it. */
import { chatBody } from './body.ts';
import { type Server, startServer } from './processes.ts';
import { beside, bridge, KB, load, reference, target } from './stand.ts';

/** A bridge that judges nothing would be fast: it must refuse what its policy refuses. */
async function expectBlocked(server: Server): Promise<void> {
  const body = chatBody(4 * KB, `my key is ${'AKIA'}QW3RTY7UIOP4SDFG`);
  const headers = { 'content-type': 'application/json', 'x-api-key': 'bench-key' };
  const reply = await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', headers, body });
  const verdict = (await reply.json()) as { action?: string };
  if (verdict.action !== 'BLOCKED')
    throw new Error(`a credential got ${reply.status} ${JSON.stringify(verdict)}`);
}

/** Nor may it answer without asking its backend. */
async function expectAsked(server: Server, stub: Server): Promise<void> {
  const asked = async () => Number(await (await fetch(`http://127.0.0.1:${stub.port}/`)).text());
  const before = await asked();
  const { answers } = await load(server, { bytes: 4 * KB, concurrency: 1, ms: 200 });
  const calls = (await asked()) - before;
  if (calls !== answers) throw new Error(`${answers} answers, but the backend was asked ${calls} times`);
}

async function localVerdict(): Promise<void> {
  const bare = await reference(['bare']);
  const twin = await reference(['bare']);
  const local = await bridge({ BUILTIN_POLICY: 'on' });
  await expectBlocked(local);
  await beside('control: bare against bare, 4 KB', bare, twin, { bytes: 4 * KB, concurrency: 32 });
  await beside('local, 4 KB, 1 caller', bare, local, { bytes: 4 * KB, concurrency: 1 });
  const result = await beside('local, 4 KB, 32 callers', bare, local, { bytes: 4 * KB, concurrency: 32 });
  await beside('local, 4 KB, 128 callers', bare, local, { bytes: 4 * KB, concurrency: 128 });
  await beside('local, 64 KB, 32 callers', bare, local, { bytes: 64 * KB, concurrency: 32 });
  await beside('local, 1 MB, 32 callers', bare, local, { bytes: 1_024 * KB, concurrency: 32 });
  for (const server of [bare, twin, local]) await server.stop();
  target('local verdict 4 KB >= 0.5 of bare', result.speed.median, (ratio) => ratio >= 0.5);
}

async function oneBackend(): Promise<void> {
  const stub = await startServer(1, './reference.ts', ['stub']);
  const hop = await reference(['hop', String(stub.port)]);
  const remote = await bridge({
    AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${stub.port}`,
    AKTO_API_KEY: 'bench-token',
  });
  const bytes = 4 * KB;
  await expectAsked(remote, stub);
  await beside('backend, 4 KB, 1 caller', hop, remote, { bytes, concurrency: 1 });
  const at32 = await beside('backend, 4 KB, 32 callers', hop, remote, { bytes, concurrency: 32 });
  const at128 = await beside('backend, 4 KB, 128 callers', hop, remote, { bytes, concurrency: 128 });
  const perSecond = Math.round(at32.perSecond * 0.3);
  await beside(`backend, 4 KB, ${perSecond}/s`, hop, remote, { bytes, concurrency: 128, perSecond });
  for (const server of [hop, remote, stub]) await server.stop();
  target('one remote backend >= 0.5 of the bare hop at 32', at32.speed.median, (ratio) => ratio >= 0.5);
  target("p99 at 128 under 2x the hop's", at128.p99.median, (ratio) => ratio < 2);
}

export async function verdicts(): Promise<void> {
  await localVerdict();
  await oneBackend();
}
