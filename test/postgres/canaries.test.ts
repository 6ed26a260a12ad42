import { expect, test } from 'vitest';
import { newCanaryId } from '../../src/guardrail/canary.ts';
import { startReplicas } from './replicas.ts';
import { databaseConfig } from './server.ts';

test('what became of a call of the doctor is known to each replica, whichever of them saw a part of it', async () => {
  const { url, schema } = databaseConfig();
  const { replicas } = await startReplicas(2, {
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    STATE_TIMEOUT: '3',
  });
  const urls = replicas.map(({ child }) => child?.url ?? '');
  const [first = '', second = ''] = urls;
  const id = newCanaryId();
  const post = (to: string, path: string, body: object) =>
    fetch(to + path, { method: 'POST', body: JSON.stringify(body) });
  const call = { litellm_call_id: id, litellm_version: '1.110.2', texts: ['plums'] };
  await post(first, '/', { ...call, input_type: 'request' });
  await post(second, '/', { ...call, input_type: 'response' });
  await post(first, '/v1/litellm/logs', [{ id: 'r-1', litellm_call_id: id, status: 'success' }]);
  await expect
    .poll(
      async () => {
        const replies = await Promise.all(urls.map((one) => fetch(`${one}/v1/canaries/${id}`)));
        const seen = await Promise.all(
          replies.map(async (reply) => ((await reply.json()) as { seen: object[] }).seen),
        );
        return seen.map((sights) =>
          sights.map((sight) => ('input_type' in sight ? sight.input_type : 'logged')).toSorted(),
        );
      },
      { timeout: 15_000 },
    )
    .toEqual(urls.map(() => ['logged', 'request', 'response']));
});
