import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { fakeBackend } from '../support/closing.ts';
import { eventOf, LOGS, temporaryFolder } from '../support/recording-bridge.ts';
import { MAIL, redacting } from '../support/state-calls.ts';
import { ask, GUARDRAIL, startWorkers } from '../support/workers.ts';
import { databaseConfig } from './server.ts';
import { policyFile } from './shared-bridges.ts';

test('workers share the state of a call through the database, and one process hands records to it', async () => {
  const { url, schema } = databaseConfig({});
  const akto = await fakeBackend(aktoAllows);
  const child = await startWorkers({
    ...aktoAt(akto.url),
    ...{ DATABASE_URL: url, DATABASE_SCHEMA: schema, STATE_KEY: randomBytes(32).toString('hex') },
    ...{ POLICY_FILE: policyFile(redacting), DATA_DIR: temporaryFolder(), STATE_TIMEOUT: '5' },
  });
  for (let n = 0; n < 4; n++) {
    const ids = { litellm_call_id: `call-${n}`, litellm_trace_id: `trace-${n}`, litellm_version: '1.110.2' };
    const plain = { additional_provider_specific_params: { stream: false } };
    const content = `write to ${MAIL}`;
    const request = {
      input_type: 'request',
      texts: [content],
      structured_messages: [{ role: 'user', content }],
    };
    // Each over a connection of its own, which goes to the next worker
    await ask(child.url, GUARDRAIL, { ...ids, ...plain, ...request });
    const response = { input_type: 'response', texts: ['I wrote to [EMAIL_ADDRESS_1]'] };
    const { body } = await ask(child.url, GUARDRAIL, { ...ids, ...plain, ...response });
    expect(JSON.parse(body)).toMatchObject({ texts: [`I wrote to ${MAIL}`] });
    expect((await ask(child.url, LOGS, [eventOf(`call-${n}`)])).status).toBe(200);
  }
  await expect
    .poll(() => child.metric('telemetry_delivered_total', { backend: 'akto' }), {
      timeout: 15_000,
      interval: 50,
    })
    .toBe(4);
  expect((await child.readiness()).body).toMatchObject({ unhappy: [], workers: { up: 2, wanted: 2 } });
});
