import type { Context } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { DecisionKeeper, DecisionsHealth } from '../decisions/keeper.ts';
import { degradedFindings, type Part } from '../findings/degraded-parts.ts';
import { type BridgeFinding, FINDINGS } from '../findings/finding.ts';
import type { FailureKind } from '../guardrail/failure.ts';
import type { Releases, ReleasesReport } from '../litellm/releases.ts';
import type { LastFailure } from '../pipeline/access.ts';
import type { ConfiguredBackends } from '../pipeline/backends.ts';
import type { BreakerState } from '../pipeline/breaker.ts';
import type { JudgingBackend } from '../pipeline/check-backend.ts';
import type { RecordsHealth } from '../records/protocol.ts';
import type { RecordsThread } from '../records/records-thread.ts';

/** How a backend stands with a process. */
export type Standing = Pick<JudgingBackend, 'name' | 'mode' | 'timeoutMs'> & {
  readonly breaker: BreakerState;
  /** It refuses our token. */
  readonly isRefused: boolean;
  /** The kind of its last failure, once it failed some calls in a row. */
  readonly failing: FailureKind | null;
  readonly lastFailure: LastFailure | null;
};

/** The other processes of the bridge. */
export type OtherProcesses = {
  readonly standings: readonly Standing[];
  readonly litellm: ReleasesReport;
  /** Undefined where none are kept. */
  readonly decisions: DecisionsHealth | undefined;
  /** Number of processes that judge calls, and of those that there are to be. */
  readonly workers: { readonly up: number; readonly wanted: number };
  readonly findings: readonly BridgeFinding[];
  /** False while one is missing; those that are being started with all others are not. */
  readonly areComplete: boolean;
};

export type OwnReadinessOptions = {
  readonly backends: Pick<ConfiguredBackends, 'all'>;
  readonly records: RecordsThread | undefined;
  readonly audit: Pick<Auditor, 'isUp' | 'isShipping'>;
  /** Undefined where none are kept. */
  readonly decisions: Pick<DecisionKeeper, 'health'> | undefined;
  readonly releases: Releases;
  /** False while what replicas share of calls is not known. */
  readonly isStateUp: () => boolean;
  readonly isDraining: () => boolean;
  /** Findings, as this process knows them if it is alone. */
  readonly findings: () => readonly BridgeFinding[];
  /** Undefined for a process that is alone. */
  readonly others?: (() => OtherProcesses) | undefined;
};

/** In the order of how bad they are. */
const BREAKERS: readonly BreakerState[] = ['closed', 'half_open', 'open'];

/** How backends stand with one of several processes at least. */
export function worstOf(standings: readonly Standing[]): readonly Standing[] {
  const worst = new Map<string, Standing>();
  for (const one of standings) {
    const known = worst.get(one.name) ?? one;
    const breaker =
      BREAKERS.indexOf(one.breaker) > BREAKERS.indexOf(known.breaker) ? one.breaker : known.breaker;
    const failing = known.failing ?? one.failing;
    const isRefused = known.isRefused || one.isRefused;
    const isNewer = (one.lastFailure?.at ?? 0) > (known.lastFailure?.at ?? 0);
    const { lastFailure } = isNewer ? one : known;
    worst.set(one.name, { ...known, breaker, isRefused, failing, lastFailure });
  }
  return [...worst.values()];
}

/** How backends stand with this process. */
export const standingsOf = ({ all }: Pick<ConfiguredBackends, 'all'>): readonly Standing[] =>
  all.map(({ name, mode, timeoutMs, breaker, access }) => ({
    ...{ name, mode, timeoutMs, breaker: breaker.state() },
    ...{ isRefused: access.isRefused, failing: access.failing, lastFailure: access.lastFailure },
  }));

/** `/healthz`: the process answers. */
export function healthRoute(c: Context): Response {
  return c.json({ status: 'ok' });
}

/** All by which a bridge is told to be well. */
export type ReadinessFacts = {
  /** How backends stand with all processes. */
  readonly standings: readonly Standing[];
  /** Undefined where no records are kept. */
  readonly records: RecordsHealth | undefined;
  readonly litellm: ReleasesReport;
  readonly audit: { readonly isUp: boolean; readonly isShipping: boolean };
  /** Undefined where none are kept. */
  readonly decisions: DecisionsHealth | undefined;
  /** False while what replicas share of calls is not known. */
  readonly isStateUp: boolean;
  readonly isDraining: boolean;
  readonly findings: readonly BridgeFinding[];
  /** Undefined for a process that is alone. */
  readonly others: Pick<OtherProcesses, 'workers' | 'areComplete'> | undefined;
};

