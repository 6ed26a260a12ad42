import type { CanarySight } from '../calls/canaries.ts';
import type { BridgeFinding } from '../findings/finding.ts';
import { newCanaryId } from '../guardrail/canary.ts';
import type { CanaryReply } from '../http/canary.ts';
import { type BridgeClient, NoBridgeError, type NoCanaryReply, type RefusedCounts } from './bridge-client.ts';
import { canaryFindings } from './canary-findings.ts';
import { type CanaryResult, releaseTold, returnText, storyLine, storyOf } from './canary-story.ts';
import type { Examined, Look } from './check.ts';
import {
  CANARY_KINDS,
  type CanaryKind,
  type CanaryReturn,
  NoProxyError,
  type ProxyClient,
} from './proxy-client.ts';

/** LiteLLM sends its log events every five seconds; one that retries needs a little more. */
const LOG_WAIT_MS = 20_000;
/** Where nobody needs them. */
const OPTIONAL_LOG_WAIT_MS = 8000;
/** Longest that events may still come once some were refused. */
const REFUSED_WAIT_MS = 3000;
/** Until what several replicas saw is known everywhere. */
const JUDGED_WAIT_MS = 2000;
const POLL_MS = 500;

/** Names that models for something else than chats have, where nothing else tells. */
const NO_CHAT = /embed|whisper|tts|dall-?e|image|rerank|moderation|transcri|speech|audio|ocr|completion/i;
/** Most names of models that are told. */
const MAX_NAMES = 10;

export type ExaminedProxy = Examined & {
  /** The release of LiteLLM; null if nothing told it. */
  readonly release: string | null;
};

/** Clock and pause, in milliseconds. */
export type DoctorClock = {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
};

export type ProxyCheckOptions = {
  readonly bridge: BridgeClient;
  /** The report of the bridge; undefined if it does not answer. */
  readonly reply: CanaryReply | NoCanaryReply | undefined;
  /** The model to call; undefined for the first that is for chats. */
  readonly model: string | undefined;
} & DoctorClock;

/** Calls a model through a running proxy, some tokens each, and compares with what came to the bridge. */
export async function examineProxy(proxy: ProxyClient, options: ProxyCheckOptions): Promise<ExaminedProxy> {
  const checks: Look[] = [];
  const findings: BridgeFinding[] = [];
  let release: string | null = null;
  const line = (ok: boolean, text: string, ms?: number) => {
    checks.push({ section: 'proxy', ok, text, ...(ms !== undefined && { ms: Math.round(ms) }) });
  };
  try {
    const startedAt = performance.now();
    release = await proxy.release();
    const models = await proxy.models();
    line(true, `LiteLLM at ${proxy.url} takes the key`, performance.now() - startedAt);
    const model = options.model ?? (await modelForChats(proxy, models));
    const called = await callAll(proxy, { ...options, model, models, release }, line);
    findings.push(...called.findings);
    release = called.release;
    const servers = await proxy.mcpServers().catch(() => 0);
    if (servers > 0)
      line(true, `MCP: ${servers} servers; no tool was called, as that can change something: see --litellm`);
  } catch (error) {
    const problem = problemOf(error, proxy.url, options.bridge.url);
    line(false, problem.message);
    findings.push(problem);
  }
  return { checks, findings, release };
}

function problemOf(error: unknown, url: string, bridge: string): BridgeFinding {
  if (error instanceof NoBridgeError) {
    const advice = 'see its log: it answered before';
    return { code: 'bridge_unreachable', subject: bridge, message: error.message, advice };
  }
  if (!(error instanceof NoProxyError)) throw error;
  const { code, message } = error;
  const advice =
    code === 'proxy_key_wrong'
      ? 'give --key, or LITELLM_MASTER_KEY in the environment, a key that LiteLLM knows'
      : code === 'canary_failed'
        ? 'name one with --model'
        : 'start it, or mend the address that --proxy has';
  return { code, subject: url, message, advice };
}

/** @throws NoProxyError if there is none */
async function modelForChats(proxy: ProxyClient, models: readonly string[]): Promise<string> {
  const others = await proxy.otherModels().catch(() => new Set<string>());
  const chats = models.filter((name) => !others.has(name) && !name.includes('*'));
  const model = chats.find((name) => !NO_CHAT.test(name)) ?? chats[0];
  if (model !== undefined) return model;
  throw new NoProxyError('canary_failed', 'LiteLLM names no model for chats that this key may use');
}

type Line = (ok: boolean, text: string, ms?: number) => void;
type CallOptions = ProxyCheckOptions & {
  readonly model: string;
  readonly models: readonly string[];
  readonly release: string | null;
};

