import type { Context } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { DecisionKeeper, DecisionsHealth } from '../decisions/keeper.ts';
import { type BridgeFinding, FINDINGS } from '../findings/finding.ts';
import type { FailureKind } from '../guardrail/failure.ts';
import type { Releases, ReleasesReport } from '../litellm/releases.ts';
import type { ConfiguredBackends } from '../pipeline/backends.ts';
import type { BreakerState } from '../pipeline/breaker.ts';
import type { JudgingBackend } from '../pipeline/check-backend.ts';
import type { RecordsThread } from '../records/records-thread.ts';

/** How a backend stands with a process. */
export type Standing = Pick<JudgingBackend, 'name' | 'mode' | 'timeoutMs'> & {
  readonly breaker: BreakerState;
  /** It refuses our token. */
  readonly isRefused: boolean;
  /** The kind of its last failure, once it failed some calls in a row. */
  readonly failing: FailureKind | null;
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

export type ReadyRouteOptions = {
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
    worst.set(one.name, { ...known, breaker, isRefused: known.isRefused || one.isRefused, failing });
  }
  return [...worst.values()];
}

/** How backends stand with this process. */
export const standingsOf = ({ all }: Pick<ConfiguredBackends, 'all'>): readonly Standing[] =>
  all.map(({ name, mode, timeoutMs, breaker, access }) => ({
    ...{ name, mode, timeoutMs, breaker: breaker.state() },
    ...{ isRefused: access.isRefused, failing: access.failing },
  }));

/** `/healthz`: the process answers. */
export function healthRoute(c: Context): Response {
  return c.json({ status: 'ok' });
}

/**
 * `/readyz`: 200 from the first moment, since nothing has to be warmed up, until the bridge drains. A backend in
 * trouble, or one that refuses our token, is named and does not make it unready: the fail mode decides for it, and taking all replicas out of
 * service would stop the traffic that `fail_open` lets pass. The same goes for records: `outbox` is unhappy while
 * nothing can be stored, while it nears its bounds, and while a backend refuses our token; `database` while the one that
 * replicas share cannot be used, with those of its uses that fail: this machine keeps what comes, and calls are judged by what it knows itself; `audit` and
 * `decisions` while decisions cannot be written down. `litellm` tells of a release that is no longer supported, once one was seen.
 * `findings` is what live traffic and the state of the bridge show to be wrong, with what to do; a fault among them is unhappy too.
 * Where several processes judge, any of them tells of all, and `workers` is unhappy while one is missing, other than at the start of all.
 */
export function readyRoute(options: ReadyRouteOptions): (c: Context) => Response {
  const { backends, records, audit, decisions, releases, isStateUp, isDraining } = options;
  return (c) => {
    const others = options.others?.();
    const own = standingsOf(backends);
    const isOwn = ({ name }: Standing) => own.some((one) => one.name === name);
    const standings = others === undefined ? own : worstOf([...own, ...others.standings.filter(isOwn)]);
    const states = standings.map(({ name, mode, breaker, isRefused, failing }) => {
      const healthy = breaker === 'closed' && !isRefused && failing === null;
      const why = { ...(isRefused && { unauthorized: true }), ...(failing !== null && { failing }) };
      return [name, { healthy, breaker, mode, ...why }] as const;
    });
    const outbox = records?.health();
    const known = releases.report(outbox?.oldRelease);
    const litellm = known.supported && others?.litellm.supported === false ? others.litellm : known;
    const isSafe =
      outbox === undefined || (outbox.storage === null && !outbox.inDanger && outbox.held.length === 0);
    const unhappy = states.flatMap(([name, { healthy }]) => (healthy ? [] : [name]));
    if (!isSafe) unhappy.push('outbox');
    const kept = others === undefined ? decisions?.health() : others.decisions;
    const failing = [
      ...(typeof outbox?.database === 'string' ? ['records'] : []),
      ...(audit.isShipping() ? [] : ['audit']),
      ...(kept?.isShipping === false ? ['decisions'] : []),
      ...(isStateUp() ? [] : ['state']),
    ];
    if (failing.length > 0) unhappy.push('database');
    if (!audit.isUp()) unhappy.push('audit');
    if (kept?.isUp === false) unhappy.push('decisions');
    if (others?.areComplete === false) unhappy.push('workers');
    const findings = others?.findings ?? options.findings();
    if (findings.some(({ code }) => FINDINGS[code] === 'fault')) unhappy.push('findings');
    const status = isDraining() ? 'draining' : unhappy.length > 0 ? 'degraded' : 'ready';
    const report = {
      status,
      unhappy,
      findings,
      backends: Object.fromEntries(states),
      ...(outbox && { outbox }),
      ...(failing.length > 0 && { database: { failing } }),
      ...(others && { workers: others.workers }),
      ...(!litellm.supported && { litellm }),
    };
    return c.json(report, isDraining() ? 503 : 200);
  };
}
