/** Servers, clients and deadlines of one test, closed when it has ended. */
import { onTestFinished } from 'vitest';
import { createHttp, type Http, type HttpOptions } from '../../src/backends/http.ts';
import { type Deadline, startDeadline } from '../../src/guardrail/deadline.ts';
import { type FakeBackend, type Reply, startFakeBackend } from './fake-backend.ts';

/** The server of a vendor. */
export async function fakeBackend(reply?: Reply): Promise<FakeBackend> {
  const backend = await startFakeBackend(reply);
  onTestFinished(() => backend.close());
  return backend;
}

/** The HTTP client of backends. */
export function openHttp(options?: HttpOptions): Http {
  const http = createHttp(options);
  onTestFinished(() => http.close());
  return http;
}

/** The time of a check, long enough not to matter unless it is given. */
export function deadlineOf({ timeoutMs = 15_000, parent }: DeadlineOptions = {}): Deadline {
  const deadline = startDeadline(timeoutMs, parent);
  onTestFinished(() => deadline.clear());
  return deadline;
}

type DeadlineOptions = { readonly timeoutMs?: number; readonly parent?: AbortSignal | undefined };
