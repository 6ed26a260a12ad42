import { queryOf } from '../asked-filter.ts';
import {
  agoMarkup,
  clockMarkup,
  countText,
  html,
  type Markup,
  nameMarkup,
  numberText,
  shareText,
} from '../markup.ts';
import type { Gaps, ShownCounts, WouldBlock } from '../page-source.ts';

const MAX_ROWS = 20;
/** Of a row. */
const MAX_RULES = 5;

/** What enforcing would do, by policy and team, with the rules within, each with the decisions behind it. @param vendors names of backends */
export function wouldBlockMarkup(
  { wouldBlock: rows, decisions }: ShownCounts,
  vendors: readonly string[],
): Markup {
  if (decisions === 0) return html`<p>No data yet: no decision is kept of these days.</p>`;
  if (rows.length === 0)
    return html`<p>0 of ${numberText(decisions)} decisions: nothing that only observes objected to any of them.</p>`;
  const shown = rows.toSorted((a, b) => b.calls - a.calls).slice(0, MAX_ROWS);
  return html`<table>
<caption class="unseen">What would be blocked or redacted if all that only observes were enforced</caption>
<thead><tr><th scope="col">policy or backend</th><th scope="col" class="first">team</th><th scope="col">would</th><th scope="col" class="number">calls</th><th scope="col" class="number">of all</th></tr></thead>
<tbody>${shown.map((row) => rowMarkup(row, decisions, vendors))}</tbody>
</table>
${rows.length > MAX_ROWS ? html`<p class="note">${numberText(rows.length - MAX_ROWS)} more rows are not shown.</p>` : ''}`;
}

/** Of how many decisions, since when, where there are too many to count, and when they were counted. */
export const countedMarkup = ({ decisions, since, partial, at }: ShownCounts, now: number): Markup =>
  html`Of ${countText(decisions, 'decision')}${since === undefined ? '' : html` since ${clockMarkup(since, now)}: there are too many to count all of these days`}, counted ${agoMarkup(at, now)}${partial === undefined ? '' : `; ${partial}`}.`;

/** What a list was not searched for. */
export const gapsMarkup = ({ since, partial }: Gaps, now: number): Markup =>
  html`${since === undefined ? '' : html`<p class="note">Searched back to ${clockMarkup(since, now)}, as there are many decisions: ask for less to see older ones.</p>`}${partial === undefined ? '' : html`<p class="note">Found is ${partial}.</p>`}`;

function rowMarkup(
  { by, team, would, calls, rules }: WouldBlock,
  decisions: number,
  vendors: readonly string[],
): Markup {
  const query = queryOf([
    ['verdict', 'observed'],
    [vendors.includes(by) ? 'backend' : 'policy', by],
    ...(team === null ? [] : [['team', team] as const]),
    ['since', '7d'],
  ]);
  return html`<tr>
<th scope="row"><a href="/ui?${query}#decisions-title">${nameMarkup(by, 24)}</a>${rules.length === 0 ? '' : html`<small>${rules.slice(0, MAX_RULES).map(({ rule, calls }, i) => html`${i === 0 ? '' : ', '}${nameMarkup(rule, 32)} ${numberText(calls)}`)}${rules.length > MAX_RULES ? `, ${numberText(rules.length - MAX_RULES)} more` : ''}</small>`}</th>
<td class="first">${team === null ? html`<span class="none">no team</span>` : nameMarkup(team, 24)}</td>
<td>${would}</td>
<td class="number">${numberText(calls)}</td>
<td class="number">${shareText(calls, decisions)}</td>
</tr>`;
}