async function callAll(
  proxy: ProxyClient,
  { bridge, reply, model, models, release: said, ...waiting }: CallOptions,
  line: Line,
): Promise<Omit<ExaminedProxy, 'checks'>> {
  const before = await bridge.refusals();
  const calls = await Promise.all(CANARY_KINDS.map((kind) => callOnce(proxy, kind, model)));
  if (reply === undefined || typeof reply === 'string') {
    for (const call of calls)
      line(call.status === 200, `${call.kind} of ${model}: ${returnText(call)}`, call.ms);
    line(false, 'the bridge could not be asked what came of these calls');
    return { findings: reply === 'unknown' ? [unknownCalls(bridge.url)] : [], release: said };
  }
  const { results, isUnknown } = await sights(bridge, calls, reply, before, waiting);
  const refused = grown(before, await bridge.refusals());
  for (const [i, result] of results.entries()) {
    const { ok, text } = storyLine(result, reply);
    line(ok, `${result.kind} of ${model}: ${text}`, calls[i]?.ms);
  }
  const release = releaseTold(results) ?? said;
  const names = models.slice(0, MAX_NAMES).join(', ');
  const world = { ...reply, bridge: bridge.url, model, models: names, refused, release };
  const unknown = isUnknown ? [unknownCalls(bridge.url)] : [];
  return { findings: [...unknown, ...canaryFindings(results, world)], release };
}

function unknownCalls(url: string): BridgeFinding {
  return {
    code: 'bridge_unreachable',
    subject: url,
    message: `${url} knows no calls of the doctor (/v1/canaries), so nobody can tell if calls are judged`,
    advice:
      'ask the bridge itself, by --bridge: what stands before it may pass on some paths alone; all replicas need the release of the doctor',
  };
}

type Called = CanaryReturn & { readonly kind: CanaryKind; readonly id: string; readonly ms: number };

/** Calls again with more tokens where the model thought until there were none left. */
async function callOnce(
  proxy: ProxyClient,
  kind: CanaryKind,
  model: string,
  isSecond = false,
): Promise<Called> {
  const startedAt = performance.now();
  const id = newCanaryId();
  const back = await proxy.call(kind, model, id, isSecond);
  const isSilent = back.status === 200 && back.error === undefined && !back.hasText;
  if (isSilent && !isSecond) return callOnce(proxy, kind, model, true);
  return { ...back, kind, id, ms: performance.now() - startedAt };
}

/** Asks the bridge until all that is to be expected has come, or is late. Each time another replica may answer, which saw other things. */
async function sights(
  bridge: BridgeClient,
  calls: readonly Called[],
  { reads_events, takes_records }: CanaryReply,
  before: RefusedCounts,
  { now, sleep }: DoctorClock,
): Promise<{ readonly results: readonly CanaryResult[]; readonly isUnknown: boolean }> {
  const startedAt = now();
  const seen = calls.map(() => new Map<string, CanarySight>());
  let isUnknown = false;
  let logWaitMs = takes_records ? LOG_WAIT_MS : OPTIONAL_LOG_WAIT_MS;
  for (;;) {
    const results = await Promise.all(
      calls.map(async (call, i): Promise<CanaryResult> => {
        const reply = await bridge.canary(call.id);
        const sights = typeof reply === 'string' ? [] : reply.seen;
        for (const sight of sights) seen[i]?.set(JSON.stringify(sight), sight);
        isUnknown ||= reply === 'unknown';
        return { ...call, seen: [...(seen[i]?.values() ?? [])] };
      }),
    );
    const stories = results.map(storyOf).filter(({ isAnswered }) => isAnswered);
    const areJudged = stories.every(({ request, response }) => request.length > 0 && response.length > 0);
    const areLogged = !reads_events || stories.every(({ isLogged }) => isLogged);
    const passed = now() - startedAt;
    if (!areLogged && logWaitMs > passed + REFUSED_WAIT_MS) {
      const { logKeys, addresses, senders } = grown(before, await bridge.refusals());
      if (logKeys + addresses + senders > 0) logWaitMs = passed + REFUSED_WAIT_MS;
    }
    if (passed > logWaitMs || ((areJudged || passed > JUDGED_WAIT_MS) && areLogged))
      return { results, isUnknown };
    await sleep(POLL_MS);
  }
}

function grown(before: RefusedCounts, after: RefusedCounts): RefusedCounts {
  return {
    callKeys: after.callKeys - before.callKeys,
    logKeys: after.logKeys - before.logKeys,
    addresses: after.addresses - before.addresses,
    senders: after.senders - before.senders,
  };
}
