import { type AnchoredRule, DIGITS, tableOf } from '../rule.ts';
import { NUMBER_EDGE, NUMBER_END, NUMERALS } from './entity.ts';
import { topicBefore } from './words.ts';

const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;
const SHAPE = new RegExp(
  String.raw`${NUMBER_EDGE}(?<!\.)${OCTET}(?:\.${OCTET}){3}${NUMBER_END}(?!\.\d)`,
  'y',
);
const BEGUN = new RegExp(String.raw`${NUMBER_EDGE}(?<!\.)(?:\d{1,3}\.){0,3}\d{0,3}\.?$`, 'y');

/** Characters before and behind an address that say whose it is. */
const BEFORE = 64;
const BEHIND = 48;

/** The name of somebody who calls, or of an address, directly before. */
const CALLER =
  /(?:^|[^a-z])(?:from|clients?|ips?|ip[_ -]?addr(?:ess)?|address|remote(?:[_ -]?(?:addr|ip|host|address))?|peer|visitors?|users?|logins?|logged in|forwarded[_ -]?for|by|source|src|attacker|caller)(?: is| was)?[\s:="'<[(\\-]{1,16}$/i;
/** The first field of a line of a web server's log. */
const LOGGED = /^ (?:- |\[\d|")/;

/** A package or product with its version, a range of versions. */
const VERSIONED = /(?:[\w)]\/|[=<>!~^]=|[~^!]|(?<!(?:\.\d{1,3}){3})(?<=\w)-|\bv\.? ?|§ ?)$/i;
/** The name of a host and its address, as Java writes it and as links to look one up do. */
const HOST_BEFORE = /(?:^|[\s"'`([<=/@])(?:[a-z\d-]{1,63}\.){1,8}[a-z]{2,24}\/$/i;
const PORT = /^:\d{2,5}(?!\w|\.\d)/;
/** A comparison with the address of somebody: no package is called so. */
const COMPARED =
  /(?:^|[^a-z])(?:(?:remote|client|peer|src|dst)?[_ -]?(?:ips?|addr(?:ess)?)|remote|peer)[=!]=$/i;
/** A move from one version to another. */
const MOVED =
  /(?:^|[^a-z])(?:up|down)?(?:grad|dat)(?:e[sd]?|ing) [^\n]{0,40}(?:to|from) $|(?:^|[^a-z])(?:patch|bump|backport)(?:e?[sd]|ing)? [^\n]{0,40}(?:to|from) $/i;
/** Versions of three parts beside it. */
const VERSION_BEFORE = /(?:^|[\s,])v?\d{1,4}\.\d{1,4}\.\d{1,4}[ \t,]{1,2}$/;
const VERSION_BEHIND = /^[ \t,]{1,2}v?\d{1,4}\.\d{1,4}\.\d{1,4}(?![\w.])/;
/** Ids of attributes and algorithms in certificates. @see ITU-T X.500 */
const OBJECT_ID = /^(?:2\.5\.(?:4|29)|1\.3\.(?:6|101|132))\./;

/** A flag, a directive or a command that takes the address of a machine, or a link to it. */
const CONFIGURED =
  /(?:^|[^\w-])(?:--?[a-z-]{0,20}(?:host|bind|listen|addr|address|ip|server|gateway|dns)|listen|bind|host|hosts|nameservers?|dns|gateway[46]?|upstream|proxy_pass|server|subnet|network|netmask|route|via|ping|ssh|curl|dig|nslookup|telnet|nc|inet6?|allow|deny)[\s:="'([@]{1,6}$|\w:\/\/(?:[^\s/@]{1,32}@)?\[?$/i;
const NETWORK = /^\]?\/(?:\d{1,3}(?!\d)|255\.|0\.)/;
/** Nobody's name of a site: `example.com` is none of these words. */
const EXAMPLE =
  /(?<=[\s("'*#/])(?:examples?|e\.g\.|documentation|sample|placeholder|dummy|TEST-NET(?:-\d)?|RFC ?5737|RFC ?3849|Beispiel|exemple|ejemplo)(?!\.?\w)/i;

/** IPv4 addresses that are somebody's. */
export const IPV4_RULE: Omit<AnchoredRule, 'id' | 'anchors'> = {
  look: { offset: 1, isWorth: tableOf(`${NUMERALS}.`) },
  sources: [{ id: 'ip-address', anchors: [DIGITS], pattern: SHAPE.source }],
  reach: () => 16 + BEHIND,
  match(text, start) {
    SHAPE.lastIndex = start;
    const address = SHAPE.exec(text)?.[0];
    if (address === undefined) return undefined;
    const end = start + address.length;
    return isSomebodys(address, text, start, end) ? { start, end } : undefined;
  },
  open(text, at) {
    BEGUN.lastIndex = at;
    if (BEGUN.test(text)) return at;
    SHAPE.lastIndex = at;
    return SHAPE.test(text) && SHAPE.lastIndex + BEHIND > text.length ? at : undefined;
  },
};

function isSomebodys(address: string, text: string, start: number, end: number): boolean {
  const octets = address.split('.').map(Number);
  if (isSpecial(octets)) return false;
  const before = text.slice(Math.max(0, start - BEFORE), start);
  const behind = text.slice(end, end + BEHIND);
  if (VERSIONED.test(before)) return isNoVersion(octets, before, behind);
  if (octets[0]! < 32 && (MOVED.test(before) || VERSION_BEFORE.test(before) || VERSION_BEHIND.test(behind)))
    return false;
  const isCaller = CALLER.test(before) || (/(?:^|\n)["' ]{0,4}$/.test(before) && LOGGED.test(behind));
  if (isCaller) return true;
  if (octets[0]! < 10 && /[\d.] $/.test(before) && /^[ -]-?\d/.test(behind)) return false;
  if (octets.every((octet) => octet < 32) && /(?:^|[\n>]) {0,8}$/.test(before) && /^\.? [A-Z]/.test(behind))
    return false;
  // Numbers of versions and sections are small; of all addresses one in four thousand is
  if (octets[0] !== 10 && octets.every((octet) => octet < 32)) return false;
  if (OBJECT_ID.test(address)) return false;
  const topic = topicBefore(text, start, ['version', 'id']);
  if (topic === 'version' || (topic === 'id' && octets[0]! < 32)) return false;
  return !isInside(octets) || !isConfigured(before, behind);
}

/** True if what stands as versions do behind a name is an address nevertheless. */
function isNoVersion(octets: readonly number[], before: string, behind: string): boolean {
  if (/[v§]\.? ?$/i.test(before)) return false;
  if (isInside(octets) && isConfigured(before, behind)) return false;
  if (PORT.test(behind) || COMPARED.test(before)) return true;
  if (octets[0]! < 32) return false;
  return HOST_BEFORE.test(before) || (/-$/.test(before) && CALLER.test(before) && !/^[.-]\w/.test(behind));
}

/** Loopback, unspecified, link-local, groups, masks, protocols, and networks without a host. @see RFC 6890 */
function isSpecial([a = 0, b = 0, c = 0, d = 0]: readonly number[]): boolean {
  if (a === 0 || a === 127 || a >= 224 || (a === 169 && b === 254)) return true;
  return c === 0 && (d === 0 || (a === 192 && b === 0));
}

/** Addresses of a house (RFC 1918, RFC 6598) and of documentation (RFC 5737): whose they are is told by what stands round them. */
function isInside([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return true;
  if (a === 100 && b >= 64 && b < 128) return true;
  return (
    (a === 192 && b === 0 && c === 2) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113)
  );
}

/** True if a text configures a machine or shows how to, rather than telling who called. */
export function isConfigured(before: string, behind: string): boolean {
  const line = before.slice(before.lastIndexOf('\n') + 1) + behind.split('\n', 1)[0];
  return CONFIGURED.test(before) || NETWORK.test(behind) || EXAMPLE.test(line);
}