/** The body of `/readyz`. */
export type BridgeState = ReturnType<typeof readinessOf>;

/**
 * Tells if a bridge is well: ready from the first moment, since nothing has to be warmed up, until it drains. A backend in
 * trouble, or one that refuses our token, is named and does not make it unready: the fail mode decides for it, and taking all replicas out of
 * service would stop the traffic that `fail_open` lets pass. The same goes for records: `outbox` is unhappy while
 * nothing can be stored, while it nears its bounds, and while a backend refuses our token; `database` while the one that
 * replicas share cannot be used, with those of its uses that fail: this machine keeps what comes, and calls are judged by what it knows itself; `audit` and
 * `decisions` while decisions cannot be written down. `litellm` tells of a release that is no longer supported, once one was seen.
 * `findings` is what live traffic and the state of the bridge show to be wrong, with what to do; a fault among them is unhappy too, and a part that is
 * unhappy has a finding, its own if no other tells of it.
 * Where several processes judge, any of them tells of all, and `workers` is unhappy while one is missing, other than at the start of all.
 */
export function readinessOf(facts: ReadinessFacts) {
  const { records: outbox, litellm, audit, decisions, isStateUp, isDraining, others } = facts;
  const states = facts.standings.map(({ name, mode, breaker, isRefused, failing }) => {
    const healthy = breaker === 'closed' && !isRefused && failing === null;
    const why = { ...(isRefused && { unauthorized: true }), ...(failing !== null && { failing }) };
    return [name, { healthy, breaker, mode, ...why }] as const;
  });
  const isSafe =
    outbox === undefined || (outbox.storage === null && !outbox.inDanger && outbox.held.length === 0);
  const parts: Part[] = isSafe ? [] : ['outbox'];
  const failing = [
    ...(typeof outbox?.database === 'string' ? ['records'] : []),
    ...(audit.isShipping ? [] : ['audit']),
    ...(decisions?.isShipping === false ? ['decisions'] : []),
    ...(isStateUp ? [] : ['state']),
  ];
  if (failing.length > 0) parts.push('database');
  if (!audit.isUp) parts.push('audit');
  if (decisions?.isUp === false) parts.push('decisions');
  if (others?.areComplete === false) parts.push('workers');
  const unhappy = [
    ...states.flatMap(([name, { healthy }]) => (healthy ? [] : [name])),
    ...parts,
    ...(facts.findings.some(({ code }) => FINDINGS[code] === 'fault') ? ['findings'] : []),
  ];
  const findings = [...facts.findings, ...degradedFindings(parts, facts.findings, failing)];
  const status: 'ready' | 'degraded' | 'draining' = isDraining
    ? 'draining'
    : unhappy.length > 0
      ? 'degraded'
      : 'ready';
  return {
    status,
    unhappy,
    findings,
    backends: Object.fromEntries(states),
    ...(outbox && { outbox }),
    ...(failing.length > 0 && { database: { failing } }),
    ...(others && { workers: others.workers }),
    ...(!litellm.supported && { litellm }),
  };
}

/** The state of a process that judges, and of the others as far as they have told it. */
export function ownReadiness({
  backends,
  records,
  audit,
  decisions,
  releases,
  isStateUp,
  isDraining,
  ...told
}: OwnReadinessOptions): BridgeState {
  const others = told.others?.();
  const own = standingsOf(backends);
  const isOwn = ({ name }: Standing) => own.some((one) => one.name === name);
  const health = records?.health();
  const known = releases.report(health?.oldRelease);
  return readinessOf({
    standings: others === undefined ? own : worstOf([...own, ...others.standings.filter(isOwn)]),
    records: health,
    litellm: known.supported && others?.litellm.supported === false ? others.litellm : known,
    audit: { isUp: audit.isUp(), isShipping: audit.isShipping() },
    decisions: others === undefined ? decisions?.health() : others.decisions,
    isStateUp: isStateUp(),
    isDraining: isDraining(),
    findings: others?.findings ?? told.findings(),
    others,
  });
}

/** `/readyz`: 200 until the bridge drains, see {@link readinessOf}. */
export function readyRoute(readiness: () => BridgeState): (c: Context) => Response {
  return (c) => {
    const report = readiness();
    return c.json(report, report.status === 'draining' ? 503 : 200);
  };
}
