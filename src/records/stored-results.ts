import { OutboxError } from '../outbox/contract.ts';
import type { Receipt } from './posted-rows.ts';
import type { LogsResult } from './protocol.ts';

/** The reply to a POST that was stored. */
export function storedResult(receipt: Receipt): LogsResult {
  const { bad, ...others } = receipt;
  const isInvalid = bad > 0 && Object.values(others).every((rows) => rows === 0);
  return isInvalid ? { refused: 'invalid' } : JSON.stringify(receipt);
}

/** The reply to one that could not be. */
export function unstoredResult(error: unknown): LogsResult {
  if (!(error instanceof OutboxError)) throw error;
  return { refused: error.kind };
}
