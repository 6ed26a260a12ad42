/**
 * Why a backend gave no verdict. `timeout` is any reply not complete within the deadline: no connection, no
 * reply, a drip-fed or a never-ending body. `unauthorized` is a vendor that refuses our token, `oversize` a reply over the limit,
 * `no_verdict` a well-formed reply in which the vendor says that it could not judge, `loop` a call that bridges pass round among
 * themselves, `breaker_open` a backend not asked because it kept failing, `cancelled` a call whose decision nobody waits for any more,
 * `bug` our own mistake.
 */
export type Failure =
  | { readonly kind: 'timeout'; readonly afterMs: number }
  | { readonly kind: 'unreachable'; readonly code: string }
  | { readonly kind: 'tls'; readonly code: string }
  | { readonly kind: 'unauthorized'; readonly status: 401 | 403 }
  | { readonly kind: 'http_status'; readonly status: number }
  | { readonly kind: 'not_json' }
  | { readonly kind: 'wrong_shape'; readonly field: string }
  | { readonly kind: 'oversize' }
  | { readonly kind: 'no_verdict' }
  | { readonly kind: 'loop' }
  | { readonly kind: 'breaker_open' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'bug'; readonly error: unknown };

export const FAILURE_KINDS = [
  'timeout',
  'unreachable',
  'tls',
  'unauthorized',
  'http_status',
  'not_json',
  'wrong_shape',
  'oversize',
  'no_verdict',
  'loop',
  'breaker_open',
  'cancelled',
  'bug',
] as const satisfies readonly Failure['kind'][];
export type FailureKind = Failure['kind'];

/** The operator's choice for a check without a verdict; `defer` sends a 503 so that LiteLLM's setting decides. */
export const UNREACHABLE_FALLBACKS = ['fail_closed', 'fail_open', 'defer'] as const;
export type UnreachableFallback = (typeof UNREACHABLE_FALLBACKS)[number];

/** The reply to a refused delivery, beside its status. `reply` is the vendor's text: never for a log. */
export type Refusal = { readonly retryAfterMs?: number; readonly reply?: string };

/** Thrown where more is known of what went wrong than can be read off an exception of the HTTP client. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly failure: Failure;
  readonly refusal: Refusal;

  constructor(failure: Failure, refusal: Refusal = {}) {
    super(failure.kind);
    this.failure = failure;
    this.refusal = refusal;
  }
}

/** `HTTP 503`, `timeout`: a failure as people are told of it. */
export const failureWords = ({
  kind,
  status,
}: {
  readonly kind: string;
  readonly status?: number | undefined;
}): string => (status === undefined ? kind.replaceAll('_', ' ') : `HTTP ${status}`);
