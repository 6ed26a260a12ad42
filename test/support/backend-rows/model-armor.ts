import { type BackendRow, KEY } from '../backend-row.ts';
import { json } from '../fake-backend.ts';
import { deidentified, givesToken, isTokenRequest, JAILBREAK, sanitized, serviceAccount } from '../google.ts';

export const row: BackendRow = {
  kind: 'model-armor',
  options: (url) => ({
    project: 'house',
    location: 'europe-west4',
    template: 'front-door',
    token_url: `${url}/token`,
  }),
  secret: serviceAccount(),
  beside: (request) => (isTokenRequest(request) ? givesToken(KEY) : undefined),
  allow: json(sanitized()),
  block: (reason) => json(sanitized({ [reason]: JAILBREAK.pi_and_jailbreak })),
  redact: {
    reply: json(sanitized(deidentified('the prompt about [FRUIT]'))),
    text: 'the prompt about [FRUIT]',
  },
  wrongTypes: json({
    sanitizationResult: { filterMatchState: true, filterResults: 1, invocationResult: 'SUCCESS' },
  }),
  wrongShape: (said) => json({ sanitizationResult: said }),
  secrets: ['front-door', 'sanitize', 'gserviceaccount', 'PRIVATE KEY', '/token'],
};
