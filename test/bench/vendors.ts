/** Measures several vendors in parallel: what the second and the third add, beside bare POSTs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOnDisk } from './disk.ts';
import { type Server, startServer } from './processes.ts';
import { type Bridge, beside, bridge, KB, reference, target } from './stand.ts';
import { expectAsked } from './verdicts.ts';

/** A bridge with vendors of some kinds in its policy file, all of them the stub. */
async function askingOf(stub: Server, kinds: readonly string[]): Promise<Bridge> {
  const url = `http://127.0.0.1:${stub.port}`;
  const backends = kinds.map((kind, i) => ({
    ...{ name: `${kind}-${i + 1}`, kind, url },
    ...(kind !== 'presidio' && { secret: { env: 'TOKEN' } }),
  }));
  const POLICY_FILE = join(folderOnDisk(), 'policy.yaml');
  writeFileSync(POLICY_FILE, JSON.stringify({ backends }));
  const asking = await bridge({ POLICY_FILE, TOKEN: 'bench-token' }, { needs: 'pipeline/backends.ts' });
  await expectAsked(asking, stub, kinds.length);
  return asking;
}

/** The floor is what undici alone takes for one more POST of the same size. */
export async function vendors(): Promise<void> {
  const stub = await startServer(1, './reference.ts', ['stub']);
  const hop = await reference(['hop', String(stub.port)]);
  const work = { bytes: 4 * KB, concurrency: 32 };
  const servers: Server[] = [];
  const kept = <S extends Server>(server: S): S => {
    servers.push(server);
    return server;
  };
  const bare = async (count: number) => kept(await reference(['posts', String(stub.port), String(count)]));
  const asking = async (...kinds: string[]) => kept(await askingOf(stub, kinds));
  const posts = [await bare(1), await bare(2), await bare(3)] as const;
  const [one, two, three] = [
    await asking('akto'),
    await asking('akto', 'akto'),
    await asking('akto', 'akto', 'akto'),
  ];
  await beside('one vendor of the policy file beside the hop, 32 callers', hop, one, work);
  const floor = await beside('two bare POSTs beside one', posts[0], posts[1], work);
  const second = await beside('two vendors beside one', one, two, work);
  const nextFloor = await beside('three bare POSTs beside two', posts[1], posts[2], work);
  const third = await beside('three vendors beside two', two, three, work);
  for (const kind of ['lakera', 'presidio']) {
    await beside(`${kind} beside the hop`, hop, await asking(kind), work);
    const both = await asking('akto', kind);
    await beside(`akto and ${kind} beside akto`, one, both, work);
  }
  for (const server of [...servers, hop, stub]) await server.stop();
  for (const [name, { addedCpuUs }, { addedCpuUs: bareUs }] of [
    ['second', second, floor],
    ['third', third, nextFloor],
  ] as const) {
    target(`the ${name} vendor costs <= 25 us of CPU`, addedCpuUs.median, (us) => us <= 25);
    const times = addedCpuUs.median / bareUs.median;
    target(`the ${name} vendor costs <= 2 times a bare POST`, times, (ratio) => ratio <= 2);
  }
}
