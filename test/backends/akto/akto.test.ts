import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aktoReply } from '../../support/akto.ts';
import { aktoAt, testBridge } from '../../support/bridge.ts';
import { type FakeBackend, json, startFakeBackend, text } from '../../support/fake-backend.ts';
import { metric } from '../../support/listen.ts';

let vendor: FakeBackend;
beforeAll(async () => {
  vendor = await startFakeBackend();
});
afterAll(() => vendor.close());

const SYSTEM = 'You help the billing team.';
const PROMPT = 'Please mail the invoice to dana@example.org';
const MASKED = 'Please mail the invoice to ****************';
const request = {
  input_type: 'request',
  litellm_call_id: 'call-1',
  litellm_version: '1.106.2',
  model: 'gpt-4o-mini',
  texts: [SYSTEM, PROMPT],
  structured_messages: [
    { role: 'system', content: SYSTEM },
    { role: 'user', content: PROMPT },
  ],
};
const response = {
  input_type: 'response',
  litellm_call_id: 'call-2',
  model: 'gpt-4o-mini',
  texts: ['Sent to dana.'],
};

type Row = { name: string; result?: object; reply?: FakeBackend['reply']; env?: Record<string, string> };

/** The reply to one call, and the verdict or failure that was counted. */
async function judged({ result, reply, env = {} }: Omit<Row, 'name'>, call: object) {
  vendor.reply = reply ?? aktoReply(result as Record<string, unknown>);
  const bridge = testBridge({ ...aktoAt(vendor.url), ...env });
  const replied = await bridge.ask(call);
  const metrics = await (await bridge.app.request('/metrics')).text();
  await bridge.close();
  const { input_type } = call as typeof request;
  const labels = { backend: 'akto', mode: 'enforce', input_type };
  const verdicts = ['allow', 'block', 'modify', 'flagged'].filter(
    (verdict) => metric(metrics, 'verdicts_total', { ...labels, verdict }) === 1,
  );
  const failures = [...metrics.matchAll(/^guardrail_bridge_failures_total\{.*kind="(\w+)".*\} 1$/gm)];
  return { ...replied.reply, counted: [...verdicts, ...failures.map(([, kind]) => kind)].join() };
}

const nothing = { Modified: false, ModifiedPayload: '', Reason: '', behaviour: '' };
const allow = { ...nothing, Allowed: true, Metadata: { policy_name: '', rule_violated: '', severity: '' } };
const deny = { ...nothing, Allowed: false };
const sent = (content: string) => ({
  model: 'gpt-4o-mini',
  messages: [
    { role: 'system', content: SYSTEM },
    { role: 'user', content },
  ],
});

