import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { HostileWorld, type WorldOptions } from './hostile-world.ts';
import { temporaryFolder } from './recording-bridge.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples', 'policies');

/** Every policy file of the examples. */
export const EXAMPLE_POLICIES: readonly string[] = readdirSync(EXAMPLES)
  .filter((file) => /^[\w-]+\.yaml$/.test(file))
  .map((file) => join(EXAMPLES, file));

/** A policy file with every kind, most of their options, rules for callers, and an audit log. */
export const EVERY_KIND = JSON.stringify({
  policies: {
    chain: [
      'size-limits',
      'blocked-users',
      'rbac',
      'image-policy',
      'agent-firewall',
      'banned-keywords',
      'prompt-injection',
      'secrets',
      'pii-detector',
      'dlp-filter',
      'audit-logger',
    ],
  },
  policy: {
    'size-limits': { max_request_bytes: 200_000, max_text_chars: 100_000, max_messages: 60 },
    'blocked-users': { users: ['mallory*'], end_users: ['c-9'] },
    'required-params': { headers: ['user-agent'] },
    rbac: {
      roles: {
        helper: { denied_tools: ['payments.*'], max_tokens_per_request: 4096, allowed_models: ['*'] },
      },
      assignments: [{ role: 'helper', users: ['default_user_id'] }],
    },
    'image-policy': { action: 'block', mode: 'observe' },
    'agent-firewall': {
      blocked_tools: ['shell.*'],
      max_actions_per_session: 500,
      rate_limits: { default: 500 },
      transaction_limits: { max_single_transaction: 500 },
      argument_rules: [
        { path_traversal: true },
        { tools: ['*'], deny_patterns: ['rm\\s{1,4}-rf'] },
        { tools: ['fs.*'], allowed_paths: ['/workspace'] },
      ],
    },
    'banned-keywords': { keywords: ['kettle', 'blue moon protocol'] },
    'prompt-injection': { threshold: 0.8, detection: { attack_patterns: ['disregard.*rules'] } },
    secrets: { action: 'redact', high_entropy: true },
    'pii-detector': { action: 'redact', healthcare_mode: true, redaction: { reversible: true } },
    'dlp-filter': {
      action: 'redact',
      detect_patterns: ['\\bKD-[0-9]{8}\\b', 'cook|bake'],
      blocked_terms: ['project nightfall'],
      fuzzy_matching: true,
      max_distance: 2,
    },
    'audit-logger': { log_all_access: true },
  },
  rules: [
    { name: 'watched', match: { user: ['*@example.com'] }, mode: 'observe' },
    { name: 'models', match: { model: ['*claude*'] }, chain: ['secrets', 'pii-detector', 'required-params'] },
  ],
});

/** The same, but for a chain that only observes. */
export const EVERY_KIND_OBSERVES = JSON.stringify({
  ...(JSON.parse(EVERY_KIND) as object),
  rules: [{ name: 'all', match: { input_type: ['request', 'response'] }, mode: 'observe' }],
});

/** What a bridge is set to, beside the files that it needs. `policy` is the text of a policy file. */
export type HostileMode = Omit<WorldOptions, 'folder'> & {
  readonly name: string;
  readonly policy?: string;
  readonly keepsRecords?: true;
  readonly isQuick?: true;
};

/** Between them, every setting that changes how a call is judged or recorded. */
export const HOSTILE_MODES: readonly HostileMode[] = [
  {
    name: 'every kind of policy, vendors that judge, records',
    isQuick: true,
    policy: EVERY_KIND,
    vendors: 'sound',
    keepsRecords: true,
    env: { BLOCKED_HISTORY: 'block' },
    remembers: true,
  },
  {
    name: 'every kind of policy and Akto only observe, Capsule judges, their replies are hostile, records are redacted',
    isQuick: true,
    policy: EVERY_KIND_OBSERVES,
    vendors: 'hostile',
    keepsRecords: true,
    env: {
      AKTO_MODE: 'observe',
      TELEMETRY_CONTENT: 'redacted',
      HIDDEN_CONTENT: 'block',
    },
    remembers: true,
  },
  {
    name: 'vendors whose replies are hostile, closed',
    vendors: 'hostile',
    keepsRecords: true,
    env: { BUILTIN_POLICY: 'on', CAPSULE_LITELLM_FAIL_OPEN: 'false', TELEMETRY_CONTENT: 'none' },
    remembers: true,
  },
  {
    name: 'the built-in policies',
    env: { BANNED_KEYWORDS: 'kettle,nightshade', BLOCKED_HISTORY: 'block' },
  },
  {
    name: 'vendors whose replies are hostile, open, redacting all',
    vendors: 'hostile',
    env: {
      UNREACHABLE_FALLBACK: 'fail_open',
      RESPONSE_REDACTION: 'rewrite',
      STREAM_CHECK_GROWTH: '3',
      BLOCKED_MESSAGE: '{backend}: {reason} {ref}',
      MULTI_MODEL: 'allow',
      TELEMETRY: 'false',
    },
    remembers: true,
  },
  {
    name: 'vendors whose replies are hostile, deferring, never redacting',
    vendors: 'hostile',
    env: {
      AKTO_UNREACHABLE_FALLBACK: 'defer',
      CAPSULE_UNREACHABLE_FALLBACK: 'defer',
      RESPONSE_REDACTION: 'block',
      TELEMETRY: 'false',
    },
    actions: ['NONE', 'BLOCKED', 'GUARDRAIL_INTERVENED', 'DEFERRED'],
    remembers: true,
  },
  {
    name: 'a vendor that blocks everything, open',
    isQuick: true,
    vendors: 'blocking',
    env: { UNREACHABLE_FALLBACK: 'fail_open', TELEMETRY: 'false', BLOCKED_HISTORY: 'block' },
    actions: ['BLOCKED'],
  },
];

/** Starts a bridge in a mode; `policyFile` is where its policies are read from. */
export async function openWorld({
  policy,
  keepsRecords,
  env,
  name: _,
  isQuick: __,
  ...options
}: HostileMode) {
  const folder = temporaryFolder();
  const policyFile = join(folder, 'policy.yaml');
  if (policy !== undefined) writeFileSync(policyFile, policy);
  const files = { DATA_DIR: folder, ...(policy !== undefined && { POLICY_FILE: policyFile }) };
  const world = await HostileWorld.open({
    ...options,
    ...(keepsRecords && { folder }),
    env: { ...files, ...env },
  });
  onTestFinished(() => world.stop());
  return { world, policyFile };
}
