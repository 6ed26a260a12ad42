import type { RuleSource } from '../rule.ts';
import {
  BASE64_EDGE,
  BASE64_END,
  END,
  fixedToken,
  SOLE_EDGE,
  SOLE_END,
  soleToken,
  TOKEN_EDGE,
  token,
  UUID,
} from './token.ts';

/** Every four letters with which base64 of a decimal number can begin: a Discord token opens with its owner's number. */
const NUMBERS_IN_BASE64 = Array.from({ length: 900 }, (_, i) => btoa(String(i + 100)).toLowerCase());

/** Both marks of a Twilio id with every two hex digits that can follow. */
const TWILIO = ['ac', 'sk'].flatMap((mark) =>
  Array.from({ length: 256 }, (_, byte) => mark + byte.toString(16).padStart(2, '0')),
);

const WIDE_UUID = '[A-Za-z0-9]{8}(?:-[A-Za-z0-9]{4}){3}-[A-Za-z0-9]{12}';

/** Keys of payment, messaging and office services. */
export const BUSINESS_SECRETS: readonly RuleSource[] = [
  token(
    'slack-token',
    ['xoxa-', 'xoxb-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-'],
    '(?:\\d{6,14}|(?<=xox[ar]-)(?=[A-Za-z]{0,40}\\d)[A-Za-z0-9]{8,48}|\\d{1,2}-[A-Za-z0-9]{6,250}|(?<=xox[os]-)\\d{1,14}-\\d{1,14}-\\d{1,14}-[a-f0-9]{6,64})(?:-[A-Za-z0-9]{6,250}){0,4}(?![A-Za-z0-9-])(?<!xox[a-z]-\\d{1,14})',
  ),
  token('slack-rotated-token', ['xoxe.xoxb-', 'xoxe.xoxp-'], '\\d-[A-Za-z0-9]{100,250}'),
  token('slack-app-token', 'xapp-', '\\d-[A-Z0-9]{8,16}-\\d{8,16}-[a-z0-9]{32,128}'),
  {
    id: 'slack-webhook',
    anchors: ['hooks.slack.com/'],
    pattern:
      'hooks\\.slack\\.com/(?:services|workflows|triggers)/(?:[A-Z0-9]{6,16}/[A-Za-z0-9]{6,32}/[A-Za-z0-9]{16,64}(?:/[A-Za-z0-9]{16,64})?|[A-Za-z0-9+/]{43,60})',
  },
  {
    id: 'teams-webhook',
    anchors: ['.webhook.office.com/'],
    pattern: `(?<before>\\.webhook\\.office\\.com/)webhookb2/${WIDE_UUID}@${WIDE_UUID}/IncomingWebhook/[A-Za-z0-9]{32}/${WIDE_UUID}(?:/[A-Za-z0-9_-]{20,60})?`,
  },
  {
    id: 'discord-webhook',
    anchors: ['/api/webhooks/'],
    pattern: '(?<before>/api/webhooks/)\\d{17,20}/[A-Za-z0-9_-]{60,80}',
  },
  {
    id: 'discord-bot-token',
    anchors: [...new Set(NUMBERS_IN_BASE64)],
    pattern: `${TOKEN_EDGE}[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])`,
  },
  {
    id: 'telegram-bot-token',
    anchors: [':aa'],
    pattern: '(?<before>(?<=(?<!\\d)\\d{5,16}):)AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])',
  },
  { id: 'twilio-sid', anchors: TWILIO, pattern: `${TOKEN_EDGE}(?:AC|SK)[a-f0-9]{32}${END}` },
  token('sendgrid-key', 'SG.', '[A-Za-z0-9_-]{20,24}\\.[A-Za-z0-9_-]{39,50}'),
  fixedToken('sendinblue-key', ['xkeysib-', 'xsmtpsib-'], '[a-f0-9]{64}-[A-Za-z0-9]{16}'),
  {
    id: 'mailchimp-key',
    anchors: ['-us'],
    lead: 32,
    pattern: `(?<![A-Za-z0-9])[0-9a-f]{32}-us\\d{1,2}${END}`,
  },
  soleToken('mailgun-token', ['key-', 'pubkey-'], '[a-f0-9]{32}'),
  fixedToken('resend-key', 're_', '[A-Za-z0-9]{8}_[A-Za-z0-9]{24}'),
  token(
    'stripe-key',
    ['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_', 'sk_prod_', 'rk_prod_'],
    '[A-Za-z0-9]{24,250}',
  ),
  token('stripe-webhook-secret', 'whsec_', '[A-Za-z0-9+/]{32,64}={0,2}'),
  fixedToken('square-secret', ['sq0csp-'], '[A-Za-z0-9_-]{43}'),
  fixedToken('square-token', ['sq0atp-', 'sq0idp-'], '[A-Za-z0-9_-]{22}'),
  {
    id: 'square-access-token',
    anchors: ['eaaa'],
    pattern: `${SOLE_EDGE}EAAA[A-Za-z0-9_-]{22,60}${SOLE_END}`,
  },
  fixedToken(
    'braintree-token',
    ['access_token$production$', 'access_token$sandbox$'],
    '[0-9a-z]{16}\\$[0-9a-f]{32}',
  ),
  fixedToken('plaid-token', ['access-production-', 'access-sandbox-', 'access-development-'], UUID),
  fixedToken('razorpay-key', ['rzp_live_', 'rzp_test_'], '[A-Za-z0-9]{14}'),
  fixedToken(
    'flutterwave-key',
    ['FLWSECK_TEST-', 'FLWPUBK_TEST-', 'FLWSECK-', 'FLWPUBK-'],
    '[a-h0-9]{32}-X|[a-h0-9]{12}',
  ),
  {
    id: 'easypost-key',
    anchors: ['ezak', 'eztk'],
    pattern: `${BASE64_EDGE}EZ[AT]K[A-Za-z0-9]{54}${BASE64_END}`,
  },
  fixedToken('duffel-token', ['duffel_test_', 'duffel_live_'], '[A-Za-z0-9_=-]{43}'),
  fixedToken('shippo-token', ['shippo_live_', 'shippo_test_'], '[a-f0-9]{40}'),
  fixedToken('lob-key', ['live_', 'test_'], '[a-f0-9]{35}'),
  fixedToken('lob-public-key', ['live_pub_', 'test_pub_'], '[a-f0-9]{31}'),
  fixedToken('shopify-token', ['shpat_', 'shpca_', 'shppa_', 'shpss_'], '[a-fA-F0-9]{32}'),
  fixedToken('hubspot-token', ['pat-na1-', 'pat-na2-', 'pat-eu1-', 'pat-ap1-'], UUID),
  token('facebook-token', 'EAACEdEose0cBA', '[A-Za-z0-9]{20,250}'),
  token('facebook-user-token', 'EAA', '[A-Za-z0-9]{100,300}'),
  {
    id: 'facebook-app-token',
    anchors: ['|'],
    pattern: '(?<before>(?<=(?<!\\d)\\d{15,16})\\|)[A-Za-z0-9_-]{27,40}(?![A-Za-z0-9_-])',
  },
  token('twitter-bearer-token', 'AAAAAAAAAAAAAAAAAAAAA', '[A-Za-z0-9%+/=]{70,110}(?![A-Za-z0-9%+/=])'),
  token('dropbox-token', 'sl.', '(?:u\\.)?[A-Za-z0-9_-]{130,1500}={0,2}'),
  {
    id: 'dropbox-long-token',
    anchors: ['aaaaaaaaaa'],
    lead: 11,
    pattern: `${SOLE_EDGE}[A-Za-z0-9]{11}A{10}[A-Za-z0-9_=-]{43}(?![A-Za-z0-9+/_=-])`,
  },
  fixedToken('airtable-token', 'pat', '[A-Za-z0-9]{14}\\.[a-f0-9]{64}'),
  fixedToken('notion-token', 'ntn_', '[A-Za-z0-9]{40,50}'),
  fixedToken('notion-secret', 'secret_', '[A-Za-z0-9]{43}'),
  token('figma-token', ['figd_', 'figu_'], '[A-Za-z0-9_-]{36,60}'),
  fixedToken('contentful-token', 'CFPAT-', '[A-Za-z0-9_-]{43}'),
  token('frameio-token', 'fio-u-', '[A-Za-z0-9_=-]{64}'),
  token('typeform-token', 'tfp_', '[A-Za-z0-9_.=-]{59}'),
  token('mapbox-token', ['pk.eyJ', 'sk.eyJ', 'tk.eyJ'], '[A-Za-z0-9_-]{30,250}\\.[A-Za-z0-9_-]{22}'),
  fixedToken('settlemint-token', ['sm_pat_', 'sm_aat_', 'sm_sat_'], '[A-Za-z0-9]{16}'),
  {
    id: 'maxmind-key',
    anchors: ['_mmk'],
    lead: 36,
    pattern: `${TOKEN_EDGE}[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk${END}`,
  },
  fixedToken('intra42-secret', ['s-s4t2ud-', 's-s4t2af-'], '[a-f0-9]{64}'),
  fixedToken('adobe-client-secret', 'p8e-', '[A-Za-z0-9_-]{32}'),
];
