import { liveRowOf } from '../decision-ring.ts';
import { type FromSource, orUnknown } from '../known.ts';
import { agoMarkup, clockMarkup, countText, html, type Markup, nameMarkup, visible } from '../markup.ts';
import type { PageSource, Picture, Story } from '../page-source.ts';
import { DROPPED, decisionTable } from './decision-list.ts';
import { backlogMarkup } from './records.ts';

/** The view of records. */
export const recordsView = (picture: FromSource<Picture>): Markup => html`<h1>Records</h1>
<section aria-label="Records that are not delivered yet"><div id="backlog">${orUnknown(picture, backlogMarkup)}</div></section>`;

type Settings = Awaited<ReturnType<PageSource['settings']>>;

/** The view of settings. */
export function settingsView(settings: FromSource<Settings>, picture: FromSource<Picture>): Markup {
  return html`<h1>Settings</h1>
<section aria-labelledby="bridge-title"><h2 id="bridge-title">This bridge</h2>${orUnknown(picture, bridgeMarkup)}</section>
<section aria-labelledby="settings-title"><h2 id="settings-title">In force</h2>${orUnknown(
    settings,
    (rows) => html`<table class="settings">
<caption class="unseen">Settings, with where each is set</caption>
<thead><tr><th scope="col">setting</th><th scope="col" class="wide">value</th><th scope="col">set in</th></tr></thead>
<tbody>${rows.map(
      ({ name, value, source }) =>
        html`<tr class="${source === 'default' ? 'none' : ''}"><th scope="row"><code>${visible(name)}</code></th><td class="wide"><code>${nameMarkup(value, 200)}</code></td><td>${nameMarkup(source)}</td></tr>`,
    )}</tbody></table>`,
  )}</section>`;
}

function bridgeMarkup({ release, replica, startedAt, status, workers, at }: Picture): Markup {
  const rows: readonly (readonly [string, Markup | string])[] = [
    ['release', release],
    ['replica', nameMarkup(replica)],
    ['status', status],
    ['started', html`${agoMarkup(startedAt, at)}`],
    ...(workers === undefined ? [] : [['workers', `${workers.up} of ${workers.wanted} up`] as const]),
  ];
  return factsMarkup(rows);
}

const factsMarkup = (rows: readonly (readonly [string, Markup | string])[]): Markup =>
  html`<dl class="facts">${rows.map(([title, text]) => html`<div><dt>${title}</dt><dd>${text}</dd></div>`)}</dl>`;

/** The story of one call. @param word what was asked for */
export function storyView(
  word: string,
  story: FromSource<{ readonly story: Story | undefined }> | undefined,
  now: number,
): Markup {
  const shown = visible(word);
  if (story === undefined)
    return html`<h1>Story of a call</h1><p>Write a reference, a call id, or a message that has one into the field above.</p>`;
  return html`<h1>Story of a call</h1>${orUnknown(story, ({ story: known }) =>
    known === undefined
      ? html`<p class="sentence">No decision is called ${nameMarkup(shown, 80)}.</p>
<p>A reference has 16 digits from 0 to 9 and a to f. Decisions are kept for DECISIONS_DAYS; allowed calls may go before that, where there are more than DECISIONS_MAX_MB hold.</p>`
      : toldMarkup(known, now),
  )}`;
}

/** A call that streams for long has many. */
const MAX_OTHERS = 100;

function toldMarkup({ about, others, sentence, facts, advice }: Story, now: number): Markup {
  const titled = facts.reduce<{ title: string; texts: string[] }[]>((all, [title, text]) => {
    if (title === '' && all.length > 0) all.at(-1)?.texts.push(text);
    else all.push({ title, texts: [text] });
    return all;
  }, []);
  const rows = [...others.slice(0, MAX_OTHERS), about].toSorted((a, b) => b.at - a.at).map(liveRowOf);
  return html`<p class="sentence">${visible(sentence)}</p>
<p class="note">Decided at ${clockMarkup(about.at, now)}, ${agoMarkup(about.at, now)}.</p>
${advice.length === 0 ? '' : html`<section aria-labelledby="todo-title"><h2 id="todo-title">${about.verdict === 'block' ? 'If such calls should pass' : 'To do'}</h2><ul>${advice.map((text) => html`<li>${visible(text)}</li>`)}</ul></section>`}
<section aria-labelledby="facts-title"><h2 id="facts-title">What is known</h2>
<dl class="facts">${titled.map(({ title, texts }) => html`<div><dt>${title}</dt>${texts.map((text) => html`<dd>${visible(text)}</dd>`)}</div>`)}</dl></section>
${
  others.length === 0
    ? ''
    : html`<section class="list" aria-labelledby="same-title"><h2 id="same-title">All decisions on this call</h2>${decisionTable(
        rows.map((decision) => ({ decision, count: 1, since: decision.at, team: decision.team })),
        now,
      )}${others.length > MAX_OTHERS ? html`<p class="note">${countText(others.length - MAX_OTHERS, 'more decision')} not shown.</p>` : ''}${DROPPED}</section>`
}`;
}

/** The words on the page of an error. */
export const errorView = (title: string, text: string): Markup => html`<h1>${title}</h1>
<p class="sentence">${text}</p>
<p><a href="/ui">Go to the decisions</a></p>`;
