import type { LiveRow } from '../decision-ring.ts';
import { type FoldedRow, isPlain } from '../folded-rows.ts';
import {
  clockMarkup,
  exactText,
  html,
  type Markup,
  msText,
  nameMarkup,
  numberText,
  visible,
} from '../markup.ts';

/** Words for verdicts in the list. */
const WORDS = {
  allow: 'allowed',
  block: 'BLOCKED',
  redact: 'redacted',
  remove: 'removed',
  defer: 'deferred',
  cancelled: 'given up',
} as const satisfies Record<LiveRow['verdict'], string>;

/**
 * Columns, each with the order in which it is left out where there is no room: `first` goes first. Time, verdict and reason stay, and the
 * time leads to the story of the call, which has the rest.
 */
const COLUMNS = [
  ['time', ''],
  ['verdict', ''],
  ['why', 'why'],
  ['team', 'fourth'],
  ['key', 'first'],
  ['model', 'second'],
  ['took', 'number third'],
  ['reference or call id', 'third ref'],
] as const;

/** The list of decisions, the newest first. @param rows folded */
export function decisionTable(rows: readonly FoldedRow[], now: number): Markup {
  return html`<table class="decisions">
<caption class="unseen">Decisions, the newest first</caption>
<thead><tr>${COLUMNS.map(([title, order]) => html`<th scope="col" class="${order}">${title}</th>`)}</tr></thead>
<tbody id="rows">${rows.map((row) => rowMarkup(row, now))}</tbody>
</table>`;
}

/** Names of the columns that a narrow list leaves out, to stand below it. */
export const DROPPED = html`<p class="dropped">Left out for want of room, in this order: key, model, time taken and reference, team. The time leads to all of it.</p>`;

function rowMarkup({ decision, count, since, team }: FoldedRow, now: number): Markup {
  const { at, verdict, bypassed, key, model, ms } = decision;
  const isRun = count > 1;
  return html`<tr class="${bypassed.length > 0 ? 'bypassed' : verdict}" data-count="${count}" data-since="${since}"${decision.isRound && verdict !== 'block' && !isRun ? html` data-round="${decision.litellm_call_id ?? ''}"` : ''}${isPlain(decision) ? html` data-plain` : ''}>
<td>${linked(decision, clockMarkup(at, now))}</td>
<td class="verdict">${verdictMarkup(decision)}${isRun ? html` <span title="${`from ${exactText(since)} to ${exactText(at)}`}">(${numberText(count)})</span>` : ''}</td>
<td class="why">${isRun ? '' : whyMarkup(decision)}</td>
<td class="fourth">${team === undefined ? html`<span class="none">several</span>` : maybe(team)}</td>
<td class="first">${isRun ? '' : maybe(key)}</td>
<td class="second">${isRun ? '' : maybe(model)}</td>
<td class="number third">${isRun ? '' : msText(ms)}</td>
<td class="third ref">${isRun ? '' : refMarkup(decision)}</td>
</tr>`;
}

const maybe = (name: string | null): Markup | '' => (name === null ? '' : nameMarkup(name, 20));

/** The way to the story of a call; plain where it has no name to ask for. */
function linked({ ref, litellm_call_id: id }: LiveRow, content: Markup): Markup {
  const word = ref ?? id;
  return word === null
    ? content
    : html`<a href="/ui/call?word=${encodeURIComponent(word.toWellFormed())}">${content}</a>`;
}

function refMarkup(decision: LiveRow): Markup | '' {
  const word = decision.ref ?? decision.litellm_call_id;
  return word === null ? '' : linked(decision, html`<code>${nameMarkup(word, 16)}</code>`);
}

function verdictMarkup({ verdict, bypassed }: LiveRow): Markup {
  return bypassed.length > 0
    ? html`<span class="bad"><span aria-hidden="true">!</span> bypassed</span>`
    : html`${WORDS[verdict]}`;
}

/** `secrets · aws-access-key`, `without akto`, `secrets would redact`. */
function whyMarkup({ by, rules, category, bypassed, observed, input_type, verdict }: LiveRow): Markup {
  // The verdict of one that was bypassed does not stand in its own column
  const did = bypassed.length > 0 ? `${WORDS[verdict]} by ` : '';
  const decided = by === null ? (category ?? '') : `${did}${[...by.split(','), ...rules].join(' · ')}`;
  // Of one who decides nothing the rules are those of who would have
  const watching =
    by === null && rules.length > 0 ? [...observed, ...rules].join(' · ') : observed.join('; ');
  const without = bypassed.length === 0 ? '' : `without ${bypassed.join(', ')}`;
  const text = visible([decided, without, watching].filter((part) => part !== '').join('; '));
  const side = input_type === 'response' ? html`<small class="side">response</small> ` : '';
  return html`${side}${text === '' ? '' : html`<span title="${text}">${text}</span>`}`;
}
