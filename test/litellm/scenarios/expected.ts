import { expect, test } from 'vitest';
import { events, type Seen } from '../client.ts';
import { chat, type Endpoint } from '../endpoints.ts';
import { address } from '../fake-akto.ts';
import { blockStatus, does, type Release } from '../release.ts';

export const blocked = /^Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}$/;
export const notChecked =
  /^Not allowed: the security check could not be completed\. \[unavailable\] Reference: [0-9a-f]{16}$/;

export const question = 'How long does a plum cake bake?';
export const recipe =
  'Boil the potatoes and peel the carrots, then chop one turnip into the soup and let it stand until the bell rings.';
export const letter = `Please write to the cook, ${address}, and ask for the whole recipe of the soup, before the bell rings.`;
export const lastWords = 'bell rings';

/** A test that exists only where it makes sense, rather than one that is reported as skipped. */
export const testIf = (wanted: boolean) => (name: string, run: () => Promise<void>) => {
  if (wanted) test(name, run);
};

/** The exact error body a client gets for a guardrail's block. */
export function expectError(release: Release, endpoint: Endpoint, seen: Seen, reason: RegExp): void {
  const message = expect.stringMatching(reason);
  const code = String(blockStatus(release));
  const untyped = { error: { message, type: 'None', param: 'None', code } };
  const typed = { error: { message, type: 'invalid_request_error', param: null, code } };
  expect(seen.json).toEqual(
    !does(release, 'types its errors')
      ? untyped
      : {
          openai: typed,
          anthropic: { type: 'error', error: { type: 'invalid_request_error', message } },
          plain: does(release, 'types all its errors') ? typed : untyped,
        }[endpoint.errors],
  );
  expect(seen.status).toBe(Number(code));
}

/** The error a client reads in a stream that had begun: its last event but for `[DONE]`. */
export function expectCut(release: Release, endpoint: Endpoint, seen: Seen, reason: RegExp): void {
  expect(seen.status).toBe(200);
  const all = events(seen.raw);
  const last = all.at(-1)?.data === '[DONE]' ? all.at(-2) : all.at(-1);
  const message = expect.stringMatching(reason);
  const isBlock = reason === blocked || reason === notChecked;
  const code = isBlock ? String(blockStatus(release)) : '500';
  if (!does(release, 'types its errors')) {
    expect(last?.data).toEqual({ error: { message, type: 'None', param: 'None', code } });
    return;
  }
  const isMessages = endpoint.path === '/v1/messages';
  if (isMessages && does(release, 'ends messages in their form')) {
    const type = isBlock ? 'invalid_request_error' : 'api_error';
    expect(last).toEqual({ event: 'error', data: { type: 'error', error: { type, message } } });
  } else if (endpoint.path === '/v1/responses') {
    expect(last?.data).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', output: [], error: { code: 'invalid_request_error', message } },
    });
  } else {
    const kind =
      isMessages || does(release, 'types all its errors')
        ? { type: isBlock ? 'invalid_request_error' : 'internal_server_error', param: null }
        : { type: 'None', param: 'None' };
    expect(last?.data).toEqual({ error: { message, ...kind, code } });
  }
}

export function expectOutcome(
  release: Release,
  seen: Seen,
  outcome: { status: number; message?: RegExp },
): void {
  expect(seen.status, seen.raw.slice(0, 300)).toBe(outcome.status);
  if (!outcome.message) {
    expect(seen.raw).toContain('A kettle boils water.');
    return;
  }
  if (outcome.message === notChecked) {
    expectError(release, chat, seen, notChecked);
    return;
  }
  const kind = does(release, 'types its errors')
    ? { type: 'internal_server_error', param: null }
    : { type: 'None', param: 'None' };
  expect(seen.json).toEqual({
    error: { message: expect.stringMatching(outcome.message), ...kind, code: '500' },
  });
}
