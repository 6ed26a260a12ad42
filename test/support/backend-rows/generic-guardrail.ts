import type { BackendRow } from '../backend-row.ts';
import { json } from '../fake-backend.ts';

export const row: BackendRow = {
  kind: 'generic-guardrail',
  allow: json({ action: 'NONE' }),
  block: (blocked_reason) => json({ action: 'BLOCKED', blocked_reason }),
  redact: {
    reply: json({ action: 'GUARDRAIL_INTERVENED', texts: ['the prompt about [FRUIT]'] }),
    text: 'the prompt about [FRUIT]',
  },
  wrongTypes: json({ action: false, blocked_reason: 7 }),
  wrongShape: (verdict) => json({ verdict }),
  secrets: ['litellm_basic_guardrail_api'],
};
