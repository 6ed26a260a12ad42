import type { RuleSource } from '../rule.ts';
import { isFiller, isIdentifier, isName } from './filler.ts';
import { assignment, UUID } from './token.ts';

/** Letters and digits, of which one is a digit: a word is no key. */
const alnum = (length: number) => `(?=[a-z]{0,${length - 1}}\\d)[a-z0-9]{${length}}`;
const word = (length: number, more = '') => `(?=[a-z=_-]{0,${length - 1}}\\d)[a-z0-9=_-]{${length}${more}}`;
const hex = (length: number) => `[0-9a-f]{${length}}`;

/**
 * A key without letters of its own: the name of its service, then an assignment. Only the key is the finding.
 *
 * @param names lower case; they are the anchors, without what they look at behind them
 * @param values bounded expressions; capitals are ignored
 */
function service(id: string, names: string | readonly string[], ...values: string[]): RuleSource {
  const list = [names].flat();
  const anchors = [...new Set(list.map((name) => name.replace(/\(.*/, '')))];
  return {
    id: `${id}-key`,
    anchors,
    pattern: `(?<before>(?<![a-z])(?:${list.join('|')})${assignment({ rest: '[\\w.() \\t-]{0,30}' })})(?:${values.join('|')})(?![a-z0-9=/+_-])`,
    flags: 'i',
    judge: keyLength,
  };
}

function keyLength(value: string): number {
  const isWord = isIdentifier(value) || (isName(value) && !/\d/.test(value));
  return isFiller(value) || isWord ? 0 : value.length;
}

/** Services whose keys are told by the name beside them, as hide_secrets of LiteLLM knows them, and model providers. */
export const SERVICE_SECRETS: readonly RuleSource[] = [
  service('adafruit', 'adafruit', word(32)),
  service('adobe', 'adobe', hex(32)),
  service('airtable', 'airtable', alnum(17)),
  service('algolia', 'algolia', alnum(32)),
  service('alibaba', ['alibaba', 'aliyun'], alnum(30)),
  service('asana', 'asana', '[01]/\\d{16}(?::[0-9a-f]{32})?', '\\d{16}', alnum(32)),
  service('assemblyai', 'assemblyai', hex(32)),
  service('atlassian', ['atlassian', 'confluence', 'jira'], alnum(24)),
  service('azure', ['azure', 'cognitive'], hex(32)),
  service('beamer', 'beamer', 'b_[a-z0-9=_-]{44}'),
  service('bitbucket', 'bitbucket', word(64), alnum(32)),
  service('bittrex', 'bittrex', alnum(32)),
  service('cloudant', 'cloudant', hex(64), '[a-z]{24}'),
  service('cloudflare', ['cloudflare', 'cf_api'], word(40), hex(37)),
  service('codecov', 'codecov', alnum(32), UUID),
  service('cohere', ['cohere', 'co_api'], alnum(40)),
  service('coinbase', 'coinbase', word(64)),
  service('confluent', 'confluent', alnum(64), alnum(16)),
  service('contentful', 'contentful', word(43)),
  service('datadog', ['datadog', 'dd_api', 'dd_app'], alnum(40), hex(32)),
  service('deepgram', 'deepgram', hex(40)),
  service('deepl', 'deepl', `${UUID}(?::fx)?(?!:)`),
  service('discord', 'discord', hex(64), word(32), '\\d{17,19}'),
  service('drone', ['droneci', 'drone_token', 'drone-ci'], alnum(32)),
  service('dropbox', 'dropbox', alnum(15)),
  service('etsy', 'etsy', alnum(24)),
  service('facebook', 'facebook', hex(32)),
  service('fastly', 'fastly', word(32)),
  service('finicity', 'finicity', hex(32), alnum(20)),
  service('finnhub', 'finnhub', alnum(20), alnum(40)),
  service('flickr', 'flickr', alnum(32)),
  service('freshbooks', 'freshbooks', alnum(64)),
  service('gitter', 'gitter', word(40)),
  service('gocardless', 'gocardless', '(?:live|sandbox)_[a-z0-9=_-]{40}'),
  service('heroku', 'heroku', UUID),
  service('hubspot', 'hubspot', UUID),
  service('ibm-cloud', ['ibm', 'cloud_iam', 'cloud-iam'], word(44)),
  service('ibm-cos', ['cos_hmac', 'cos-hmac', 'secret_access_key', 'secret-access-key'], hex(48)),
  service('intercom', 'intercom', word(60)),
  service('jfrog', ['jfrog', 'artifactory', 'bintray', 'xray'], alnum(73), alnum(64)),
  service('kraken', 'kraken', '[a-z0-9/+=_-]{80,90}'),
  service('kucoin', 'kucoin', UUID, hex(24)),
  service('launchdarkly', 'launchdarkly', word(40)),
  service('linear', 'linear', hex(32)),
  service('linkedin', ['linkedin', 'linked-in', 'linked_in'], alnum(16), alnum(14)),
  service('looker', 'looker', alnum(24), alnum(20)),
  service('mailgun', 'mailgun', '[a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}'),
  service('mattermost', 'mattermost', alnum(26)),
  service('mapbox', 'mapbox', '[ps]k\\.[a-z0-9]{60}\\.[a-z0-9]{22}'),
  service('meraki', 'meraki', hex(40)),
  service('messagebird', ['messagebird', 'message-bird', 'message_bird'], alnum(25), UUID),
  service('mistral', 'mistral', alnum(32)),
  service('netlify', 'netlify', word(40, ',46')),
  service('new-relic', ['newrelic', 'new-relic', 'new_relic'], alnum(64), hex(40)),
  service('nytimes', ['nytimes', 'new-york-times', 'newyorktimes', 'new_york_times'], word(32)),
  service('okta', 'okta', word(42)),
  service('pagerduty', 'pagerduty', '[a-z0-9+_-]{20}'),
  service('plaid', 'plaid', alnum(30), alnum(24)),
  service('postmark', 'postmark', UUID),
  service('rapidapi', 'rapidapi', word(50)),
  service('sendbird', 'sendbird', UUID, hex(40)),
  service('sentry', 'sentry', hex(64)),
  service('sidekiq', 'contribsys', '[a-f0-9]{8}:[a-f0-9]{8}'),
  service('snyk', 'snyk', UUID),
  service('softlayer', ['softlayer', 'sl_api'], alnum(64)),
  service('sonar', 'sonar', alnum(40)),
  service('sourcegraph', 'sourcegraph', hex(40)),
  service('squarespace', 'squarespace', UUID),
  service(
    'sumologic',
    ['sumologic', 'sumo(?![a-z])', 'sumo(?=token|access|api|id|key|secret)'],
    alnum(64),
    'su[a-z0-9]{12}',
  ),
  service('telegram', 'telegram', '\\d{5,16}:a[a-z0-9_-]{34}'),
  service('together', 'together', hex(64)),
  service('travis', 'travis', alnum(22)),
  service('twilio', 'twilio', hex(32)),
  service('twitch', 'twitch', alnum(30)),
  service('twitter', 'twitter', '\\d{15,25}-[a-z0-9]{20,40}', alnum(50), alnum(45), alnum(25)),
  service('wandb', ['wandb', 'weights_and_biases'], hex(40)),
  service('yandex', 'yandex', 'yc[a-z0-9_-]{38}'),
  service('zendesk', 'zendesk', alnum(40)),
];
