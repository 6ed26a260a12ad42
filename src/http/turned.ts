import type { Handler } from 'hono';
import { type CallRefusal, errorBody, type RefuseCall } from '../calls/refusal.ts';
import { BRIDGE_MARK } from '../guardrail/bridge-mark.ts';
import type { Door } from '../guardrail/call.ts';
import type { JsonLimits } from '../guardrail/json-nodes.ts';
import type { Metrics } from '../observability/metrics.ts';
import { AKTO_BATCH_PATH, AKTO_PROXY_PATH, aktoBatchRoute, aktoRoute, checksIn } from './akto.ts';
import {
  CAPSULE_CHECK_PATHS,
  CAPSULE_RECORD_PATHS,
  capsuleCheckRoute,
  capsuleRecordRoute,
} from './capsule.ts';
import type { JudgeBody } from './guardrail.ts';
import type { LogsRouteOptions } from './logs.ts';
import {
  type BridgeContext,
  type BridgeEnv,
  type Refuse,
  refuseGuardrailCall,
  requestHeader,
} from './refusal.ts';

/** True for what this bridge sent to a vendor, and got itself: the vendor's address is its own. */
export function isOwnRequest(c: BridgeContext): boolean {
  return Object.entries(BRIDGE_MARK).every(([name, mark]) => requestHeader(c, name) === mark);
}

/** Paths of one route. */
type Mounted = { readonly paths: readonly string[]; readonly route: Handler<BridgeEnv> };

/** The routes at which the bridge answers in the place of other vendors. */
export type TurnedRoutes = {
  readonly checks: readonly (Mounted & { readonly refuse: Refuse<CallRefusal['reason']> })[];
  readonly records: readonly Mounted[];
  /** Refuses in the form of the door that a path belongs to; undefined for any other path. */
  refuseAt(path: string): Refuse<CallRefusal['reason']> | undefined;
  readonly paths: readonly string[];
};

export type TurnedRoutesOptions = {
  readonly logs: LogsRouteOptions;
  readonly judge: JudgeBody;
  readonly refuse: RefuseCall;
  readonly isDraining: () => boolean;
  readonly limits: JsonLimits;
  /** The request under a state key as JSON, if it is remembered. */
  readonly requestOf: (key: string) => Promise<Uint8Array | undefined>;
  readonly metrics: Pick<Metrics, 'turned_calls_total' | 'rejected_total' | 'finding_calls_total'>;
};

export function turnedRoutes(options: TurnedRoutesOptions): TurnedRoutes {
  const { logs, judge, isDraining, limits, requestOf, metrics } = options;
  const at = (door: Door) => ({
    ...{ ...logs, judge, isDraining },
    asked: (asks: 'check' | 'record' | 'check_and_record') => metrics.turned_calls_total.inc({ door, asks }),
  });
  const akto = at('akto');
  const capsule = { ...at('capsule'), limits, requestOf };
  const refuseCheck = refuseGuardrailCall(options, 'akto');
  /** Nobody reads a verdict where none is asked for. */
  const refuseAkto: Refuse<CallRefusal['reason']> = (c, refusal) => {
    if (checksIn(c).length > 0) return refuseCheck(c, refusal);
    metrics.rejected_total.inc({ reason: refusal.reason });
    return c.json(errorBody(refusal), refusal.status);
  };
  const checks = [
    { paths: [AKTO_PROXY_PATH], route: aktoRoute(akto), refuse: refuseAkto },
    {
      paths: CAPSULE_CHECK_PATHS,
      route: capsuleCheckRoute(capsule),
      refuse: refuseGuardrailCall(options, 'capsule'),
    },
  ];
  const records = [
    { paths: [AKTO_BATCH_PATH], route: aktoBatchRoute(akto) },
    { paths: CAPSULE_RECORD_PATHS, route: capsuleRecordRoute(capsule) },
  ];
  return {
    checks,
    records,
    paths: [...checks, ...records].flatMap(({ paths }) => paths),
    refuseAt: (path) => checks.find(({ paths }) => paths.includes(path))?.refuse,
  };
}
