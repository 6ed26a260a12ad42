import aws4 from 'aws4';
import { textOf } from '../../guardrail/call.ts';
import type { Keys } from './credentials.ts';

/** Where signed requests go. */
export type SignedPath = {
  /** With the port, if it is not that of the scheme. */
  readonly host: string;
  readonly path: string;
  readonly region: string;
};

/**
 * Headers that sign a POST of JSON by Signature Version 4. The length is left unsigned: the client sets it.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export function signedHeaders(
  { host, path, region }: SignedPath,
  json: string,
  keys: Keys,
): Record<string, string> {
  const { sessionToken, ...pair } = keys;
  const { headers = {} } = aws4.sign(
    {
      ...{ service: 'bedrock', region, method: 'POST', host, path, body: json },
      headers: { 'content-type': 'application/json' },
      extraHeadersToIgnore: { 'content-length': true },
    } as aws4.Request,
    { ...pair, ...(sessionToken && { sessionToken }) },
  );
  return {
    authorization: textOf(headers.Authorization) ?? '',
    'x-amz-date': textOf(headers['X-Amz-Date']) ?? '',
    ...(sessionToken && { 'x-amz-security-token': sessionToken }),
  };
}