describe('a check of a request', () => {
  const blocks = { action: 'BLOCKED', counted: 'block' };
  const passes = { action: 'NONE', counted: 'allow' };
  const isReported = { action: 'NONE', counted: 'flagged' };
  const fails = (counted: string) => ({ action: 'BLOCKED', counted });
  const masks = { action: 'GUARDRAIL_INTERVENED', texts: [SYSTEM, MASKED], counted: 'modify' };

  test.each<Row & { is: object }>([
    { name: 'an allow', result: allow, is: passes },
    { name: 'an allow with a reason', result: { ...allow, Reason: 'No request body provided' }, is: passes },
    {
      name: 'an allow that echoes another payload without Modified',
      result: { ...allow, ModifiedPayload: JSON.stringify({ body: sent(MASKED) }) },
      is: passes,
    },
    { name: 'a block', result: { ...deny, behaviour: 'block', Reason: 'Prompt injection' }, is: blocks },
    { name: 'a block without a behaviour', result: deny, is: blocks },
    { name: 'a denial without any other field', result: { Allowed: false }, is: blocks },
    { name: 'a behaviour in capitals with blanks', result: { ...deny, behaviour: ' Block ' }, is: blocks },
    {
      name: 'a session blocked before',
      result: { ...deny, Reason: 'Session blocked due to previous malicious activity' },
      is: blocks,
    },
    {
      name: 'lower-case names',
      result: { allowed: false, modified: false, modifiedPayload: '', reason: 'x', behaviour: '' },
      is: blocks,
    },
    { name: 'a capital in Behaviour', result: { Allowed: false, Behaviour: 'alert' }, is: isReported },
    { name: 'an alert', result: { ...deny, behaviour: 'alert' }, is: isReported },
    { name: 'a warning', result: { ...deny, behaviour: 'warn' }, is: isReported },
    { name: 'an approval', result: { ...deny, behaviour: 'approval' }, is: isReported },
    {
      name: 'a warning that the operator made blocking',
      result: { ...deny, behaviour: 'warn' },
      env: { AKTO_BLOCKING_BEHAVIOURS: 'Warn, approval' },
      is: blocks,
    },
    {
      name: 'an alert that the operator did not name',
      result: { ...deny, behaviour: 'alert' },
      env: { AKTO_BLOCKING_BEHAVIOURS: 'warn,approval' },
      is: isReported,
    },
    {
      name: 'a denial in requestResult alone',
      result: { ...allow, requestResult: { ...deny, behaviour: 'block' }, responseResult: allow },
      is: blocks,
    },
    {
      name: 'a denial in lower-case requestresult alone',
      result: { allowed: true, requestresult: { allowed: false } },
      is: blocks,
    },
    {
      name: 'a denial and a redaction at once',
      result: { ...deny, Modified: true, ModifiedPayload: JSON.stringify({ body: sent(MASKED) }) },
      is: blocks,
    },
    {
      name: 'a redaction with the body as an object',
      result: { ...allow, Modified: true, ModifiedPayload: JSON.stringify({ body: sent(MASKED) }) },
      is: masks,
    },
    {
      name: 'a redaction with the body as a string',
      result: {
        ...allow,
        Modified: true,
        ModifiedPayload: JSON.stringify({ body: JSON.stringify(sent(MASKED)) }),
      },
      is: masks,
    },
    {
      name: 'a redaction whose payload is no text',
      result: { ...allow, Modified: true, ModifiedPayload: { body: sent(MASKED) } },
      is: masks,
    },
    {
      name: 'a redaction of the body with keys that were left out',
      result: {
        ...allow,
        Modified: true,
        ModifiedPayload: JSON.stringify({ body: { ...sent(MASKED), stream: false, tools: [] } }),
      },
      is: masks,
    },
    {
      name: 'a redaction that is only reported as a violation too',
      result: {
        ...deny,
        behaviour: 'alert',
        Modified: true,
        ModifiedPayload: JSON.stringify({ body: sent(MASKED) }),
      },
      is: masks,
    },
    ...[
      { name: 'a fragment', payload: '{"text":"Please mail the invoice to ****************"}' },
      { name: 'nothing', payload: '' },
      { name: 'null', payload: null },
      { name: 'no JSON', payload: MASKED },
      { name: 'an unchanged copy', payload: JSON.stringify({ body: sent(PROMPT) }) },
      {
        name: 'one message fewer',
        payload: { body: { ...sent(MASKED), messages: [{ role: 'user', content: MASKED }] } },
      },
      {
        name: 'a changed role',
        payload: JSON.stringify({ body: sent(MASKED) }).replace('"user"', '"assistant"'),
      },
      { name: 'a list for a text', payload: { body: { ...sent(MASKED), model: ['gpt-4o-mini'] } } },
    ].map(({ name, payload }) => ({
      name: `a redaction that comes back as ${name}`,
      result: { ...allow, Modified: true, ModifiedPayload: payload },
      is: { action: 'BLOCKED', counted: 'modify' },
    })),
    {
      name: "Akto's own failOpen",
      result: { ...allow, failOpen: true, error: 'timeout' },
      is: fails('no_verdict'),
    },
    { name: 'failOpen in other capitals', result: { ...allow, FailOpen: true }, is: fails('no_verdict') },
    { name: 'a reply without a result', reply: aktoReply(), is: fails('no_verdict') },
    { name: 'a result of null', reply: json({ data: { guardrailsResult: null } }), is: fails('no_verdict') },
    { name: 'data of null', reply: json({ success: true, data: null }), is: fails('no_verdict') },
    { name: 'a result without Allowed', result: { Modified: false }, is: fails('wrong_shape') },
    { name: 'Allowed of null', result: { ...allow, Allowed: null }, is: fails('wrong_shape') },
    { name: 'Allowed as a word', result: { ...allow, Allowed: 'true' }, is: fails('wrong_shape') },
    {
      name: 'a result that is a list',
      reply: json({ data: { guardrailsResult: ['x'] } }),
      is: fails('wrong_shape'),
    },
    {
      name: 'a missing requestPayload, 422',
      reply: json({ success: false, data: { error: 'requestPayload is required' } }, 422),
      is: fails('http_status'),
    },
    { name: 'a refused token, a page', reply: text('<html>401</html>', 401), is: fails('unauthorized') },
  ])('$name', async ({ is, ...row }) => {
    expect(await judged(row, request)).toMatchObject(is);
  });
});

