import { type AskedFilter, canBeLive, FILTER_NAMES, queryOf, SPANS, VERDICT_WORDS } from '../asked-filter.ts';
import type { LiveRow } from '../decision-ring.ts';
import { foldedRows } from '../folded-rows.ts';
import { type FromSource, orUnknown } from '../known.ts';
import { countText, html, type Markup, nameMarkup, visible } from '../markup.ts';
import type { Gaps, Picture, ShownCounts } from '../page-source.ts';
import { backendsMarkup } from './backends.ts';
import { DROPPED, decisionTable } from './decision-list.ts';
import { latencyMarkup, minuteRows, minutesMarkup, totalsMarkup } from './hour.ts';
import { policiesInForce } from './policies.ts';
import { recordsMarkup } from './records.ts';
import { figuresMarkup, findingsMarkup, sentenceMarkup } from './state.ts';
import { countedMarkup, gapsMarkup, wouldBlockMarkup } from './would-block.ts';

/** Questions for the first view. */
export type DecisionsView = {
  readonly picture: FromSource<Picture>;
  readonly decisions: FromSource<{
    readonly last: number;
    readonly shown: readonly LiveRow[];
    readonly gaps?: Gaps;
  }>;
  readonly counts: FromSource<ShownCounts>;
  readonly asked: AskedFilter;
  readonly now: number;
};

/** Most decisions of a list. */
export const MAX_ROWS = 200;

/** The first view: how it goes now, and what was decided. */
export function decisionsMarkup({ picture, decisions, counts, asked, now }: DecisionsView): Markup {
  const box = (show: (known: Picture) => Markup) => orUnknown(picture, show);
  const minutes = 'value' in picture ? JSON.stringify(minuteRows(picture.value.minutes)) : '[]';
  const vendors = 'value' in picture ? picture.value.backends.map(({ name }) => name) : [];
  return html`<h1 class="unseen">Decisions</h1>
<section class="top" aria-label="State">
<p class="sentence"><span id="sentence" role="status" aria-live="polite">${box(sentenceMarkup)}</span> <span id="figures">${'value' in picture ? figuresMarkup(picture.value) : ''}</span></p>
<ul id="findings" class="findings" aria-live="polite" aria-label="Findings">${'value' in picture ? findingsMarkup(picture.value) : ''}</ul>
</section>
<section class="hour" aria-labelledby="hour-title">
<div class="head"><h2 id="hour-title">Last hour</h2><span id="strip-at" class="note" aria-hidden="true"></span></div>
<div id="strip" class="chart" data-minutes="${minutes}" aria-hidden="true"></div>
<div id="totals">${box(totalsMarkup)}</div>
<details><summary>By minute, as a table</summary><div id="minutes">${box(minutesMarkup)}</div></details>
</section>
<div class="boxes">
<section class="backends" aria-labelledby="backends-title">
<h2 id="backends-title">Backends</h2>
<div id="backends">${box(backendsMarkup)}</div>
<h2>Latency</h2>
<div id="latency" class="chart" aria-hidden="true"></div>
<div id="latencies">${box(latencyMarkup)}</div>
</section>
<section class="list" aria-labelledby="decisions-title">
<div class="head"><h2 id="decisions-title">Decisions, newest first</h2>
<button id="pause" type="button" aria-pressed="false" hidden>Pause</button></div>
${filterForm(asked)}
${askedMarkup(asked)}
${'value' in decisions && decisions.value.gaps !== undefined ? gapsMarkup(decisions.value.gaps, now) : ''}
<p id="decisions-state" class="note"></p>
<p id="said" class="unseen" role="log" aria-live="polite"></p>
<div class="scrolls" role="region" tabindex="0" aria-label="List of decisions">${orUnknown(
    decisions,
    ({ shown }) =>
      shown.length === 0
        ? html`${decisionTable([], now)}<p id="no-rows">${asked.words.size === 0 ? 'No data yet: no call was judged since the start.' : 'No decision that is asked for.'}</p>`
        : decisionTable(foldedRows(shown), now),
  )}</div>
${DROPPED}
</section>
<section class="records" aria-labelledby="records-title">
<h2 id="records-title"><a href="/ui/records">Records</a></h2>
<div id="records">${box(recordsMarkup)}</div>
</section>
<section class="force" aria-labelledby="force-title">
<h2 id="force-title"><a href="/ui/policies">Policies in force</a></h2>
<div id="policies">${box(policiesInForce)}</div>
</section>
<section class="would" aria-labelledby="would-title">
<h2 id="would-title">Would block or redact, last 7 days</h2>
${orUnknown(counts, (counted) => html`${wouldBlockMarkup(counted, vendors)}<p class="note">${countedMarkup(counted, now)}</p>`)}
</section>
</div>`;
}

/** Numbers and ids that the script needs to go on from where the page ends. */
export function liveQuery({
  decisions,
  asked,
}: Pick<DecisionsView, 'decisions' | 'asked'>): string | undefined {
  if (!canBeLive(asked)) return undefined;
  const last = 'value' in decisions ? decisions.value.last : 0;
  return queryOf([...asked.words, ['after', String(last)]]);
}

function filterForm({ words }: AskedFilter): Markup {
  const option = (value: string, text: string, name: string) =>
    html`<option value="${value}"${words.get(name) === value ? html` selected` : ''}>${text}</option>`;
  const since = words.get('since');
  return html`<details class="filter"${words.size > 0 ? html` open` : ''}><summary>Filter</summary>
<form method="get" action="/ui#decisions-title">
<label>verdict <select name="verdict">${option('', 'any', 'verdict')}${Object.entries(VERDICT_WORDS).map(([value, text]) => option(value, text, 'verdict'))}</select></label>
${FILTER_NAMES.map((name) => html`<label>${name} <input name="${name}" value="${words.get(name) ?? ''}" maxlength="256" autocomplete="off" spellcheck="false"></label>`)}
<label>of the last <select name="since">${option('', 'all days', 'since')}${Object.entries(SPANS).map(([value, text]) => option(value, text, 'since'))}${since === undefined || since in SPANS ? '' : option(since, visible(since), 'since')}</select></label>
<button>Show</button>${words.size > 0 ? html` <a href="/ui">Show all</a>` : ''}
</form></details>`;
}

function askedMarkup(asked: AskedFilter): Markup | '' {
  const { words, mistakes } = asked;
  if (words.size === 0) return '';
  return html`<p class="note">Kept decisions, the newest ${countText(MAX_ROWS, 'row')} at most: ${[
    ...words,
  ].map(
    ([name, word], i) => html`${i === 0 ? '' : ', '}${name} ${nameMarkup(word)}`,
  )}.${canBeLive(asked) ? '' : ' They are not live.'}</p>${mistakes.map((text) => html`<p class="mistake"><span aria-hidden="true">!</span> ${text}</p>`)}`;
}
