import { type BackendRow, PROMPT } from '../backend-row.ts';
import { json, type Reply } from '../fake-backend.ts';

const REDACTED = 'the prompt about [FRUIT]';

/** Replies by what the vendor was sent. */
const says =
  (reply: (body: Record<string, unknown>) => unknown): Reply =>
  (request, response) =>
    json(reply(request.body as Record<string, unknown>))(request, response);

const airs = (fields: object) => ({
  action: 'allow',
  category: 'benign',
  timeout: false,
  error: false,
  ...fields,
});
const moderated = (flagged: unknown, categories: object) =>
  json({ results: [{ flagged, categories, category_scores: {} }] });
const severities = (severity: unknown) => ({
  categoriesAnalysis: ['Hate', 'SelfHarm', 'Sexual', 'Violence'].map((category) => ({ category, severity })),
  blocklistsMatch: [],
});

/** A reply of LLM Guard, in the words of the direction that it was asked about. */
const guarded = (is_valid: unknown, scanners: object, text?: string) =>
  says(({ prompt, output }) => ({
    [output === undefined ? 'sanitized_prompt' : 'sanitized_output']: text ?? output ?? prompt,
    ...{ is_valid, scanners },
  }));

const isPii = { detector_type: 'pii/fruit', detected: true, message_id: 0 };

/** The presets that come with the bridge. */
export const rows: readonly BackendRow[] = [
  {
    kind: 'lakera',
    allow: json({ flagged: false, payload: [], breakdown: [] }),
    block: (reason) => json({ flagged: true, breakdown: [{ detector_type: reason, detected: true }] }),
    redact: {
      reply: json({
        flagged: true,
        payload: [{ start: PROMPT.indexOf('plums'), end: PROMPT.length, ...isPii }],
        breakdown: [isPii],
      }),
      text: 'the prompt about [MASKED FRUIT]',
    },
    wrongTypes: json({ flagged: 'false', payload: 1, breakdown: {} }),
    wrongShape: (said) => json({ results: [{ flagged: false }], said }),
    secrets: ['v2/guard', 'Bearer'],
  },
  {
    kind: 'openai-moderation',
    allow: moderated(false, { violence: false }),
    block: (reason) => moderated(true, { [reason]: true }),
    wrongTypes: moderated('false', { violence: 'false' }),
    wrongShape: (said) => json({ results: said }),
    secrets: ['moderations', 'Bearer'],
  },
  {
    kind: 'azure-prompt-shield',
    judges: ['request'],
    allow: json({ userPromptAnalysis: { attackDetected: false }, documentsAnalysis: [] }),
    block: () => json({ userPromptAnalysis: { attackDetected: true }, documentsAnalysis: [] }),
    wrongTypes: json({ userPromptAnalysis: { attackDetected: 'false' }, documentsAnalysis: [] }),
    wrongShape: (said) => json({ userPromptAnalysis: said }),
    secrets: ['shieldPrompt'],
  },
  {
    kind: 'azure-content-safety',
    allow: json(severities(0)),
    block: (reason) => json({ ...severities(0), blocklistsMatch: [{ blocklistName: reason }] }),
    wrongTypes: json(severities('0')),
    wrongShape: (said) => json({ categoriesAnalysis: said }),
    secrets: ['text:analyze'],
  },
  {
    kind: 'prisma-airs',
    options: () => ({ profile_name: 'house' }),
    allow: json(airs({})),
    block: (reason) => json(airs({ action: 'block', prompt_detected: { [reason]: true } })),
    redact: {
      reply: json(airs({ prompt_masked_data: { data: REDACTED }, response_masked_data: { data: REDACTED } })),
      text: REDACTED,
    },
    wrongTypes: json(airs({ action: true })),
    wrongShape: (said) => json({ verdict: said }),
    secrets: ['scan/sync'],
  },
  {
    kind: 'cisco-ai-defense',
    allow: json({ is_safe: true, action: 'Allow' }),
    block: (explanation) => json({ is_safe: false, action: 'Block', explanation }),
    redact: { reply: json({ is_safe: false, action: 'Redact', sanitized_text: REDACTED }), text: REDACTED },
    wrongTypes: json({ is_safe: 'true', action: 1 }),
    wrongShape: (said) => json({ jsonrpc: '2.0', id: 1, error: { message: said } }),
    secrets: ['inspect/chat'],
  },
  {
    kind: 'llm-guard',
    allow: guarded(true, { Secrets: -1 }),
    block: (reason) => guarded(false, { [reason]: 1 }),
    redact: { reply: guarded(false, { Anonymize: 0.7 }, REDACTED), text: REDACTED },
    wrongTypes: guarded('true', { Secrets: '-1' }),
    wrongShape: (said) => json({ message: said, details: null }),
    secrets: ['analyze/', 'Bearer'],
  },
  {
    kind: 'nemo-guardrails',
    secret: false,
    allow: json({ status: 'passed', content: PROMPT }),
    block: (rail) => json({ status: 'blocked', content: 'no', rail }),
    redact: { reply: json({ status: 'modified', content: REDACTED }), text: REDACTED },
    wrongTypes: json({ status: true, content: PROMPT }),
    wrongShape: (said) => json({ detail: said }),
    secrets: ['v1/checks'],
  },
  {
    kind: 'guardrails-ai',
    options: () => ({ guard: 'house-9c2e' }),
    secret: false,
    allow: says(({ llmOutput }) => ({ validationPassed: true, validatedOutput: llmOutput })),
    block: (failureReason) => json({ validationPassed: false, validationSummaries: [{ failureReason }] }),
    redact: { reply: json({ validationPassed: true, validatedOutput: REDACTED }), text: REDACTED },
    wrongTypes: json({ validationPassed: 'true' }),
    wrongShape: (said) => json({ detail: said }),
    secrets: ['guards/', 'house-9c2e'],
  },
  {
    kind: 'opa',
    options: () => ({ path: 'house-9c2e/verdict' }),
    allow: json({ result: { action: 'NONE' } }),
    block: (blocked_reason) => json({ result: { action: 'BLOCKED', blocked_reason } }),
    redact: {
      reply: json({ result: { action: 'GUARDRAIL_INTERVENED', texts: [REDACTED] } }),
      text: REDACTED,
    },
    wrongTypes: json({ result: { action: true } }),
    wrongShape: (said) => json({ result: said }),
    secrets: ['v1/data', 'house-9c2e', 'Bearer'],
  },
  {
    kind: 'webhook',
    allow: json({ action: 'NONE' }),
    block: (blocked_reason) => json({ action: 'BLOCKED', blocked_reason }),
    redact: { reply: json({ action: 'GUARDRAIL_INTERVENED', texts: [REDACTED] }), text: REDACTED },
    wrongTypes: json({ action: 1 }),
    wrongShape: (said) => json({ verdict: said }),
    secrets: ['webhook-signature'],
  },
];
