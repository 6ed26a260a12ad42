import { type BackendRow, KEY } from '../backend-row.ts';
import { json } from '../fake-backend.ts';
import { givesToken, isTokenRequest, moderation, serviceAccount } from '../google.ts';

export const row: BackendRow = {
  kind: 'google-moderation',
  options: (url) => ({ token_url: `${url}/token` }),
  secret: serviceAccount(),
  beside: (request) => (isTokenRequest(request) ? givesToken(KEY) : undefined),
  allow: moderation({ Toxic: 0.31, 'Death, Harm & Tragedy': 0.8 }),
  block: (reason) => moderation({ Toxic: 0.31, [reason]: 0.93 }),
  wrongTypes: json({ moderationCategories: [{ name: true, confidence: '0.1' }] }),
  wrongShape: (said) => json({ moderationCategories: said }),
  secrets: ['moderateText', 'gserviceaccount', 'PRIVATE KEY', '/token'],
};
