import { createPrivateKey, sign } from 'node:crypto';
import * as v from 'valibot';
import { parseInner } from '../guardrail/json.ts';
import { type BackendEntry, SetupError } from './backend.ts';
import type { Http } from './http.ts';
import { Renewed } from './renewed.ts';
import { askForToken } from './token-endpoint.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const METADATA_HOST = 'metadata.google.internal';
const METADATA_PATH = '/computeMetadata/v1/instance/service-accounts/default/token';

const ServiceAccount = v.object({
  type: v.literal('service_account'),
  client_email: v.string(),
  private_key: v.string(),
  private_key_id: v.optional(v.string()),
  token_uri: v.optional(v.pipe(v.string(), v.url()), TOKEN_URL),
});

const Token = v.object({
  // It is sent as a header
  access_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)),
  expires_in: v.pipe(v.number(), v.minValue(1)),
});

/** Who the bridge is at Google: plain data. Without a key, the machine's own service account, told by its metadata server. */
export type GoogleAccount = {
  readonly tokenUrl: string;
  readonly key?: v.InferOutput<typeof ServiceAccount>;
};

/**
 * The account of an entry: a service account from its `secret` or from the file that `GOOGLE_APPLICATION_CREDENTIALS` names, otherwise
 * that of the machine.
 *
 * @throws SetupError for a file that is no key of a service account
 * @see https://cloud.google.com/docs/authentication/application-default-credentials
 */
export function googleAccount(
  entry: Pick<BackendEntry<unknown>, 'secret' | 'tokenUrl' | 'variable' | 'readFile'>,
): GoogleAccount {
  const { secret, tokenUrl, variable } = entry;
  const path = variable('GOOGLE_APPLICATION_CREDENTIALS');
  const text = secret ?? (path === undefined ? undefined : entry.readFile(path));
  if (text === undefined) {
    const host = variable('GCE_METADATA_HOST') ?? METADATA_HOST;
    return { tokenUrl: tokenUrl ?? `http://${host}${METADATA_PATH}` };
  }
  const key = v.safeParse(ServiceAccount, parseInner(text));
  if (!key.success || !isPrivateKey(key.output.private_key)) {
    const field = key.success ? 'private_key' : (v.getDotPath(key.issues[0]) ?? 'type');
    throw new SetupError(
      'secret',
      `is no JSON key of a service account (see its "${field}"): write secret: { file: key.json }, or leave it out to use the machine's own account`,
    );
  }
  return { tokenUrl: tokenUrl ?? key.output.token_uri, key: key.output };
}

function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

/** Fetches the tokens of an account for one thread, each as the value of `Authorization`. They are good for all of Google Cloud. */
export function googleToken({ key, tokenUrl }: GoogleAccount, http: Http): Renewed<string> {
  return new Renewed(async () => {
    const { text } = await askForToken(
      http,
      tokenUrl,
      key === undefined
        ? { headers: { 'metadata-flavor': 'Google' } }
        : { form: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion(key) } },
    );
    const { access_token, expires_in } = v.parse(Token, JSON.parse(text));
    return { value: `Bearer ${access_token}`, seconds: expires_in };
  });
}

/**
 * A claim to be the account, good for an hour, which is the longest.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
 */
function assertion(key: v.InferOutput<typeof ServiceAccount>): string {
  // A clock that is fast by less than a minute says no time to come
  const iat = Math.floor(Date.now() / 1000) - 60;
  const header = { alg: 'RS256', typ: 'JWT', ...(key.private_key_id && { kid: key.private_key_id }) };
  const claims = { iss: key.client_email, scope: SCOPE, aud: key.token_uri, iat, exp: iat + 3600 };
  const content = `${base64url(header)}.${base64url(claims)}`;
  return `${content}.${sign('sha256', Buffer.from(content), key.private_key).toString('base64url')}`;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
