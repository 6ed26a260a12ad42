import { html, type Markup, msText, numberText } from '../markup.ts';
import type { Minute, Picture } from '../page-source.ts';

/** Outcomes of calls, in the order in which they are told, each with the meaning of its word. */
const OUTCOMES = {
  allowed: 'with all verdicts',
  redacted: 'what was found was taken out, and the rest went on',
  blocked: 'the product at work',
  bypassed: 'went on without the verdict of a backend',
  undecided: 'left to LiteLLM by a 503, or given up by it before there was a verdict',
} as const satisfies Partial<Record<keyof Minute, string>>;

type Outcome = keyof typeof OUTCOMES;
const NAMES = Object.keys(OUTCOMES) as Outcome[];

/** The numbers of the last hour under the strip, each in its colour and its word. */
export function totalsMarkup({ minutes }: Picture): Markup {
  return html`<dl class="totals">${NAMES.map((name) => {
    const count = minutes.reduce((sum, minute) => sum + minute[name], 0);
    const isLoud = name === 'bypassed' && count > 0;
    return html`<div title="${OUTCOMES[name]}"><dt><span class="chip ${name}" aria-hidden="true"></span>${name}</dt><dd class="${isLoud ? 'bad' : ''}">${numberText(count)}</dd></div>`;
  })}</dl>`;
}

/** The same of latencies. */
export function latencyMarkup({ minutes, p50Ms, p99Ms }: Picture): Markup {
  const worst = minutes.reduce<number | null>(
    (max, { p99Ms: ms }) => (ms === null ? max : Math.max(max ?? 0, ms)),
    null,
  );
  const ms = (value: number | null, none = 'no call in the last minute') =>
    value === null ? none : msText(value);
  return html`<dl class="totals"><div><dt><span class="chip p50" aria-hidden="true"></span>p50</dt><dd>${ms(p50Ms)}</dd></div>
<div><dt><span class="chip p99" aria-hidden="true"></span>p99</dt><dd>${ms(p99Ms)}</dd></div>
<div><dt>worst p99 of the hour</dt><dd>${ms(worst, 'no data yet')}</dd></div></dl>`;
}

const rounded = (ms: number | null) => (ms === null ? null : Number(ms.toPrecision(3)));

/** Numbers for the charts, a row for each minute. */
export const minuteRows = (minutes: readonly Minute[]) =>
  minutes.map(
    (one) =>
      [
        one.at,
        one.allowed,
        one.redacted,
        one.blocked,
        one.bypassed,
        one.undecided,
        rounded(one.p50Ms),
        rounded(one.p99Ms),
      ] as const,
  );

/** The numbers behind the charts, for who cannot see them: the minutes that are over, the newest first. */
export function minutesMarkup({ minutes }: Picture): Markup {
  const over = minutes.slice(0, -1).toReversed();
  if (over.length === 0) return html`<p>No data yet: the first minute is not over.</p>`;
  return html`<table class="drops">
<caption class="unseen">Decisions by minute, the newest first</caption>
<thead><tr><th scope="col">minute</th>${NAMES.map((name) => html`<th scope="col" class="number ${name === 'redacted' || name === 'undecided' ? 'third' : ''}">${name}</th>`)}<th scope="col" class="number first">p50</th><th scope="col" class="number first">p99</th></tr></thead>
<tbody>${over.map(
    (minute) =>
      html`<tr><th scope="row">${new Date(minute.at).toISOString().slice(11, 16)}</th>${NAMES.map(
        (name) =>
          html`<td class="number ${name === 'redacted' || name === 'undecided' ? 'third' : ''}">${numberText(minute[name])}</td>`,
      )}<td class="number first">${minute.p50Ms === null ? '' : msText(minute.p50Ms)}</td><td class="number first">${minute.p99Ms === null ? '' : msText(minute.p99Ms)}</td></tr>`,
  )}</tbody></table>`;
}
