import * as v from 'valibot';
import { BackendError, type Failure } from '../guardrail/failure.ts';

/**
 * Sorts what a check threw, except for the deadline and the caller's leaving, which the pipeline knows itself.
 * Only the sorted value is logged: errors of HTTP clients carry addresses and headers.
 */
export function toFailure(error: unknown): Failure {
  if (error instanceof BackendError) return error.failure;
  if (v.isValiError(error)) {
    return { kind: 'wrong_shape', field: v.getDotPath(error.issues[0]) ?? 'body' };
  }
  if (!(error instanceof Error)) return { kind: 'bug', error };
  if (error instanceof SyntaxError) return { kind: 'not_json' };
  if (error.name === 'HTTPParserError') return { kind: 'unreachable', code: 'HPE' };
  if (error.name === 'TimeoutError') return { kind: 'unreachable', code: 'ETIMEDOUT' };
  const code = codeOf(error);
  if (TLS.test(code)) return { kind: 'tls', code };
  if (NETWORK.test(code)) return { kind: 'unreachable', code };
  return { kind: 'bug', error };
}

/** True if a connection broke, as a kept one does that the backend closes just then: another may do. */
export function isBrokenConnection(error: unknown): boolean {
  return BROKEN.has(codeOf(error));
}

const BROKEN = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const TLS =
  /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const NETWORK =
  /^(?:E[A-Z]+|UND_ERR_(?:SOCKET|CONNECT_TIMEOUT|HEADERS_OVERFLOW|DESTROYED|CLOSED|ABORTED|PRX_[A-Z_]+)|HPE_[A-Z_]+)$/;

/** The system's or undici's code; undici hides some in `cause`, and a failed happy-eyeballs race in `errors`. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}
