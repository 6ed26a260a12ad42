import { type AnchoredRule, anchoredRule, type RuleSource } from '../rule.ts';
import { assignment, QUOTE, SIGN } from './token.ts';

const KEY_OWNERS = 'api auth service account db database priv private client access'.split(' ');
const TOKEN_OWNERS = ['access', 'auth', 'refresh', 'api', 'bot'];
const PASS_OWNERS = ['db', 'database', 'key'];
const joined = (owners: readonly string[], name: string, joints: readonly string[]) =>
  owners.flatMap((owner) => joints.map((joint) => owner + joint + name));

const KEYWORDS = [
  ...joined(KEY_OWNERS, 'key', ['', '_', '-', ' ']),
  ...joined(TOKEN_OWNERS, 'token', ['', '_', '-', ' ']),
  ...joined(PASS_OWNERS, 'pass', ['', '_', '-']),
  ...['password', 'passwd', 'passphrase', 'pwd', 'secret', 'contrasena', 'contraseña'],
];

/** Words by which a name speaks about a secret without giving it: `password_length`, `secretName`. */
const ABOUT =
  '(?![\\w-]{0,20}(?:name|ids?|ref|ur[il]|path|file|type|len|length|min|max|count|version|ttl|age|expir|timeout|polic|hint|label|field|rotat|arn|hash|algo|reset|alias))';

/** Quoted values may hold anything but blanks; others end where code or a sentence goes on, and are no calls. */
const QUOTED = '(?:[^\\s"\'`\\\\]|\\\\{1,2}[^\\s"\'`\\\\]){4,200}';
const BARE_LETTER = '[^\\s"\'`,;|&()[\\]{}<>\\\\]';
const BARE = `(?!\\$)${BARE_LETTER}{6,200}(?!${BARE_LETTER}|[([{<])`;

/** Texts that stand where a value is expected and are none: names, references, places, dates, fillers. */
const NO_SECRETS: readonly RegExp[] = [
  /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/,
  /^[A-Za-z]+(?:[-._/:][A-Za-z]+)+$/,
  /^(?:[A-Z]+[a-z]+)+$/,
  /^(?:os\.environ|process\.env|env|config|settings|self|this|vars|secrets|request|req|data|args|params|options)[./[]/i,
  /^\d{4}-\d\d-\d\d(?:[T ][\d:.+-]*Z?)?$/,
  /^[a-z][a-z0-9+.-]*:\/\/[^@?]*$/i,
  /^(?:[.~]{0,2}|[a-z]:)[/\\]/i,
  /^(.)\1*$/,
  /^(?:u?int|float|big|sha|md|base)-?\d{1,3}(?:array)?$/i,
  /^[*[<{(%$]|\$\{|\{\{/,
  /[_-](?:key|token|secret|password|passwd|pwd)$/i,
  /^(?:string|password|passwd|secret|required|optional|text|null|none|true|false|undefined|number|boolean|hidden|any|bytes|object|default|empty|invalid|missing|unknown|incorrect|forgot|confirm|enter)$/i,
];

const FILLER = /your|example|placeholder|changeme|redacted|dummy|x{6}|\.{3}|\*{3}/i;

/** Length of the secret in a value. A full stop behind it belongs to the sentence. */
function secretLength(value: string): number {
  const core = value.replace(/[.?:]{1,3}$/, '');
  return FILLER.test(value) || NO_SECRETS.some((shape) => shape.test(core)) ? 0 : core.length;
}

function bareLength(value: string): number {
  const length = secretLength(value);
  return /[\d!@#%^~*$]/.test(value.slice(0, length)) ? length : 0;
}

const NAMES = [
  `(?:${KEY_OWNERS.join('|')})[_ -]?key`,
  `(?:${TOKEN_OWNERS.join('|')})[_ -]?token`,
  `(?:${PASS_OWNERS.join('|')})[_-]?pass`,
  'password|passwd|passphrase|pwd|secret|contrase[nñ]a',
];
/** Any value counts after the name of a secret: a list of names is no assignment. */
const named = (opening: string) =>
  `(?<before>(?:${NAMES.join('|')})${ABOUT}${assignment({ rest: '[\\w-]{0,20}[ \\t]{0,3}', opening, sign: SIGN })})`;

const QUOTED_VALUE: RuleSource = {
  id: 'secret-keyword',
  anchors: KEYWORDS,
  pattern: named(QUOTE) + QUOTED,
  flags: 'i',
  judge: secretLength,
};
const BARE_VALUE: RuleSource = { ...QUOTED_VALUE, pattern: named('') + BARE, judge: bareLength };

const quoted = anchoredRule(QUOTED_VALUE);
const bare = anchoredRule(BARE_VALUE);

/**
 * A name that announces a secret, an assignment, and a value that looks like one: quoted, or with a digit or a symbol.
 *
 * @see https://github.com/Yelp/detect-secrets (its keyword detector, for the names)
 */
export const SECRET_KEYWORD: AnchoredRule = {
  id: quoted.id,
  anchors: quoted.anchors,
  sources: [QUOTED_VALUE, BARE_VALUE],
  reach: () => Math.max(quoted.reach(), bare.reach()),
  match: (text, at) => quoted.match(text, at) ?? bare.match(text, at),
  open: (text, at) => quoted.open(text, at) ?? bare.open(text, at),
};

const isFiller = /^(?:pass(?:word|wd)?|pwd|secret|token|x+|\*+|\.+)$/i;

/** The password in an address, and what an authorization header carries. */
export const HEADER_SECRETS: readonly RuleSource[] = [
  {
    id: 'basic-auth',
    anchors: ['://'],
    pattern: String.raw`(?<before>:\/\/[^\s:/@"'<>\\]{0,100}:)[^\s:/@"'<>\\{}$]{1,150}(?=@)`,
    judge: (value) => (isFiller.test(value) ? 0 : secretLength(value)),
  },
  {
    id: 'authorization-header',
    anchors: ['authorization'],
    pattern: String.raw`(?<before>authorization(?:\\{0,3}["'])?[ \t]{0,3}[:=,][ \t]{0,3}(?:\\{0,3}["'])?(?:bearer|basic|token|apikey|bot)[ ]{1,3})(?=[a-z._~+/-]{0,60}\d)[a-z0-9._~+/=-]{12,2000}`,
    flags: 'i',
    judge: secretLength,
  },
];
