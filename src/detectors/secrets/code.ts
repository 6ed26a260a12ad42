import type { RuleSource } from '../rule.ts';
import { BASE64_EDGE, BASE64_END, END, fixedToken, SOLE_EDGE, SOLE_END, token, UUID } from './token.ts';

const GITLAB = ['glpat-', 'gldt-', 'glft-', 'glsoat-', 'glrt-', 'glcbt-', 'glptt-', 'glimt-', 'gloas-'];

/** Tokens of code hosts, package registries, build servers and of what watches programs. */
export const CODE_SECRETS: readonly RuleSource[] = [
  token('github-token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], '[A-Za-z0-9]{36}[A-Za-z0-9_]{0,220}'),
  token('github-fine-grained-token', 'github_pat_', '[A-Za-z0-9_]{22,250}'),
  token(
    'gitlab-token',
    [...GITLAB, 'glffct-', 'glwt-', 'glagent-', 'GR1348941'],
    '[A-Za-z0-9_-]{20,300}(?:\\.[0-9a-z]{2}\\.[0-9a-z]{9})?',
  ),
  token('atlassian-token', ['ATATT3xFfG', 'ATCTT3xFfG'], '[A-Za-z0-9_=-]{40,300}'),
  token('bitbucket-app-password', 'ATBB', `[A-Za-z0-9]{24,32}${END}`),
  token('npm-token', 'npm_', `[A-Za-z0-9]{36}${END}`),
  {
    id: 'npm-auth-token',
    anchors: ['_authtoken'],
    pattern: `(?<before>_authToken["']?[ \\t]{0,3}[=:][ \\t]{0,3}["']?)(?:npm_[A-Za-z0-9]{20,60}|${UUID}|[A-Za-z0-9+/_-]{20,200}={0,2})`,
  },
  token('pypi-token', ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZw'], '[A-Za-z0-9_-]{50,1000}'),
  fixedToken('rubygems-key', 'rubygems_', '[a-f0-9]{48}'),
  fixedToken('clojars-token', 'CLOJARS_', '[A-Za-z0-9]{60}'),
  { id: 'crates-token', anchors: ['cio'], pattern: `${BASE64_EDGE}cio[A-Za-z0-9]{32}${BASE64_END}` },
  { id: 'nuget-key', anchors: ['oy2'], pattern: `${BASE64_EDGE}oy2[a-z0-9]{43}${BASE64_END}` },
  token('docker-token', ['dckr_pat_', 'dckr_oat_'], '[A-Za-z0-9_-]{27,40}'),
  {
    id: 'artifactory-token',
    anchors: ['akc'],
    pattern: `${SOLE_EDGE}AKC[A-Za-z0-9]{68,72}${SOLE_END}`,
  },
  {
    id: 'artifactory-password',
    anchors: Array.from({ length: 16 }, (_, digit) => `ap${digit.toString(16)}`),
    pattern: `${SOLE_EDGE}AP[0-9A-F](?=[A-Za-z0-9]{0,20}\\d)(?=[A-Za-z0-9]{0,20}[a-z])(?=[A-Za-z0-9]{0,20}[A-Z])[A-Za-z0-9]{20,60}${SOLE_END}`,
  },
  {
    id: 'artifactory-reference-token',
    anchors: ['cmvmd'],
    pattern: `${BASE64_EDGE}cmVmd[A-Za-z0-9]{59}${BASE64_END}`,
  },
  fixedToken('sonar-token', ['sqp_', 'squ_', 'sqa_'], '[a-f0-9]{40}'),
  fixedToken('harness-token', ['pat.', 'sat.'], '[A-Za-z0-9_-]{22}\\.[A-Za-z0-9]{24}\\.[A-Za-z0-9]{20}'),
  fixedToken('sourcegraph-token', 'sgp_', '(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}'),
  fixedToken('octopus-key', 'API-', '(?=[A-Z]{0,25}\\d)[A-Z0-9]{25,26}'),
  fixedToken('circleci-token', ['CCIPAT_', 'CCIPRJ_'], '[A-Za-z0-9]{22}_[a-f0-9]{40}'),
  fixedToken('postman-key', 'PMAK-', '[a-f0-9]{24}-[a-f0-9]{34}'),
  fixedToken('linear-token', ['lin_api_', 'lin_oauth_'], '[A-Za-z0-9]{40}|[a-f0-9]{64}'),
  fixedToken('readme-key', 'rdme_', '[a-z0-9]{70}'),
  token('sentry-auth-token', 'sntrys_', 'eyJ[A-Za-z0-9+/=_-]{40,600}'),
  fixedToken('sentry-user-token', 'sntryu_', '[a-f0-9]{64}'),
  token('grafana-key', 'eyJrIjoi', '[A-Za-z0-9]{70,400}={0,3}'),
  token('grafana-cloud-token', 'glc_', '[A-Za-z0-9+/]{32,400}={0,3}'),
  fixedToken('grafana-service-token', 'glsa_', '[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}'),
  fixedToken('new-relic-token', ['NRAK-', 'NRII-'], '[A-Za-z0-9_-]{27,32}'),
  fixedToken('new-relic-browser-token', 'NRJS-', '[a-f0-9]{19}'),
  fixedToken('dynatrace-token', ['dt0c01.', 'dt0s16.', 'dt0s01.'], '[A-Za-z0-9]{24}\\.[A-Za-z0-9]{64}'),
  token('posthog-key', 'phx_', '[A-Za-z0-9]{40,60}'),
  token('honeycomb-key', ['hcaik_', 'hcxik_', 'hcalk_'], '[a-z0-9]{26,64}'),
  token(
    'authress-key',
    ['sc_', 'ext_', 'scauth_', 'authress_'],
    '[a-z0-9]{5,30}\\.[a-z0-9]{4,6}\\.acc[_-][a-z0-9-]{10,32}\\.[A-Za-z0-9+/_=-]{30,120}',
  ),
];
