import { writeFileSync } from 'node:fs';
import { startBridge } from './bridge.ts';
import { samples } from './policy-samples.ts';
import { policies } from './policy-world.ts';
writeFileSync('/tmp/ll/p.yaml', JSON.stringify(policies({ secrets: { action: 'redact' } })));
const bridge = await startBridge({ POLICY_FILE: '/tmp/ll/p.yaml', ANSWER_REDACTION: 'rewrite', LOG_LEVEL: 'warn' });
const text = Object.values(samples).map((x) => `The key ${x}\nand more of it. `).join('');
const t0 = performance.now();
let n = 0;
for (let at = 1; at <= text.length; at++) {
  const r = await fetch(`${bridge.url}/beta/litellm_basic_guardrail_api`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ input_type: 'response', litellm_call_id: 'a', texts: [text.slice(0, at)], litellm_version: '1.106.2', request_data: {} }) });
  await r.text(); n++;
}
console.log(n, (performance.now() - t0) / n, 'ms per round');
await bridge.stop();
