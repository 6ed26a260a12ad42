import type { Handler } from 'hono';
import packageJson from '../../package.json' with { type: 'json' };
import type { Canaries, CanarySight } from '../calls/canaries.ts';
import { errorBody } from '../calls/refusal.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import type { ResponseRedaction } from '../litellm/response-wiring.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import type { BridgeEnv } from './refusal.ts';

export const CANARY_PATH = '/v1/canaries/:id';

/** The reply about a call of the doctor. */
export type CanaryReply = {
  /** Of the bridge. */
  readonly release: string;
  /** False where log events are not read: `TELEMETRY=off`. */
  readonly reads_events: boolean;
  /** True if some backend takes records: then LiteLLM is to log its calls. */
  readonly takes_records: boolean;
  readonly response_redaction: ResponseRedaction;
  /** In the order in which one process saw them; empty for a call that did not come. */
  readonly seen: readonly CanarySight[];
};

export type CanaryRouteOptions = {
  readonly canaries: Pick<Canaries, 'seen'>;
  readonly records: Pick<RecordsThread, 'isOn'> | undefined;
  readonly responseRedaction: ResponseRedaction;
};

/** `GET /v1/canaries/{id}`: what came of a call that `guardrail-bridge doctor` made through LiteLLM, without content. */
export function canaryRoute({
  canaries,
  records,
  responseRedaction,
}: CanaryRouteOptions): Handler<BridgeEnv> {
  return async (c) => {
    const id = c.req.param('id');
    if (!isCanaryId(id)) {
      const message = 'not the id of a call that guardrail-bridge doctor makes';
      return c.json(errorBody({ reason: 'not_found', message }), 404);
    }
    const reply: CanaryReply = {
      release: packageJson.version,
      reads_events: records !== undefined,
      takes_records: records?.isOn === true,
      response_redaction: responseRedaction,
      seen: await canaries.seen(id),
    };
    return c.json(reply);
  };
}
