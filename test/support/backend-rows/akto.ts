import { aktoAllows, aktoBlocks, aktoRedacts, aktoReply } from '../akto.ts';
import type { BackendRow } from '../backend-row.ts';
import { KEY } from '../backend-row.ts';
import { json } from '../fake-backend.ts';

export const row: BackendRow = {
  kind: 'akto',
  environment: (url) => ({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: KEY }),
  allow: aktoAllows,
  block: aktoBlocks,
  redact: { reply: aktoRedacts('plums', '[FRUIT]'), text: 'the prompt about [FRUIT]' },
  wrongTypes: aktoReply({ Allowed: 'true', Reason: 'no' }),
  wrongShape: (said) => json({ data: said }),
  secrets: ['http-proxy'],
};
