import { domainIn } from './domain.ts';
import { entity } from './entity.ts';

const DOMAIN = /(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/uy;
const DOMAIN_BEGUN = /(?:[\p{L}\p{N}-]{1,63}\.){0,8}[\p{L}\p{N}-]{0,63}/uy;
const LOCAL = /[\p{L}\p{N}._%+'-]/u;
/** Signs that no address begins with: a quote, with the letters of a string in Python, or the mark of a line in a diff. */
const BEFORE_LOCAL = /^(?:[burf]{0,2}'(?=.{0,64}'$)|['.+%-]){1,64}/i;

/** A sentence in a script without blanks, directly before an address. */
const SENTENCE_BEFORE =
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\u30fc]{1,64}(?=[a-z\d])/iu;

const MAX_LOCAL = 64;
/** Characters behind an address that say that it is none. */
const BEHIND = 48;

/** `this@Activity` in Kotlin, senders that nobody reads, users of machines that are no persons. */
const NO_LOCAL = /^(?:this|super|return|break|continue|(?:no|do-?not)-?reply|root|ubuntu|ec2-user|vagrant)$/i;
const VERSION = /^v?\d{1,9}\.\d/;
/** Names of algorithms and extensions of SSH. @see RFC 4251, section 6 */
const SSH_DOMAIN = /^(?:openssh\.com|libssh\.org|tinyssh\.org)$/i;
/** Accounts of programs. */
const MACHINES = /(?:^|\.)gserviceaccount\.com$/i;
const SSH_NAME =
  /(?:^|-)(?:cbc|ctr|gcm|hmac|sha\d*|etm|poly1305|chacha20|aes\d*|des|kex|curve25519|rijndael)(?:-|$)/i;
/** A host and a path on it: `host:~/path`, `host:owner/name.git`. A word with a slash alone can be a password. */
const PATH = /^:(?!\/\/)(?:~|\.{0,2}\/|(?:[\w.-]{1,40}\/){0,8}[\w.-]{1,40}\.git(?!\w))/;
/** Users of hosts for repositories. */
const GIT_USER = /^(?:git|hg|svn|gitea|gitlab|aur|org-\d+)$/i;
/** Commands that take the user of a host; those that copy with a colon behind it. */
const LOGGING_IN =
  /(?:^|[\s;&|$`"'])(?:ssh|sftp|ssh-copy-id|mosh)\s{1,3}(?:-\w{1,10}(?:[ =][^\s-]\S{0,30})?\s{1,3}){0,3}$/;
const COPYING = /(?:^|[\s;&|$`"'])(?:scp|rsync|git)\s[^\n"']{0,60}$/;
/** The name of a mail rather than of a mailbox. @see RFC 5322, section 3.6.4 */
const MESSAGE_ID =
  /(?:^|\n)(?:(?:(?:Resent-|X-)?Message-ID|In-Reply-To|References|Content-ID):[^\n]{0,50}<[^<>\s]{0,40}|UID:[^\s@]{0,60})$/i;
/** Top-level domains of mail that are no names of functions: `weights@inputs.to(device)` is a product. */
const MAILED =
  /\.(?:com|org|net|edu|gov|mil|biz|info|example|test|(?!a[mst]|by|do|i[dnst]|me|my|no|of|or|pm|so|to)[a-z]{2})$/i;
/** A name or a word in brackets behind an address, which no call has. */
const REMARK = /^\((?:[A-Z][a-z]|[^\0-\x7f])/;
/** The user of a link, with or without a password. */
const USER_OF_LINK = /\w:\/\/[^\s/@"'<>]{0,64}$/;

/** E-mail addresses, those with letters beyond ASCII too. */
export const EMAIL = entity('EMAIL_ADDRESS', ['EMAIL'], 'always', {
  anchors: ['@'],
  reach: () => 1200 + BEHIND,
  match(text, at) {
    DOMAIN.lastIndex = at + 1;
    const name = DOMAIN.exec(text)?.[0];
    if (name === undefined || VERSION.test(name)) return undefined;
    const whole = text.slice(localStart(text, at, 0), at);
    // The quote behind the address closes the one before it
    const quoted = text[at + 1 + name.length] === "'" ? `${whole}'` : whole;
    // Emphasis round an address
    const marks = text[at + 1 + name.length] === '_' ? /^_{1,2}/ : /^$/;
    const local = whole
      .slice(BEFORE_LOCAL.exec(quoted)?.[0].length ?? 0)
      .replace(SENTENCE_BEFORE, '')
      .replace(marks, '');
    if (local === '' || NO_LOCAL.test(local)) return undefined;
    const domain = domainIn(name);
    if (domain === undefined) return undefined;
    const start = at - local.length;
    const end = at + 1 + domain.length;
    if (isCall(name, domain, text.slice(end, end + 3))) return undefined;
    return isMailbox(local, domain, text, start, end) ? { start, end } : undefined;
  },
  open(text, at) {
    DOMAIN_BEGUN.lastIndex = at + 1;
    DOMAIN_BEGUN.test(text);
    if (DOMAIN_BEGUN.lastIndex + BEHIND < text.length) return undefined;
    const start = localStart(text, at, 0);
    return start < at ? start : undefined;
  },
  openTail(text, from) {
    const start = localStart(text, text.length, from);
    return start < text.length ? start : undefined;
  },
});

/** True if a bracket behind makes the name of a function of the last part. */
function isCall(name: string, domain: string, behind: string): boolean {
  if (name !== domain) return behind.startsWith('(');
  return behind.startsWith('(') && !MAILED.test(domain) && !REMARK.test(behind);
}

function isMailbox(local: string, domain: string, text: string, start: number, end: number): boolean {
  if (
    SSH_DOMAIN.test(domain) ||
    MACHINES.test(domain) ||
    (SSH_NAME.test(local) && local.includes('-') && /\.(?:se|com)$/i.test(domain))
  )
    return false;
  const behind = text.slice(end, end + BEHIND);
  if (PATH.test(behind) || (GIT_USER.test(local) && /^[:/]/.test(behind))) return false;
  const before = text.slice(Math.max(0, start - 72), start);
  return (
    !MESSAGE_ID.test(before) &&
    !USER_OF_LINK.test(before) &&
    !LOGGING_IN.test(before) &&
    !(behind.startsWith(':') && COPYING.test(before))
  );
}

/** Start of the part before an `@`; the end itself if there is none. */
function localStart(text: string, end: number, from: number): number {
  const least = Math.max(from, end - MAX_LOCAL);
  let start = end;
  while (start > least && isLocal(text.charCodeAt(start - 1))) start--;
  return start;
}

function isLocal(unit: number): boolean {
  if (unit > 0x60 && unit < 0x7b) return true;
  return unit > 0x20 && LOCAL.test(String.fromCharCode(unit));
}
