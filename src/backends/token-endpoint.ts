import { BackendError } from '../guardrail/failure.ts';
import type { Http } from './http.ts';
import { toFailure } from './to-failure.ts';

/** A fetch serves more than the check that began it: it has a time of its own. */
const TIMEOUT_MS = 10_000;

/** Errors that say: these credentials are not good. RFC 6749 has the first ones come with a 400, as STS does with the others. */
const REFUSED = /invalid_grant|invalid_client|unauthorized_client|InvalidIdentityToken|ExpiredToken/;

type Asked = {
  readonly headers?: Record<string, string>;
  /** Posted; without it the request is a GET. */
  readonly form?: Record<string, string>;
};

/** A reply, and the time of day of who sent it. */
export type TokenReply = { readonly text: string; readonly date: string | null };

/**
 * Asks where tokens are fetched.
 *
 * @throws BackendError `unauthorized` if the credentials were refused, under a status of 400 too
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export async function askForToken(http: Http, url: string, { headers, form }: Asked): Promise<TokenReply> {
  try {
    const ky = await http.ky();
    const response = await ky(url, {
      method: form === undefined ? 'GET' : 'POST',
      ...(headers && { headers }),
      ...(form && { body: new URLSearchParams(form) }),
      throwHttpErrors: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    const { status } = response;
    if (response.ok) return { text, date: response.headers.get('date') };
    if (status === 401 || status === 403) throw new BackendError({ kind: 'unauthorized', status });
    if (status === 400 && REFUSED.test(text)) throw new BackendError({ kind: 'unauthorized', status: 401 });
    throw new BackendError({ kind: 'http_status', status });
  } catch (error) {
    // An error of the client holds the address, and the form with what proves who we are
    throw new BackendError(toFailure(error));
  }
}
