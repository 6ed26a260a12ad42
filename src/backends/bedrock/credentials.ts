import { homedir } from 'node:os';
import { parse } from 'ini';
import { fieldsOf, textOf } from '../../guardrail/call.ts';
import { type BackendEntry, NotHereError, SetupError } from '../backend.ts';
import type { WebIdentity } from './web-identity.ts';

/** Keys that sign requests. */
export type Keys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that were lent for a while. */
  readonly sessionToken?: string | undefined;
};

/** How requests prove who sends them: plain data. */
export type Credentials =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'keys'; readonly keys: Keys }
  | ({ readonly kind: 'web_identity' } & WebIdentity);

type Asked = Pick<
  BackendEntry<{ readonly profile?: string | undefined }>,
  'secret' | 'tokenUrl' | 'options'
> &
  Pick<BackendEntry<unknown>, 'variable' | 'readFile'>;

const NONE =
  'is missing: write secret: {env: AWS_BEARER_TOKEN_BEDROCK} or profile: NAME, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ' +
  'AWS_PROFILE, or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN in the environment';

/**
 * The credentials of an entry, looked for in the order of AWS's own clients: the secret or the profile that it names, then of the
 * environment a key of Bedrock, keys, a web identity, a profile.
 *
 * @throws SetupError if there are none
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function credentialsOf(entry: Asked, region: string): Credentials {
  const { secret, options, variable } = entry;
  // A variable that others use too does not go before what the entry says
  const isVariable = secret === variable('AWS_BEARER_TOKEN_BEDROCK');
  if (secret !== undefined && !(isVariable && options.profile !== undefined))
    return { kind: 'bearer', token: secret };
  if (options.profile !== undefined) return { kind: 'keys', keys: keysOfProfile(entry, options.profile) };
  const accessKeyId = variable('AWS_ACCESS_KEY_ID');
  const secretAccessKey = variable('AWS_SECRET_ACCESS_KEY');
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const sessionToken = variable('AWS_SESSION_TOKEN');
    return { kind: 'keys', keys: { accessKeyId, secretAccessKey, sessionToken } };
  }
  const tokenFile = variable('AWS_WEB_IDENTITY_TOKEN_FILE');
  const roleArn = variable('AWS_ROLE_ARN');
  if (tokenFile !== undefined && roleArn !== undefined) {
    const url = entry.tokenUrl ?? `https://sts.${region}.amazonaws.com/`;
    const session = variable('AWS_ROLE_SESSION_NAME') ?? 'guardrail-bridge';
    return { kind: 'web_identity', url, roleArn, session, tokenFile };
  }
  const profile = variable('AWS_PROFILE') ?? (variable('AWS_SHARED_CREDENTIALS_FILE') && 'default');
  if (profile === undefined) throw new NotHereError('secret', NONE);
  return { kind: 'keys', keys: keysOfProfile(entry, profile) };
}

/** The keys of a profile. A change of the file is seen, and the policy file read again. */
function keysOfProfile({ variable, readFile }: Asked, name: string): Keys {
  const file = variable('AWS_SHARED_CREDENTIALS_FILE') ?? '~/.aws/credentials';
  const profile = profileIn(readFile(file.replace(/^~(?=\/)/, homedir())), name);
  const accessKeyId = textOf(profile.aws_access_key_id);
  const secretAccessKey = textOf(profile.aws_secret_access_key);
  const sessionToken = textOf(profile.aws_session_token);
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken };
  const message = `"${name}" has no aws_access_key_id and aws_secret_access_key in ${file}; write a profile that has: roles and SSO are not read`;
  throw new SetupError('profile', message);
}

/** A section of an INI file, whose reader takes a dot in a name for a section in a section. AWS does not care for the case of keys. */
function profileIn(text: string, name: string): Readonly<Record<string, unknown>> {
  let section: unknown = parse(text);
  for (const part of name.split('.')) section = fieldsOf(section)[part];
  return Object.fromEntries(
    Object.entries(fieldsOf(section)).map(([key, value]) => [key.toLowerCase(), value]),
  );
}
