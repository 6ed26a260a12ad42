import { type AnchoredRule, anchoredRule, type RuleSource } from '../rule.ts';
import { assignment, QUOTE, SIGN } from './token.ts';
import { bareLength, quotedLength, randomLength } from './value.ts';

const KEY_OWNERS =
  'api app auth service account db database priv private client access encryption signing'.split(' ');
const TOKEN_OWNERS = ['access', 'auth', 'refresh', 'api', 'bot'];
const PASS_OWNERS = 'db database key smtp mail mysql pg postgres redis ftp ssh admin root user'.split(' ');
/** Passwords in other languages. */
const PASSWORDS =
  'contrasena contraseña passwort kennwort senha wachtwoord пароль パスワード 密码 비밀번호'.split(' ');
const joined = (owners: readonly string[], name: string, joints: readonly string[]) =>
  owners.flatMap((owner) => joints.map((joint) => owner + joint + name));

const KEYWORDS = [
  ...joined(KEY_OWNERS, 'key', ['', '_', '-', ' ']),
  ...joined(TOKEN_OWNERS, 'token', ['', '_', '-', ' ']),
  ...joined(PASS_OWNERS, 'pass', ['', '_', '-']),
  ...['password', 'passwd', 'passphrase', 'pwd', 'secret', ...PASSWORDS],
];

/** Words by which a name speaks about a secret without giving it: `password_length`, `secretName`. */
const ABOUT =
  '(?![\\w-]{0,20}(?:name|ids?|ref|ur[il]|path|file|type|len|length|min|max|count|version|ttl|age|expir|timeout|polic|hint|label|field|rotat|arn|hash|algo|reset|alias|source|class|kind|format|scope|schema|manager|provider|engine|encryption(?![_-]?key)|pkcs))';

/** The type of a variable, as Go, Kotlin and TypeScript write it between its name and its value. */
const TYPE = '(?:[ \\t]{0,2}:?[ \\t]{1,2}&?(?:string|str)(?=[ \\t]{0,2}=))?';
/** Quoted values may hold anything but blanks; others end where code or a sentence goes on, and are no calls. */
const QUOTED = `(?:[^\\s"'\`\\\\]|\\\\{1,2}[^\\s"'\`\\\\]|\\\\["'\`]){4,500}(?=["'\`])`;
const BARE_LETTER = '[^\\s"\'`,;|&()[\\]{}<>\\\\]';
/** The end of a name in bold, and the minus of `${NAME:-value}`, which is no part of the value. */
const OPENING = '(?:[*]{1,2}[ ]|(?<=\\$\\{\\w{1,60}:)-)?';
/** Not that minus, nor the rest of an address behind `<password>`. */
const BARE = `(?!\\$|(?<=\\$\\{\\w{1,60}:)-|(?<=>)@)${BARE_LETTER}{6,200}(?!${BARE_LETTER}|[([{<])`;

const NAMES = [
  `(?:${KEY_OWNERS.join('|')})[_ -]?key`,
  `(?:${TOKEN_OWNERS.join('|')})[_ -]?token`,
  `(?:${PASS_OWNERS.join('|')})[_-]?pass`,
  // A name behind the number of an account is part of an address of AWS
  '(?<!\\d:)secret',
  `password|passwd|passphrase|pwd|${PASSWORDS.join('|')}`,
];
/** Tokens that mark a place in a list, or one request. */
const HARMLESS =
  '(?<!(?:page|next|prev|previous|continuation|cursor|sync|csrf|xsrf|authenticity|verification|cancel|cancellation|lock|public|request|change|grant|idempotency)[_ -]?)';

const announced = (some: string, opening: string, sign: string) =>
  `(?<before>(?:${some})${assignment({ rest: `[\\w-]{0,20}${TYPE}[ \\t]{0,3}`, opening, sign })})`;

const STRONG = NAMES.join('|');
const WEAK = `${STRONG}|${HARMLESS}(?:token|credentials?)(?![a-z])`;
/** Lists of names and values: `{"name": "DB_PASSWORD", "value": "`, `<add key="Password" value="`, the same in YAML. */
const LISTED = [
  `${QUOTE},?\\s{0,20}(?:${QUOTE})?value(?:${QUOTE})?[ \\t]{0,2}[:=][ \\t]{0,2}${QUOTE}`,
  `["']?[ \\t]{0,2}\\r?\\n\\s{0,20}value:[ ]{1,2}(?:${QUOTE})?`,
  // A constant of PHP
  `(?<=\\bdefine\\([ ]?["'][\\w-]{1,60})["'][ ]?,[ ]{0,2}["']`,
].join('|');

const shared = { id: 'secret-keyword', flags: 'i', anchors: [...KEYWORDS, 'token', 'credential'] } as const;
const SOURCES: readonly RuleSource[] = [
  { ...shared, pattern: announced(STRONG, QUOTE, SIGN) + QUOTED, judge: quotedLength },
  { ...shared, pattern: announced(STRONG, OPENING, SIGN) + BARE, judge: bareLength },
  {
    ...shared,
    pattern: `(?<before>(?:${STRONG})[\\w-]{0,20}(?:${LISTED}))[^\\s"'\`\\\\]{4,200}(?<![,;])`,
    judge: quotedLength,
  },
  {
    ...shared,
    pattern: `(?<before>(?:${STRONG})[\\w-]{0,20}>)[^\\s<>&"'\`]{6,200}(?=</)`,
    judge: bareLength,
  },
  {
    ...shared,
    pattern: `(?<before>(?<=--)(?:${STRONG})[ ]{1,2})(?!-)${BARE}`,
    judge: bareLength,
  },
  // A comma assigns too where the value looks random: a list of names is no assignment
  { ...shared, pattern: announced(WEAK, QUOTE, `(?:${SIGN}|,)`) + QUOTED, judge: randomLength },
  { ...shared, pattern: announced(WEAK, OPENING, SIGN) + BARE, judge: randomLength },
];

const rules = SOURCES.map(anchoredRule);
const NAME: RuleSource = { ...shared, pattern: `(?:${WEAK})${ABOUT}` };
const named = new RegExp(NAME.pattern, 'iy');

/** True for a name of a secret, which is asked once for all rules. */
function names(text: string, at: number): boolean {
  named.lastIndex = at;
  return named.test(text);
}

/**
 * A name that announces a secret, an assignment, and a value that looks like one: quoted, or with a digit or a symbol. Behind
 * `token` alone it has to look random.
 *
 * @see https://github.com/Yelp/detect-secrets (its keyword detector, for the names)
 */
export const SECRET_KEYWORD: AnchoredRule = {
  id: shared.id,
  anchors: shared.anchors,
  sources: [NAME, ...SOURCES],
  reach: () => Math.max(...rules.map((rule) => rule.reach())),
  match: (text, at) => (names(text, at) ? first(rules, (rule) => rule.match(text, at)) : undefined),
  open: (text, at) => (names(text, at) ? first(rules, (rule) => rule.open(text, at)) : undefined),
};

function first<Item, Result>(
  items: readonly Item[],
  of: (item: Item) => Result | undefined,
): Result | undefined {
  for (const item of items) {
    const result = of(item);
    if (result !== undefined) return result;
  }
  return undefined;
}