describe('a check of a response', () => {
  const merged = (requestResult: object, responseResult: object, outer: object = allow) => ({
    ...outer,
    requestResult,
    responseResult,
  });
  const leak = { ...deny, behaviour: 'block', Reason: 'Response leaks an email address' };
  const responseMasked = { ...allow, Modified: true, ModifiedPayload: maskedResponse() };

  test.each<Row & { is: object }>([
    {
      name: 'a denial in responseResult alone',
      result: merged(allow, leak),
      is: { action: 'BLOCKED', counted: 'block' },
    },
    {
      name: 'a denial in responseResult that the outer object repeats',
      result: merged(allow, leak, deny),
      is: { action: 'BLOCKED', counted: 'block' },
    },
    {
      name: 'an alert in responseResult that the outer object repeats without it',
      result: merged(allow, { ...deny, behaviour: 'alert' }, deny),
      is: { action: 'NONE', counted: 'flagged' },
    },
    {
      name: 'a failOpen of the response side behind an allow of the request side',
      result: merged(allow, { ...allow, failOpen: true, error: 'timeout' }),
      is: { action: 'BLOCKED', counted: 'no_verdict' },
    },
    {
      name: 'a denial of the response side behind a failOpen of the request side, under fail_open',
      env: { UNREACHABLE_FALLBACK: 'fail_open' },
      result: merged({ ...allow, failOpen: true }, leak, { ...deny, failOpen: true, error: 'timeout' }),
      is: { action: 'BLOCKED', counted: 'block' },
    },
    {
      name: 'a redaction of the response',
      env: { RESPONSE_REDACTION: 'rewrite' },
      result: responseMasked,
      is: { action: 'GUARDRAIL_INTERVENED', texts: ['Sent to ****.'], counted: 'modify' },
    },
    {
      name: 'a redaction of the response side in a merged result',
      env: { RESPONSE_REDACTION: 'rewrite' },
      result: merged(allow, responseMasked),
      is: { action: 'GUARDRAIL_INTERVENED', texts: ['Sent to ****.'], counted: 'modify' },
    },
    {
      name: 'a redaction of the request side in a merged result, which was applied before',
      result: merged(
        { ...allow, Modified: true, ModifiedPayload: JSON.stringify({ body: sent(MASKED) }) },
        allow,
        { ...allow, Modified: true, ModifiedPayload: JSON.stringify({ body: sent(MASKED) }) },
      ),
      is: { action: 'NONE', counted: 'allow' },
    },
    {
      name: 'a redaction under the default',
      result: responseMasked,
      is: { action: 'BLOCKED', counted: 'modify' },
    },
  ])('$name', async ({ is, ...row }) => {
    expect(await judged(row, { ...response, litellm_version: '1.106.2' })).toMatchObject(is);
  });

  function maskedResponse() {
    const message = { content: 'Sent to ****.', role: 'assistant' };
    return JSON.stringify({ body: JSON.stringify({ choices: [{ message }] }) });
  }
});
