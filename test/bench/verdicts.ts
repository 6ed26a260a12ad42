/** Measures verdicts: of the built-in policy beside a server that judges nothing, of a vendor beside a bare hop to it. */
import { chatBody } from './body.ts';
import { type Server, startServer } from './processes.ts';
import { beside, bridge, KB, load, reference, target } from './stand.ts';

/** Its size is that of its conversation. */
const TURN = { route: 'turn', bytes: 0 } as const;

/** A bridge that judges nothing would be fast: it must refuse what its policy refuses. */
async function expectBlocked(server: Server): Promise<void> {
  const body = chatBody(4 * KB, `my key is ${'AKIA'}QW3RTY7UIOP4SDFG`);
  const headers = { 'content-type': 'application/json', 'x-api-key': 'bench-key' };
  const reply = await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', headers, body });
  const verdict = (await reply.json()) as { action?: string };
  if (verdict.action !== 'BLOCKED')
    throw new Error(`a credential got ${reply.status} ${JSON.stringify(verdict)}`);
}

/** Nor may it reply without asking its backends. @param times how often the stub is asked about a call */
export async function expectAsked(server: Server, stub: Server, times = 1): Promise<void> {
  const checks = async () => Number(await (await fetch(`http://127.0.0.1:${stub.port}/`)).text());
  const before = await checks();
  const { replies } = await load(server, { bytes: 4 * KB, concurrency: 1, ms: 200 });
  const calls = (await checks()) - before;
  if (calls !== times * replies)
    throw new Error(`${replies} replies, but the backend was asked ${calls} times`);
}

export async function local(): Promise<void> {
  const bare = await reference(['bare']);
  const twin = await reference(['bare']);
  const judging = await bridge({ BUILTIN_POLICY: 'on' });
  await expectBlocked(judging);
  await beside('control: bare against bare, 4 KB', bare, twin, { bytes: 4 * KB, concurrency: 32 });
  await beside('local, 4 KB, 1 caller', bare, judging, { bytes: 4 * KB, concurrency: 1 });
  const result = await beside('local, 4 KB, 32 callers', bare, judging, { bytes: 4 * KB, concurrency: 32 });
  await beside('local, 4 KB, 128 callers', bare, judging, { bytes: 4 * KB, concurrency: 128 });
  await beside('local, 64 KB, 32 callers', bare, judging, { bytes: 64 * KB, concurrency: 32 });
  await beside('local, 1 MB, 32 callers', bare, judging, { bytes: 1_024 * KB, concurrency: 32 });
  const turn = await beside('local, turn 50, 32 callers', bare, judging, { ...TURN, concurrency: 32 });
  for (const server of [bare, twin, judging]) await server.stop();
  target('local verdict 4 KB >= 0.6 of bare', result.speed.median, (ratio) => ratio >= 0.6);
  target('turn 50 <= 2 times a bare parse', 1 / turn.speed.median, (times) => times <= 2);
}

export async function vendor(): Promise<void> {
  const stub = await startServer(1, './reference.ts', ['stub']);
  const hop = await reference(['hop', String(stub.port)]);
  const remote = await bridge({
    AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${stub.port}`,
    AKTO_API_KEY: 'bench-token',
  });
  const bytes = 4 * KB;
  await expectAsked(remote, stub);
  await beside('vendor, 4 KB, 1 caller', hop, remote, { bytes, concurrency: 1 });
  const at32 = await beside('vendor, 4 KB, 32 callers', hop, remote, { bytes, concurrency: 32 });
  const at128 = await beside('vendor, 4 KB, 128 callers', hop, remote, { bytes, concurrency: 128 });
  const perSecond = Math.round(at32.perSecond * 0.3);
  await beside(`vendor, 4 KB, ${perSecond}/s`, hop, remote, { bytes, concurrency: 128, perSecond });
  await remote.stop();
  for (const server of [hop, stub]) await server.stop();
  target('one vendor >= 0.75 of the bare hop at 32', at32.speed.median, (ratio) => ratio >= 0.75);
  target('one vendor >= 0.75 of the bare hop at 128', at128.speed.median, (ratio) => ratio >= 0.75);
  target("p99 at 128 <= 1.5 times the hop's", at128.p99.median, (ratio) => ratio <= 1.5);
}
