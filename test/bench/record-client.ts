/** The least that delivers records: `node record-client.ts <url> <file with a body> <concurrency>` posts the same one again and again over undici. */
import { readFileSync } from 'node:fs';
import { Agent } from 'undici';

const [, , url = '', file = '', concurrency = ''] = process.argv;
const body = readFileSync(file);
const { origin, pathname, search } = new URL(url);
const agent = new Agent({ connections: Number(concurrency) });
const headers = { 'content-type': 'application/json', authorization: 'bench-token' };

async function post(): Promise<never> {
  for (;;) {
    const reply = await agent.request({ origin, path: pathname + search, method: 'POST', headers, body });
    JSON.parse(await reply.body.text());
  }
}

for (let i = 0; i < Number(concurrency); i++) void post();
console.log(JSON.stringify({ msg: 'listening', port: 0 }));
