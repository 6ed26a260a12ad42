import { type BackendRow, PROMPT } from '../backend-row.ts';
import { json } from '../fake-backend.ts';

const found = (entity_type: unknown) => {
  const start = PROMPT.indexOf('plums');
  return json([
    [{ entity_type, start, end: start + 'plums'.length, score: 0.85, analysis_explanation: null }],
  ]);
};

export const row: BackendRow = {
  kind: 'presidio',
  options: () => ({ entities: { FRUIT: 'mask', PIT: 'block' } }),
  allow: json([[]]),
  block: () => found('PIT'),
  redact: { reply: found('FRUIT'), text: 'the prompt about <FRUIT>' },
  wrongTypes: found(7),
  wrongShape: (error) => json({ error }),
  secrets: ['/analyze'],
};
