/**
 * Kinds of Keeptrusts that are not judged here, so that its files load as they are.
 *
 * @see https://docs.keeptrusts.com/docs/policies/config-per-policy-catalog
 */
export const OTHER_KINDS: ReadonlySet<string> = new Set(
  `bias-monitor bot-detector case-privacy citation-verifier cjis-mode code-sanitizer content-extractor
  data-routing-policy document-analyzer dual-use-filter embedding-detector entity-list-filter eu-ai-act
  external-moderation financial-compliance flagged-review gdpr-compliance healthcare-compliance
  hipaa-phi-detector human-oversight itar-ear-filter language-validator legal-privilege mnpi-filter
  quality-scorer request-rewriter response-rewriter safety-filter student-privacy tool-budget
  tool-security tool-validation upl-filter`.split(/\s+/),
);

/** Keys at the top of a file that are for a gateway, which a sidecar is not. */
export const OTHER_KEYS = ['providers', 'agents', 'testing'] as const;

/** Kinds that Keeptrusts also reads from a file of their own: `policy {name}` beside their sections. */
export const SINGLE_KINDS: readonly string[] = [
  'prompt-injection',
  'agent-firewall',
  'citation-verifier',
  'quality-scorer',
];
