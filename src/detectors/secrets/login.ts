import type { RuleSource } from '../rule.ts';
import { secretLength } from './value.ts';

const isFillerOfAddress = /^(?:pass(?:word|wd)?|pwd|secret|token|x+|\*+|\.+)$/i;
/** A plain word in an address stands for a password, or is one that everybody knows. */
const PLAIN_WORD = /^(?:[a-z]{1,12}|[A-Z]{1,12})$/;

function addressLength(value: string): number {
  return isFillerOfAddress.test(value) || PLAIN_WORD.test(value) ? 0 : secretLength(value);
}

/** The password in an address and on a command line, and what headers carry. */
export const LOGIN_SECRETS: readonly RuleSource[] = [
  {
    id: 'basic-auth',
    anchors: ['://'],
    pattern: String.raw`(?<before>:\/\/[^\s:/@"'<>\\[\]()]{0,100}:)(?:[^\s:/@"'<>\\{}[\]()$]|\\{1,8}u[0-9a-fA-F]{4}){1,150}(?=@)`,
    judge: addressLength,
  },
  {
    id: 'curl-password',
    anchors: ['-u'],
    pattern: String.raw`(?<before>(?<=\s-?)-u(?:ser)?(?:[ ]{0,3}|=)["']?[^\s:"']{1,100}:["']?)(?<=\bcurl[^]{1,600})[^\s"'\\,;)]{4,150}`,
    judge: addressLength,
  },
  {
    id: 'authorization-header',
    anchors: ['authorization'],
    pattern: String.raw`(?<before>authorization["']?[ \t]{0,3}[:=,][ \t]{0,3}["']?(?:(?:bearer|basic|token|apikey|bot)[ ]{1,3}|(?=[a-z0-9_-]{20,200}(?:["'\s]|$))))(?=[a-z._~+/-]{0,60}\d)[a-z0-9._~+/=-]{12,2000}`,
    flags: 'i',
    judge: secretLength,
  },
  {
    id: 'gitlab-session',
    anchors: ['_gitlab_session='],
    pattern: '(?<before>_gitlab_session=)[0-9a-z]{32}(?![0-9A-Za-z])',
  },
];
