import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { BackendError } from '../../guardrail/failure.ts';
import type { Http } from '../http.ts';
import { Renewed } from '../renewed.ts';
import { askForToken } from '../token-endpoint.ts';
import type { Keys } from './credentials.ts';

/** A role that is lent to who holds a token of an identity provider, as a pod of Kubernetes does. */
export type WebIdentity = {
  /** Address of STS. */
  readonly url: string;
  readonly roleArn: string;
  /** Its name in AWS's logs. */
  readonly session: string;
  readonly tokenFile: string;
};

const text = v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/));
const Lent = v.object({
  AccessKeyId: text,
  SecretAccessKey: text,
  SessionToken: text,
  Expiration: v.pipe(v.string(), v.isoTimestamp()),
});

/**
 * Borrows the keys of a role from STS. The token is read each time: its file changes every few hours.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export function lentKeys({ url, roleArn, session, tokenFile }: WebIdentity, http: Http): Renewed<Keys> {
  return new Renewed(async () => {
    const form = {
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: roleArn,
      RoleSessionName: session,
      WebIdentityToken: (await readFile(tokenFile, 'utf8')).trim(),
    };
    const reply = await askForToken(http, url, { form });
    const fields = Object.keys(Lent.entries).map((name) => [name, elementOf(reply.text, name)]);
    const lent = v.parse(Lent, Object.fromEntries(fields));
    // By the clock of who says when they expire
    const sentAt = Date.parse(reply.date ?? '') || Date.now();
    const seconds = (Date.parse(lent.Expiration) - sentAt) / 1000;
    if (seconds <= 0) throw new BackendError({ kind: 'wrong_shape', field: 'Expiration' });
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = lent;
    return { value: { accessKeyId, secretAccessKey, sessionToken }, seconds };
  });
}

/** The text of an element; the reply has one of each name, and no entities in those that are read. */
function elementOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(xml)?.[1];
}
