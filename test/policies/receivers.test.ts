import { expect, test } from 'vitest';
import { Caller } from '../../src/guardrail/caller.ts';
import { readPolicyFile } from '../../src/policies/file/load.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { Planner } from '../../src/policies/plan.ts';
import { callOf } from '../support/call.ts';

function plannerOf(rules: readonly object[]) {
  const text = JSON.stringify({
    policies: { chain: ['secrets'] },
    rules: rules.map((rule, i) => ({ name: `rule-${i}`, trusted: true, ...rule })),
  });
  return new Planner(readPolicyFile(text, kinds, (_, make) => make()));
}

/** The receivers of a call, in one word. */
function receiversOf(planner: Planner, fields: Record<string, unknown>): string {
  const call = callOf(fields);
  const receivers = planner.receivers(call, new Caller(call));
  if (receivers === undefined) return 'all';
  return receivers.length === 0 ? 'none' : receivers.join(' ');
}

const team = (team_alias: string) => ({
  request_data: { user_api_key_hash: 'a1', user_api_key_team_alias: team_alias },
});
const headers = (request_headers: object) => ({ ...team('lab'), request_headers });
const request = (model: string, id = 'call-1') => ({ ...team('lab'), model, litellm_call_id: id });
const response = (model: string, id = 'call-1') => ({ ...request(model, id), input_type: 'response' });

type Row = {
  name: string;
  rules: readonly object[];
  calls: readonly (readonly [string, Record<string, unknown>])[];
};

test.each<Row>([
  { name: 'no rules', rules: [], calls: [['all', team('payments')]] },
  {
    name: 'rules that say nothing of records',
    rules: [{ match: { team: 'payments' }, backends: [] }],
    calls: [
      ['all', team('payments')],
      ['all', {}],
    ],
  },
  {
    name: 'the first rule that matches',
    rules: [
      { match: { team: 'legal' }, records: 'none' },
      { match: { team: ['payments', 'legal'] }, records: ['akto-payments'] },
      { match: { team: 'open' } },
      { records: ['akto', 'capsule'] },
    ],
    calls: [
      ['none', team('legal')],
      ['akto-payments', team('payments')],
      ['all', team('open')],
      ['akto capsule', team('other')],
    ],
  },
  {
    name: 'a caller that is not named',
    rules: [{ match: { team: 'payments' }, records: ['akto-payments', 'akto'] }, { records: ['akto'] }],
    calls: [['akto', {}]],
  },
  {
    name: 'a caller that is not named, where a team is left out',
    rules: [{ match: { key_alias: 'quiet' }, records: 'none' }],
    calls: [
      ['none', {}],
      ['all', team('payments')],
    ],
  },
  {
    name: 'a side of the call',
    rules: [
      { match: { team: 'legal', input_type: 'response' }, records: 'none' },
      { match: { team: 'lab', input_type: 'request' }, records: ['akto', 'capsule'] },
      { match: { team: 'lab' }, records: ['capsule', 'webhook'] },
    ],
    calls: [
      ['none', team('legal')],
      ['none', { ...team('legal'), input_type: 'response' }],
      ['capsule', { ...team('lab'), input_type: 'response' }],
    ],
  },
  {
    name: 'a header',
    rules: [{ match: { header: { 'x-quiet': 'yes' } }, records: 'none' }],
    calls: [
      ['none', headers({ 'X-Quiet': 'yes' })],
      ['all', headers({ 'x-quiet': 'no' })],
      ['all', headers({ 'x-other': 'yes' })],
      // LiteLLM withholds its value, or shows no headers at all
      ['none', headers({ 'x-quiet': '[present]' })],
      ['none', headers({})],
    ],
  },
  {
    name: 'a response that tells less of its caller than its request',
    rules: [{ match: { team: 'legal' }, records: 'none' }],
    calls: [
      ['none', { ...team('legal'), litellm_call_id: 'call-1', litellm_version: '1.110.2' }],
      [
        'none',
        {
          ...{ litellm_call_id: 'call-1', litellm_version: '1.110.2', input_type: 'response' },
          request_data: { user_api_key_hash: 'a1' },
        },
      ],
      [
        'all',
        {
          ...{ litellm_call_id: 'call-2', litellm_version: '1.110.2', input_type: 'response' },
          request_data: { user_api_key_hash: 'a1' },
        },
      ],
    ],
  },
  {
    name: 'the model that was asked for',
    rules: [
      { match: { model: 'house-quiet' }, records: 'none' },
      { match: { model: 'house-*' }, records: ['akto'] },
    ],
    calls: [
      ['none', request('house-quiet')],
      ['none', response('gpt-4o')],
      ['akto', request('house-loud', 'call-2')],
      ['akto', response('gpt-4o', 'call-2')],
      ['none', request('house-loud,house-quiet', 'call-3')],
      // A client can choose the id again
      ['akto', request('house-loud')],
      ['none', response('gpt-4o')],
      // Nobody knows what it asked for
      ['none', response('gpt-4o', 'call-4')],
    ],
  },
])('records of $name', ({ rules, calls }) => {
  const planner = plannerOf(rules);
  for (const [expected, fields] of calls) {
    const call = callOf(fields);
    // As each call is judged before it is recorded
    planner.plan(call, new Caller(call), Date.now());
    expect([receiversOf(planner, fields), fields]).toEqual([expected, fields]);
  }
});
