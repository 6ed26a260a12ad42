import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PolicyStore } from '../../src/policies/store.ts';

const DEFAULT = readFileSync(join(import.meta.dirname, '../../examples/policies/default.yaml'), 'utf8');
const LARGE = JSON.stringify({
  policies: {
    chain: [
      'size-limits',
      'agent-firewall',
      'banned-keywords',
      'prompt-injection',
      'secrets',
      'pii-detector',
      'dlp-filter',
    ],
  },
  policy: {
    'size-limits': { max_text_chars: 100_000_000 },
    'agent-firewall': { argument_rules: [{ tools: ['*'], path_traversal: true }] },
    'banned-keywords': {
      keywords: ['a', 'tulip', 'ab', 'ba', ...Array.from({ length: 300 }, (_, i) => `code ${i}`)],
    },
    'prompt-injection': { attack_patterns: ['(a|b)+c', 'x{1,200}y'] },
    secrets: { high_entropy: true },
    'pii-detector': { healthcare_mode: true, redaction: { reversible: true } },
    'dlp-filter': {
      detect_patterns: ['EMP-\\d{6}', '\\w+@corp', '(?i)confidential\\s+until\\s+\\d+', '"[^"]*secret[^"]*"'],
      blocked_terms: ['project nightfall', 'aaaaaaaa'],
      fuzzy_matching: true,
      max_distance: 2,
    },
  },
});

export const engineOf = (text: string) =>
  new PolicyStore(() => text, { backends: [], restores: () => true }).engine;
/** The chain that the examples recommend, and one of all policies that take time on hostile text. */
export const CHAINS = { default: engineOf(DEFAULT), large: engineOf(LARGE) };
