import { degradedFindings, PARTS, type Part } from '../findings/degraded-parts.ts';
import type { BridgeFinding } from '../findings/finding.ts';
import { newCanaryId } from '../guardrail/canary.ts';
import type { CanaryReply } from '../http/canary.ts';
import { type BridgeClient, NoBridgeError, type NoCanaryReply, type Readiness } from './bridge-client.ts';
import type { Examined, Look } from './check.ts';

export type ExaminedBridge = Examined & {
  /** Its own report; undefined if it does not answer. */
  readonly reply: CanaryReply | NoCanaryReply | undefined;
};

/** Asks a running bridge how it is. */
export async function examineBridge(bridge: BridgeClient): Promise<ExaminedBridge> {
  const { url } = bridge;
  const startedAt = performance.now();
  const line = (ok: boolean, text: string): Look => ({
    ...{ section: 'bridge', ok, text },
    ms: Math.round(performance.now() - startedAt),
  });
  const [ready, reply] = await Promise.all([
    orProblem(bridge.readiness()),
    orProblem(bridge.canary(newCanaryId())),
  ]);
  if (reply instanceof NoBridgeError || (ready instanceof NoBridgeError && bridge.ops === undefined)) {
    const error = ready instanceof NoBridgeError ? ready : (reply as NoBridgeError);
    return { checks: [line(false, error.message)], findings: [unreachable(url, error)], reply: undefined };
  }
  const known = typeof reply === 'string' ? undefined : reply;
  const release = known === undefined ? 'answers' : `release ${known.release} answers`;
  if (ready instanceof NoBridgeError) {
    return {
      checks: [line(false, `${url}: ${release}; ${ready.message}`)],
      findings: [unreachable(bridge.ops ?? url, ready), ...refusal(url, reply)],
      reply,
    };
  }
  const findings = [...ready.findings, ...troubles(ready), ...refusal(url, reply)];
  const parts = ready.unhappy.filter((name) => name !== 'findings');
  const trouble = parts.length === 0 ? '' : `; in trouble: ${parts.join(', ')}`;
  return {
    checks: [line(findings.length === 0, `${url}: ${release}, ${ready.status}${trouble}`)],
    findings,
    reply,
  };
}

/** A reply, or why it is none. */
function orProblem<T>(reply: Promise<T>): Promise<T | NoBridgeError> {
  return reply.catch((error: unknown) => {
    if (error instanceof NoBridgeError) return error;
    throw error;
  });
}

function unreachable(subject: string, { message, remedy }: NoBridgeError): BridgeFinding {
  const advice = 'start it, or name its address with --bridge; leave it out with --no-bridge';
  return { ...{ code: 'bridge_unreachable', subject, message, advice }, ...remedy };
}

/** Parts in trouble of which no finding tells. */
function troubles({ unhappy, findings }: Readiness): readonly BridgeFinding[] {
  const told = new Set(findings.map(({ subject }) => subject));
  const isPart = (name: string): name is Part => PARTS.some((part) => part === name);
  const others = unhappy.filter((name) => name !== 'findings' && !isPart(name) && !told.has(name));
  return [
    ...others.map(
      (name): BridgeFinding => ({
        code: 'bridge_degraded',
        subject: name,
        message: `/readyz of the bridge says that ${name} is in trouble`,
        advice: 'see its log, and Health in the guide to operations',
      }),
    ),
    // A bridge of an earlier release does not tell it by itself
    ...degradedFindings(unhappy.filter(isPart), findings),
  ];
}

function refusal(url: string, reply: CanaryReply | NoCanaryReply): readonly BridgeFinding[] {
  if (reply === 'address') {
    const message = `the bridge at ${url} does not let this machine ask about calls: its address is not in ALLOWED_IPS`;
    const advice = 'run the doctor where LiteLLM runs, or add the address of this machine to ALLOWED_IPS';
    return [{ code: 'address_refused', subject: url, message, advice }];
  }
  if (reply !== 'refused') return [];
  return [
    {
      code: 'bridge_key_wrong',
      subject: url,
      message: `the bridge at ${url} does not take the key of the doctor, so nothing can be asked about calls`,
      advice: 'give the doctor the BRIDGE_API_KEYS of that bridge in its environment',
    },
  ];
}
