import { html as htmlOf } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

/** HTML in which all that was put in is escaped. */
export type Markup = HtmlEscapedString;

/** Hono's template, of which nothing that is put in is a promise. */
export const html = htmlOf as (strings: TemplateStringsArray, ...values: unknown[]) => Markup;

/** Characters that cannot be seen, or turn the order of others round. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const CUT = '…';
/** Characters in a title of a name that somebody else chose. */
const MAX_TITLE = 300;

/** Foreign text with its hidden characters written out, such as `\u202e`. */
export function visible(text: string): string {
  return text.replace(
    HIDDEN,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

function cut(text: string, max: number): string {
  // A character can take two units
  const characters = [...text.slice(0, 2 * max + 2)];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}${CUT}`;
}

/** A name that somebody else chose: cut, with more of it in its title, and apart from the text around it whichever way it is read. */
export function nameMarkup(text: string, max = 40): Markup {
  const whole = visible(text);
  const short = cut(whole, max);
  return short === text
    ? html`<bdi>${text}</bdi>`
    : html`<bdi title="${cut(whole, MAX_TITLE)}">${short}</bdi>`;
}

const NUMBERS = new Intl.NumberFormat('en-US');

/** `12,480`. */
export const numberText = (count: number): string => NUMBERS.format(count);

/** `1 rule`, `2 rules`, `3 policies`. */
export function countText(count: number, noun: string): string {
  const many = noun.replace(/(?<![aeiou])y$/, 'ie').concat('s');
  return `${numberText(count)} ${count === 1 ? noun : many}`;
}

/** `54 µs`, `0.3 ms`, `12 ms`, `1.5 s`. */
export function msText(ms: number): string {
  if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `0.04 %`, `3.1 %`, `25 %`; a share that is there is never 0. */
export function shareText(part: number, whole: number): string {
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.01) return 'below 0.01 %';
  return `${percent === 0 ? 0 : percent < 1 ? percent.toFixed(2) : percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** A span of time in its largest unit or two: `40 s`, `3 min`, `5 h 20 min`, `3 days`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

const isoText = (at: number) => new Date(at).toISOString();

/** `2026-11-27 20:14:03 UTC`. */
export const exactText = (at: number): string => `${isoText(at).slice(0, 19).replace('T', ' ')} UTC`;

/** `20:14:03`, of today; an older one with its day. Times of the page are UTC. */
export function clockMarkup(at: number, now: number): Markup {
  const iso = isoText(at);
  const isToday = iso.slice(0, 10) === isoText(now).slice(0, 10);
  const short = isToday ? iso.slice(11, 19) : `${iso.slice(5, 10)} ${iso.slice(11, 16)}`;
  return html`<time datetime="${iso}" title="${exactText(at)}">${short}</time>`;
}

/** `40 s ago`. */
export function agoMarkup(at: number, now: number): Markup {
  return html`<time datetime="${isoText(at)}" title="${exactText(at)}">${spanText(now - at)} ago</time>`;
}

/** `in 12 s`, or `now`. */
export function untilMarkup(at: number, now: number): Markup {
  const text = at - now < 1000 ? 'now' : `in ${spanText(at - now)}`;
  return html`<time datetime="${isoText(at)}" title="${exactText(at)}">${text}</time>`;
}
