import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { createGround, createJudging } from '../../src/calls/judging.ts';
import { RequestMemory } from '../../src/calls/request-memory.ts';
import { parseConfig } from '../../src/config/config.ts';
import { DecisionRows } from '../../src/decisions/decision-rows.ts';
import { MemoryStore } from '../../src/state/memory-store.ts';
import type { StoredEntry, StoredQuery } from '../../src/state/state-store.ts';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';
import {
  answer,
  as,
  byModel,
  chat,
  completion,
  MAIL,
  plain,
  redacting,
  type StateCall,
  sampled,
  stream,
} from '../support/state-calls.ts';

/** A store that notes what is asked of it. */
class CountedStore extends MemoryStore {
  readonly reads: number[] = [];
  readonly writes: number[] = [];

  override read(queries: readonly StoredQuery[]) {
    this.reads.push(queries.length);
    return super.read(queries);
  }

  override write(entries: readonly StoredEntry[]) {
    this.writes.push(entries.length);
    return super.write(entries);
  }
}

const ROLES = {
  policies: { chain: ['rbac'] },
  policy: { rbac: { deny_if_missing: [], roles: { few: { allowed_models: ['house'] } } } },
};
const REQUESTS_ALONE = {
  policies: { chain: ['prompt-injection', 'tool-validation'] },
  policy: { 'prompt-injection': { action: 'block' }, 'tool-validation': {} },
};
const asked = chat('house', 'hello', plain);
const said = answer('house', 'hi', plain);
const streamed = answer('house', 'hi', stream);

type Case = {
  readonly name: string;
  readonly policies: object;
  readonly hasVendor?: boolean;
  readonly calls: readonly StateCall[];
  /** Values of each reading and writing. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
};

const CASES: readonly Case[] = [
  {
    name: 'policies of requests alone',
    policies: REQUESTS_ALONE,
    calls: [asked, said, streamed],
    reads: [],
    writes: [],
  },
  {
    name: 'policies of responses',
    policies: { policies: { chain: ['secrets'] } },
    calls: [asked, said],
    reads: [],
    writes: [],
  },
  {
    name: 'policies of streams',
    policies: { policies: { chain: ['secrets'] } },
    calls: [asked, streamed],
    reads: [1],
    writes: [],
  },
  {
    name: 'streams of completions',
    policies: { policies: { chain: ['secrets'] } },
    calls: [completion, streamed],
    reads: [1],
    writes: [1],
  },
  {
    name: 'streams of chats',
    policies: { policies: { chain: ['secrets'] } },
    calls: [{ ...asked, ...stream }, streamed],
    reads: [1],
    writes: [1],
  },
  { name: 'rules by model', policies: byModel, calls: [asked, said, said], reads: [1, 1], writes: [1] },
  { name: 'a sample', policies: sampled, calls: [asked, said], reads: [1], writes: [1] },
  {
    name: 'roles with models',
    policies: ROLES,
    calls: [
      { ...asked, ...as('few') },
      { ...said, ...as('few') },
    ],
    // Names of models are exchanged beside the first call
    reads: [1, 1],
    writes: [1, 1],
  },
  {
    name: 'markers',
    policies: redacting,
    calls: [chat('house', MAIL, plain), said],
    reads: [1],
    writes: [1],
  },
  { name: 'no markers in a call', policies: redacting, calls: [asked, said], reads: [1], writes: [] },
  {
    name: 'a vendor of responses',
    policies: { policies: { chain: [] } },
    hasVendor: true,
    calls: [asked, said],
    reads: [1],
    writes: [1],
  },
  {
    name: 'all of it',
    policies: { ...byModel, ...redacting, policy: { ...byModel.policy, ...redacting.policy } },
    hasVendor: true,
    calls: [chat('house', MAIL, plain), said],
    reads: [3],
    writes: [3],
  },
];

test.each(CASES)(
  'with $name a call makes the round trips that it needs, and no others',
  async ({ policies, hasVendor, calls, reads, writes }) => {
    const POLICY_FILE = join(temporaryFolder(), 'policies.json');
    writeFileSync(POLICY_FILE, JSON.stringify(policies));
    const vendor = await startFakeBackend(aktoAllows);
    const env = {
      POLICY_FILE,
      BLOCKED_HISTORY: 'block',

      ...(hasVendor && aktoAt(vendor.url)),
    };
    const store = new CountedStore(1024 * 1024);
    const config = parseConfig(env, backends);
    const ground = createGround(config, { store, destination: { write() {} } });
    await ground.shared?.start();
    const { handler, http } = createJudging(config, ground, {
      records: undefined,
      decisions: new DecisionRows([]),
      audit: { decided() {} },
      requests: new RequestMemory(),
      release() {},
      other: {},
    });
    onTestFinished(async () => {
      await Promise.all([http.close(), ground.shared?.close(), vendor.close()]);
    });
    const id = randomUUID();
    for (const call of calls) {
      const body = { litellm_call_id: id, litellm_trace_id: 't', litellm_version: '1.110.2', ...call };
      const { status } = await handler.handle(Buffer.from(JSON.stringify(body)), { onGone() {} });
      expect(status).toBe(200);
    }
    expect({ reads: store.reads, writes: store.writes }).toEqual({ reads, writes });
  },
);
