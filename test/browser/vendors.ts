import { setTimeout as wait } from 'node:timers/promises';
import { aktoReply } from '../support/akto.ts';
import { type FakeBackend, json, type Reply, startFakeBackend } from '../support/fake-backend.ts';

/** Words of vendors, and of headers, which no page may show. */
export const VENDOR_CANARY = 'vendor-said-kingfisher';

const NOTHING = { Modified: false, ModifiedPayload: '', behaviour: '' };
const BLOCKS = aktoReply({ Allowed: false, ...NOTHING, Reason: VENDOR_CANARY, behaviour: 'block' });
const ALLOWS = aktoReply({ Allowed: true, ...NOTHING, Reason: VENDOR_CANARY });

/** Vendors that block, fail, are late, and object while they only observe. */
export type Vendors = {
  /** Blocks texts with the word `forbidden`; takes records, or refuses them for good. */
  readonly akto: FakeBackend;
  /** Allows all; takes no records while it is down. */
  readonly capsule: FakeBackend;
  /** Answers 503 to all. */
  readonly failing: FakeBackend;
  /** Allows, but only after its time is up if a text has the word `slowly`. */
  readonly slow: FakeBackend;
  /** Blocks all. */
  readonly strict: FakeBackend;
  close(): Promise<void>;
};

const GENERIC_ALLOWS = json({ action: 'NONE' });
const GENERIC_BLOCKS = json({ action: 'BLOCKED', blocked_reason: VENDOR_CANARY });

export async function startVendors(): Promise<Vendors> {
  const akto = await startFakeBackend((request, response) => {
    if (request.path.includes('ingestData'))
      return (
        request.text.includes('unreadable') ? json({ error: VENDOR_CANARY }, 400) : json({ success: true })
      )(request, response);
    return (request.text.includes('forbidden') ? BLOCKS : ALLOWS)(request, response);
  });
  const capsule = await startFakeBackend((request, response) =>
    request.path.includes('pre')
      ? json({ decision: 'allow', reason: VENDOR_CANARY })(request, response)
      : json({ error: VENDOR_CANARY }, 503)(request, response),
  );
  const failing = await startFakeBackend(json({ error: VENDOR_CANARY }, 503));
  const slow = await startFakeBackend(late('slowly', 1500));
  const strict = await startFakeBackend(GENERIC_BLOCKS);
  const all = { akto, capsule, failing, slow, strict };
  return {
    ...all,
    close: async () => void (await Promise.all(Object.values(all).map((one) => one.close()))),
  };
}

function late(word: string, ms: number): Reply {
  return async (request, response) => {
    if (request.text.includes(word)) await wait(ms);
    if (!response.destroyed) await GENERIC_ALLOWS(request, response);
  };
}
