import { commandLine } from '../../config/command-line.ts';
import { unknownMarkup } from '../known.ts';
import { html, type Markup, nameMarkup, numberText, spanText, untilMarkup, visible } from '../markup.ts';
import type { Picture, ShownBacklog } from '../page-source.ts';

const MAX_REASON = 120;
const MAX_REASONS = 20;

/** Records that are not delivered yet, a line a backend. */
export function recordsMarkup({ backlogs, backends, at }: Picture): Markup {
  if (backlogs === undefined) return backends.length === 0 ? noReceivers : unknown;
  if (backlogs.length === 0) return noReceivers;
  return html`<ul class="lines">${backlogs.map(
    (backlog) =>
      html`<li><span class="name">${nameMarkup(backlog.backend, 24)}</span> <span>${lineMarkup(backlog, at)}</span></li>`,
  )}</ul>`;
}

const unknown = unknownMarkup('no records are kept, or they could not be counted in time');
const noReceivers = html`<p>No backend takes records.</p>`;

function lineMarkup({ due, oldestAt, nextTryAt, dead, deadBy, reason }: ShownBacklog, now: number): Markup {
  const oldest = oldestAt === null ? '' : html`, oldest ${timeMarkup(oldestAt, spanText(now - oldestAt))}`;
  const next = nextTryAt === null ? '' : html`, next try ${untilMarkup(nextTryAt, now)}`;
  const lost =
    dead === 0
      ? html`0 dead`
      : html`<span class="bad"><span aria-hidden="true">!</span> ${numberText(dead)} dead</span>`;
  const small = (text: string) => html`<small>${nameMarkup(text, MAX_REASON)}</small>`;
  const deadText = mostFrequent(deadBy).map(([why, count]) => `${why} (${numberText(count)})`);
  return html`${numberText(due)} due${oldest}${next}, ${lost}${reason === null ? '' : small(`waits: ${reason}`)}${deadText.length === 0 ? '' : small(`dead: ${deadText.join(', ')}`)}`;
}

/** Reasons are vendors' statuses and words of ours: there are few. */
const mostFrequent = (counts: ShownBacklog['deadBy']) =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_REASONS);

const timeMarkup = (at: number, text: string): Markup => {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${iso.slice(0, 19).replace('T', ' ')} UTC">${text}</time>`;
};

/** The view of all that is known of records. */
export function backlogMarkup({ backlogs, backends, at }: Picture): Markup {
  if (backlogs === undefined) return backends.length === 0 ? noReceivers : unknown;
  if (backlogs.length === 0) return noReceivers;
  return html`<table>
<caption class="unseen">Records that are not delivered yet</caption>
<thead><tr><th scope="col">backend</th><th scope="col" class="number">due</th><th scope="col" class="number">oldest</th><th scope="col" class="number second">next try</th><th scope="col" class="number">dead</th><th scope="col" class="wide first">why it waits</th></tr></thead>
<tbody>${backlogs.map(
    ({ backend, due, oldestAt, nextTryAt, reason, dead }) => html`<tr>
<th scope="row">${nameMarkup(backend, 24)}</th>
<td class="number">${numberText(due)}</td>
<td class="number">${oldestAt === null ? nothing : timeMarkup(oldestAt, spanText(at - oldestAt))}</td>
<td class="number second">${nextTryAt === null ? nothing : untilMarkup(nextTryAt, at)}</td>
<td class="number ${dead > 0 ? 'bad' : ''}">${numberText(dead)}</td>
<td class="wide first">${reason === null ? nothing : nameMarkup(reason, MAX_REASON)}</td></tr>`,
  )}</tbody></table>
${backlogs.some(({ dead }) => dead > 0) ? deadMarkup(backlogs) : html`<p>No dead letters: no record has been given up.</p>`}
${backlogs.some(({ due }) => due > 0) ? html`<p class="note">What is due is tried again by itself. <code class="command">${commandLine('outbox status')}</code> tells more, <code class="command">${commandLine('backend test NAME')}</code> tries the vendor.</p>` : ''}`;
}

const nothing = html`<span class="none">–</span>`;

function deadMarkup(backlogs: readonly ShownBacklog[]): Markup {
  return html`<h2>Dead letters</h2>
<p>Records that are given up. Each waits in the outbox until it is tried again or deleted:
<code class="command">${commandLine('outbox list --dead')}</code> lists them, <code class="command">${commandLine('outbox retry --all')}</code> has them delivered again.</p>
<table>
<caption class="unseen">Dead letters by reason</caption>
<thead><tr><th scope="col">backend</th><th scope="col" class="wide">reason</th><th scope="col" class="number">records</th></tr></thead>
<tbody>${backlogs.flatMap(({ backend, deadBy }) =>
    mostFrequent(deadBy).map(
      ([reason, count]) =>
        html`<tr><th scope="row">${nameMarkup(backend, 24)}</th><td class="wide">${nameMarkup(visible(reason), MAX_REASON)}</td><td class="number bad">${numberText(count)}</td></tr>`,
    ),
  )}</tbody></table>${backlogs.map(({ backend, dead, deadBy }) => {
    const told = Object.values(deadBy).reduce((sum, count) => sum + count, 0);
    return told < dead && told > 0
      ? html`<p class="note">Of ${nameMarkup(backend, 24)} the first ${numberText(told)} are counted by reason.</p>`
      : '';
  })}`;
}
