import { aktoReply } from './akto.ts';
import { type FakeBackend, json, type Reply, startFakeBackend } from './fake-backend.ts';
import { CANARY } from './hostile-calls.ts';
import { Mutator, textOf, treeOf } from './hostile-json.ts';
import { readEnvelope } from './recording-bridge.ts';

/** How the vendors of a bridge reply to checks; to records they reply as real ones do. */
export type Conduct = 'sound' | 'hostile' | 'blocking';

type Envelope = Record<string, string | null>;
type AktoTag = Readonly<Record<string, string>>;

/** An Akto and a Capsule, whose replies depend on nothing but what they are asked. */
export type HostileVendors = {
  readonly akto: string;
  readonly capsule: string;
  /** What records that Akto got say of themselves. */
  readonly recorded: readonly AktoTag[];
  close(): Promise<void>;
};

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const NOTHING = { Modified: false, ModifiedPayload: '', Reason: '', behaviour: '' };

/** The reply to a check: by its hash an allow, a block, or a redaction of what was sent. */
function sound(hash: number, payload: string): object {
  const result =
    hash % 7 === 0
      ? { ...NOTHING, Allowed: false, Reason: 'no', behaviour: 'block' }
      : hash % 3 === 0
        ? { ...NOTHING, Allowed: true, Modified: true, ModifiedPayload: payload.replaceAll(CANARY, '') }
        : { ...NOTHING, Allowed: true };
  return { success: true, data: { success: true, guardrailsResult: result } };
}

const NO_JSON = ['', 'null', '[]', '"x"', '<html>', '{"a":1', '\ufeff{}', '1e999', '{"data":'];

/** The same with changes, no JSON, another status, or none. */
function hostile(hash: number, value: object): Reply {
  const mutator = new Mutator(hash, [treeOf(value)]);
  const chance = mutator.next();
  return (_, response) => {
    if (chance < 0.01) return void response.destroy();
    if (chance < 0.02) return void response.writeHead(mutator.pick([500, 503, 302])).end('{}');
    if (chance < 0.07) return void response.writeHead(mutator.pick([201, 206, 400, 404, 422])).end('{}');
    if (chance < 0.15) return void response.end(mutator.pick(NO_JSON));
    const tree = treeOf(value);
    if (chance < 0.6) mutator.mutate(tree);
    const bytes = Buffer.from(textOf(tree));
    response.end(chance < 0.2 ? mutator.damage(bytes) : bytes);
  };
}

export async function startHostileVendors(conduct: Conduct): Promise<HostileVendors> {
  const recorded: AktoTag[] = [];
  const keep = (envelope: Envelope) => recorded.push(readEnvelope(envelope).tag);
  const said = (hash: number, value: object) => (conduct === 'hostile' ? hostile(hash, value) : json(value));
  const akto: FakeBackend = await startFakeBackend((request, response) => {
    akto.seen.length = 0;
    const body = request.body as { batchData?: Envelope[] } & Envelope;
    if (request.path.endsWith('/api/ingestData')) {
      for (const envelope of body.batchData ?? []) keep(envelope);
      return json({ success: true })(request, response);
    }
    const isRecord = request.query.get('ingest_data') === 'true';
    if (isRecord) keep(body);
    const isJudging = ['guardrails', 'response_guardrails'].some(
      (flag) => request.query.get(flag) === 'true',
    );
    if (!isJudging) return aktoReply()(request, response);
    if (conduct === 'blocking') {
      return aktoReply({ ...NOTHING, Allowed: false, behaviour: 'block', Reason: 'no' })(request, response);
    }
    const payload =
      (request.query.has('response_guardrails') ? body.responsePayload : body.requestPayload) ?? '';
    const hash = hashOf(payload);
    return (isRecord ? json : (value: object) => said(hash, value))(sound(hash, payload))(request, response);
  });
  const capsule: FakeBackend = await startFakeBackend((request, response) => {
    capsule.seen.length = 0;
    if (!request.path.endsWith('/events/pre')) return json({ ok: true })(request, response);
    const hash = hashOf(request.text.replaceAll(/[0-9a-f-]{36}/g, ''));
    const decision = hash % 9 === 0 ? 'deny' : 'allow';
    return said(hash, { decision, reason: 'invented' })(request, response);
  });
  return {
    akto: akto.url,
    capsule: capsule.url,
    recorded,
    async close() {
      await Promise.all([akto.close(), capsule.close()]);
    },
  };
}
