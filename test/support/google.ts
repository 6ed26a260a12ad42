import { generateKeyPairSync } from 'node:crypto';
import { json, type Reply, type SeenRequest } from './fake-backend.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const GOOGLE_PUBLIC_KEY = publicKey;
export const GOOGLE_PRIVATE_PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** The key file of a service account that nobody has. */
export const serviceAccount = (more: object = {}) =>
  JSON.stringify({
    type: 'service_account',
    project_id: 'house',
    private_key_id: 'key-id-1',
    private_key: GOOGLE_PRIVATE_PEM,
    client_email: 'bridge@house.iam.gserviceaccount.example',
    token_uri: 'https://oauth2.google.example/token',
    ...more,
  });

/** Gives a token to who asks for one. */
export const givesToken = (token: string, seconds = 3600): Reply =>
  json({ access_token: token, expires_in: seconds, token_type: 'Bearer' });

export const isTokenRequest = ({ path }: SeenRequest): boolean => path.endsWith('/token');

export const moderation = (categories: Readonly<Record<string, number>>): Reply =>
  json({
    moderationCategories: Object.entries(categories).map(([name, confidence]) => ({ name, confidence })),
    languageCode: 'en',
  });

/** A result of Model Armor whose filters ran and found nothing, but for some. */
export const sanitized = (found: object = {}, more: object = {}): object => ({
  sanitizationResult: {
    filterMatchState: Object.keys(found).length > 0 ? 'MATCH_FOUND' : 'NO_MATCH_FOUND',
    filterResults: {
      rai: { raiFilterResult: CLEAN },
      pi_and_jailbreak: { piAndJailbreakFilterResult: CLEAN },
      malicious_uris: { maliciousUriFilterResult: CLEAN },
      csam: { csamFilterFilterResult: CLEAN },
      ...found,
    },
    invocationResult: 'SUCCESS',
    ...more,
  },
});

const CLEAN = { executionState: 'EXECUTION_SUCCESS', matchState: 'NO_MATCH_FOUND' };
export const MATCHED = { executionState: 'EXECUTION_SUCCESS', matchState: 'MATCH_FOUND' };

export const JAILBREAK = {
  pi_and_jailbreak: { piAndJailbreakFilterResult: { ...MATCHED, confidenceLevel: 'HIGH' } },
};

/** A text as data protection leaves it. */
export const deidentified = (text: string) => ({
  sdp: {
    sdpFilterResult: {
      deidentifyResult: { ...MATCHED, data: { text }, transformedBytes: '16', infoTypes: ['X'] },
    },
  },
});
