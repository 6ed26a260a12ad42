import type { BackendRow } from '../backend-row.ts';
import { json } from '../fake-backend.ts';

const anonymized = {
  sensitiveInformationPolicy: { piiEntities: [{ type: 'FRUIT', match: 'plums', action: 'ANONYMIZED' }] },
};

export const row: BackendRow = {
  kind: 'bedrock',
  options: () => ({ guardrail_id: 'gr7house1', guardrail_version: 2, region: 'eu-west-1' }),
  allow: json({ action: 'NONE', outputs: [], assessments: [{}] }),
  block: (reason) =>
    json({
      action: 'GUARDRAIL_INTERVENED',
      outputs: [{ text: reason }],
      assessments: [
        {
          wordPolicy: { customWords: [{ match: 'plums', action: 'BLOCKED' }] },
          sensitiveInformationPolicy: null,
        },
      ],
    }),
  redact: {
    reply: json({
      action: 'GUARDRAIL_INTERVENED',
      outputs: [{ text: 'the prompt about {FRUIT}' }],
      assessments: [anonymized],
    }),
    text: 'the prompt about {FRUIT}',
  },
  wrongTypes: json({ action: true, outputs: 'none', assessments: 1 }),
  wrongShape: (said) => json({ action: said, outputs: [] }),
  secrets: ['gr7house1', '/apply'],
};
