/** Samples are put together here, so that no scanner takes this file for a leak. */
export const fill = (length: number, letters = 'aB3dE5gH7jK9mN1pQ') => letters.repeat(20).slice(0, length);
export const capitals = (length: number) => fill(length, 'A3BCD5EFG7HJK9');
export const pem = (kind: string) => `-----BEGIN ${kind}-----`;
/** The beginning of a private key. */
const key = (kind: string) => `${pem(kind)}\nMIIEvQ${fill(58)}`;
export const jwt = [`eyJ${fill(17)}`, `eyJ${fill(40)}`, fill(43)].join('.');

export const credentials: [string, string][] = [
  ['an AWS access key', `AKIA${capitals(16)}`],
  ['a temporary AWS access key', `ASIA${capitals(16)}`],
  ['an AWS secret key', `aws_secret_access_key = ${fill(40)}`],
  ['an AWS secret key in capitals', `AWS_SECRET_ACCESS_KEY="${fill(40)}"`],
  ['an AWS secret key in JSON', `"AwsSecretKey": "${fill(40)}"`],
  ...['p', 'o', 'u', 's', 'r'].map((kind): [string, string] => [
    `a GitHub gh${kind} token`,
    `gh${kind}_${fill(36)}`,
  ]),
  ['a fine-grained GitHub token', `github_pat_${fill(22)}_${fill(59)}`],
  ...['b', 'p', 'a', 'r', 's', 'o', 'e'].map((kind): [string, string] => [
    `a Slack xox${kind} token`,
    `xox${kind}-${fill(12, '1234567890')}-${fill(24)}`,
  ]),
  ['a Slack app token', `xapp-1-${capitals(11)}-${fill(13, '1234567890')}-${fill(64, 'a1b2c3d4e5f6')}`],
  ['a Slack webhook', `https://hooks.slack.com/services/T${capitals(8)}/B${capitals(10)}/${fill(24)}`],
  ['an OpenAI key', `sk-${fill(20)}T3BlbkFJ${fill(20)}`],
  ['an OpenAI project key', `sk-proj-${fill(60)}_${fill(40)}-${fill(20)}`],
  ['an OpenAI service key', `sk-svcacct-${fill(60)}`],
  ['an OpenAI admin key', `sk-admin-${fill(60)}`],
  ['an Anthropic key', `sk-ant-api03-${fill(93)}AA`],
  ['an Anthropic admin key', `sk-ant-admin01-${fill(93)}AA`],
  ['a Google API key', `AIza${fill(35)}`],
  ['a Google client secret', `GOCSPX-${fill(28)}`],
  ['a JWT', jwt],
  ['a private key', key('PRIVATE KEY')],
  ['an RSA private key', key('RSA PRIVATE KEY')],
  ['an OpenSSH private key', key('OPENSSH PRIVATE KEY')],
  ['an encrypted private key', key('ENCRYPTED PRIVATE KEY')],
  ['a PGP private key', key('PGP PRIVATE KEY BLOCK')],
];
