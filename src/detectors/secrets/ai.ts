import type { RuleSource } from '../rule.ts';
import { END, fixedToken, soleToken, token, UUID } from './token.ts';

/**
 * Keys of model providers and of the services around them. Shapes from the vendors' pages on their keys.
 *
 * @see https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns
 */
export const AI_SECRETS: readonly RuleSource[] = [
  token('openai-key', ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-None-'], '[A-Za-z0-9_-]{24,250}'),
  token('openai-legacy-key', 'sk-', '[A-Za-z0-9]{32}[A-Za-z0-9_-]{0,200}'),
  token('anthropic-key', 'sk-ant-', '[a-z]{2,10}\\d{2}-[A-Za-z0-9_-]{24,250}'),
  token('google-api-key', 'AIza', '[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])'),
  token('google-auth-key', 'AQ.', 'Ab8[A-Za-z0-9_-]{40,200}'),
  token('groq-key', 'gsk_', '[A-Za-z0-9]{48,64}'),
  token('xai-key', 'xai-', '[A-Za-z0-9]{64,100}'),
  token('huggingface-token', ['hf_', 'api_org_'], '[A-Za-z0-9]{34,50}'),
  fixedToken('replicate-token', 'r8_', '[A-Za-z0-9]{37}'),
  token('perplexity-key', 'pplx-', '[A-Za-z0-9]{40,64}'),
  fixedToken('openrouter-key', 'sk-or-v1-', '[0-9a-f]{64}'),
  fixedToken('langfuse-key', 'sk-lf-', UUID),
  fixedToken('langsmith-key', ['lsv2_pt_', 'lsv2_sk_'], '[0-9a-f]{32}_[0-9a-f]{10}'),
  fixedToken('langsmith-legacy-key', 'ls__', '[0-9a-f]{32}'),
  token('nvidia-key', 'nvapi-', '[A-Za-z0-9_-]{60,100}'),
  token('cerebras-key', 'csk-', '[a-z0-9]{48,64}'),
  token('fireworks-key', 'fw_', `[A-Za-z0-9]{22,24}${END}`),
  token('pinecone-key', 'pcsk_', '[A-Za-z0-9]{5,8}_[A-Za-z0-9]{50,80}'),
  token('tavily-key', 'tvly-', '(?:dev-|prod-)?[A-Za-z0-9]{32}[A-Za-z0-9-]{0,40}'),
  fixedToken('jina-key', 'jina_', '[A-Za-z0-9]{32}[A-Za-z0-9_-]{28}'),
  soleToken('voyage-key', 'pa-', '[A-Za-z0-9_-]{43}'),
  soleToken('firecrawl-key', 'fc-', '[0-9a-f]{32}'),
  fixedToken('e2b-key', 'e2b_', '[0-9a-f]{40}'),
  fixedToken('elevenlabs-key', 'sk_', '[0-9a-f]{48}'),
  token('wandb-token', 'wandb_v1_', '[A-Za-z0-9_]{40,120}'),
];
