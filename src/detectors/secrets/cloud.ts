import type { RuleSource } from '../rule.ts';
import { assignment } from './assignment.ts';
import { END, fixedToken, TOKEN_EDGE, token, UUID } from './token.ts';

const BASE64_END = '(?![A-Za-z0-9/+])';

/** Keys of clouds, hosts and of what runs there. */
export const CLOUD_SECRETS: readonly RuleSource[] = [
  fixedToken('aws-access-key', ['AKIA', 'ASIA', 'ABIA', 'ACCA'], '[A-Z0-9]{16}'),
  fixedToken('aws-legacy-access-key', 'A3T', '[A-Z0-9]{17}'),
  {
    id: 'aws-secret-key',
    anchors: ['secret', 'private'],
    pattern: `(?<before>(?:(?<=aws.{0,20})(?:secret|private)|secret[_-]?access[_-]?key)${assignment({ rest: '[\\w.() \\t-]{0,20}', orBlank: true })})[A-Za-z0-9/+]{40}${BASE64_END}`,
    flags: 'i',
  },
  {
    id: 'aws-session-token',
    anchors: ['session_token', 'session-token', 'sessiontoken', 'security-token', 'security_token'],
    pattern: `(?<before>(?:session|security)[_-]?token["'\\\\]{0,4}[ \\t]{0,3}[:=][ \\t]{0,3}["'\\\\]{0,4})[A-Za-z0-9/+]{100,2000}={0,2}`,
    flags: 'i',
  },
  token('aws-bedrock-key', 'ABSK', '[A-Za-z0-9+/]{109,269}={0,2}'),
  token('aws-bedrock-short-key', 'bedrock-api-key-', '[A-Za-z0-9+/_-]{40,4000}={0,2}'),
  fixedToken('alibaba-access-key', 'LTAI', '[A-Za-z0-9]{20}|[A-Za-z0-9]{12}'),
  fixedToken('tencent-secret-id', 'AKID', '[A-Za-z0-9]{32}'),
  {
    id: 'azure-account-key',
    anchors: ['accountkey=', 'accesskey='],
    pattern: `(?<before>(?:AccountKey|AccessKey)=)[A-Za-z0-9+/]{42,86}={0,2}${BASE64_END}`,
    flags: 'i',
  },
  {
    id: 'azure-client-secret',
    anchors: Array.from({ length: 10 }, (_, digit) => `${digit}q~`),
    lead: 3,
    pattern: '(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])',
  },
  {
    id: 'azure-signed-key',
    anchors: ['jqqj99'],
    lead: 52,
    pattern: `${TOKEN_EDGE}[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}${END}`,
  },
  {
    id: 'azure-devops-token',
    anchors: ['azdo'],
    lead: 76,
    pattern: `${TOKEN_EDGE}[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}${END}`,
  },
  {
    id: 'azure-sas-signature',
    anchors: ['sig='],
    pattern: '(?<before>(?<=[?&;]|amp;)sig=)[A-Za-z0-9%/+]{43,90}(?:%3D|=)',
    flags: 'i',
  },
  fixedToken('google-client-secret', 'GOCSPX-', '[A-Za-z0-9_-]{28,40}'),
  token('google-access-token', 'ya29.', '[A-Za-z0-9_-]{30,1000}'),
  token('google-refresh-token', '1//0', '[A-Za-z0-9_-]{40,200}'),
  fixedToken('digitalocean-token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], '[a-f0-9]{64}'),
  token('heroku-token', 'HRKU-', '[A-Za-z0-9_-]{36,70}'),
  token('netlify-token', ['nfp_', 'nfc_', 'nfo_', 'nfu_'], `[A-Za-z0-9_-]{36,60}${END}`),
  token('vercel-token', ['vercel_blob_rw_', 'vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], '[A-Za-z0-9_]{24,100}'),
  token('fly-token', ['fo1_', 'fm1_', 'fm2_', 'fm1r_', 'fm1a_'], '[A-Za-z0-9_/+-]{40,2000}={0,3}'),
  token('render-key', 'rnd_', '[A-Za-z0-9]{28,40}'),
  token('supabase-token', ['sbp_', 'sb_secret_'], '[A-Za-z0-9_-]{31,60}'),
  token('neon-key', 'napi_', '[A-Za-z0-9]{60,70}'),
  token('planetscale-token', ['pscale_tkn_', 'pscale_oauth_', 'pscale_pw_'], '[A-Za-z0-9=_.-]{32,64}'),
  {
    id: 'terraform-token',
    anchors: ['.atlasv1.'],
    lead: 14,
    pattern: '(?<![A-Za-z0-9])[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_=-]{60,70}',
  },
  token('vault-token', ['hvs.', 'hvb.', 'hvr.'], '[A-Za-z0-9_-]{24,300}'),
  token('databricks-token', 'dapi', `[0-9a-h]{32}(?:-\\d)?${END}`),
  token('pulumi-token', 'pul-', `[a-f0-9]{40}${END}`),
  token('prefect-key', ['pnu_', 'pnb_'], `[A-Za-z0-9]{36}${END}`),
  token('scalingo-token', 'tk-us-', `[A-Za-z0-9_-]{48}${END}`),
  fixedToken('doppler-token', ['dp.pt.', 'dp.ct.', 'dp.sa.', 'dp.scim.', 'dp.audit.'], '[A-Za-z0-9]{40,44}'),
  fixedToken('doppler-service-token', 'dp.st.', '(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44}'),
  token('yandex-token', 't1.', '[A-Za-z0-9_-]{20,300}={0,2}\\.[A-Za-z0-9_-]{86}={0,2}'),
  fixedToken('yandex-api-key', 'AQVN', '[A-Za-z0-9_-]{35,38}'),
  token('age-secret-key', 'AGE-SECRET-KEY-1', '[02-9AC-HJ-NP-Z]{58}'),
  token('onepassword-token', 'ops_eyJ', '[A-Za-z0-9_-]{200,2000}={0,2}'),
  token('defined-networking-key', 'dnkey-', '[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}'),
  fixedToken('launchdarkly-token', ['sdk-', 'api-'], UUID),
];
