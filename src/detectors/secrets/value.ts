import { entropyOf, isFiller, isName } from './filler.ts';

/** Texts that stand where a value is expected and are none: names, references, places, dates, types. */
const NO_SECRETS: readonly RegExp[] = [
  /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/,
  /^[A-Za-z]+(?:[-._/:][A-Za-z]+)+$/,
  /^(?:[A-Z]+[a-z]+)+$/,
  /^(?:os\.environ|process\.env|env|config|settings|self|this|vars|secrets|request|req|data|args|params|options)[./[]/i,
  /^\d{4}-\d\d-\d\d(?:[T ][\d:.+-]*Z?)?$/,
  /^[a-z][a-z0-9+.-]*:\/\/[^@?]*$/i,
  /^(?:[.~#]{0,2}|[a-z]:)[/\\]/i,
  /^(.)\1*$/,
  /^(?:u?int|float|big|sha|md|base|pkcs)[#-]?\d{1,3}(?:array)?$/i,
  /^[*[<{(%$]/,
  // A tag of YAML
  /^!{1,2}[a-z]{2,20}$/,
  // A token of Telegram, for which there is a rule of its own
  /^\d{5,20}:[A-Z]/,
  /[_-](?:key|token|secret|password|passwd|pwd)$/i,
  /[a-z0-9](?:Key|Token|Secret|Password)$/,
  /^(?:string|password|passwd|secret|required|optional|text|null|none|true|false|undefined|number|boolean|hidden|any|bytes|object|default|empty|invalid|missing|unknown|incorrect|forgot|confirm|enter|username|user|email|passwort|kennwort|contraseña|senha|wachtwoord|пароль|パスワード|密码|비밀번호)$/i,
];

/** The last part of a name with dots: `ed25519.Ed25519PrivateKey`. */
const MEMBER = /^[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)*(?:\.|::|->)(\w*[a-z][A-Z_][A-Za-z]\w*)$/;

/** Words that name a secret: a name made of them is not the secret itself. */
const NAMING = /key|token|secret|pass|pwd|auth|cred|value|hidden/i;

/** One word of small letters or capitals: too short to be more than a word of the language. */
const SHORT_WORD = /^(?:[a-z]{1,7}|[A-Z]{1,7}|[A-Z][a-z]{1,7}|[a-z]{1,4}[A-Z][a-z]{1,4})$/;

/** Length of the secret in a value. A full stop behind it belongs to the sentence. */
export function secretLength(value: string): number {
  const core = value.replace(/[.?:]{1,3}$/, '');
  if (NO_SECRETS.some((shape) => shape.test(core)) || isFiller(value)) return 0;
  const member = MEMBER.exec(core)?.[1];
  if (member !== undefined && isName(member)) return 0;
  return isName(core) && NAMING.test(core) ? 0 : core.length;
}

/** The same of a value in quotes, which ends with them. An expression can follow the quote that ends a name: `"PWD="+dir`. */
export function quotedLength(value: string): number {
  const isExpression = /^[+,;).:\]}&?]/.test(value);
  return isExpression || SHORT_WORD.test(value) || secretLength(value) === 0 ? 0 : value.length;
}

/** The same of a value without quotes: a word has no digit and no symbol. */
export function bareLength(value: string): number {
  const length = secretLength(value);
  return /[\d!@#%^~*$]/.test(value.slice(0, length)) ? length : 0;
}

const TEST_VALUE = /(?:^|[_-])(?:test|demo|fake|mock|sample)(?:[_-]|$)/i;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The same of a value that only its looks tell: beside a name such as `token`, which many harmless values have too. */
export function randomLength(value: string): number {
  if (value.length < 20 || !/^[A-Za-z0-9+/=_.~:-]*$/.test(value)) return 0;
  const length = secretLength(value);
  if (length < 20) return 0;
  const core = value.slice(0, length);
  if (UUID.test(core) || TEST_VALUE.test(core)) return 0;
  return /\d/.test(core) && /[A-Za-z]/.test(core) && !isName(core) && entropyOf(core) > 2.8 ? length : 0;
}
