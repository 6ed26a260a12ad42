import type { TopEntry } from '../../decisions/top-counts.ts';
import { queryOf } from '../asked-filter.ts';
import { type FromSource, orUnknown } from '../known.ts';
import { countText, html, type Markup, nameMarkup, numberText, visible } from '../markup.ts';
import type { LintProblem, Picture, ShownCounts } from '../page-source.ts';
import { MAX_PASTE_TEXT } from '../pasted-form.ts';
import { countedMarkup } from './would-block.ts';

/** The file, its version and the chain, in the order in which it is asked. */
export function policiesInForce({ policies }: Picture): Markup {
  if (policies === undefined) return html`<p>None: only backends judge.</p>`;
  const { file, version, chain, rules } = policies;
  return html`<p>${nameMarkup(file, 60)}, version <code>${version}</code>, ${countText(rules, 'caller rule')}</p>
<ol class="chain">${chain.map(
    ({ kind, enforced }) =>
      html`<li>${nameMarkup(kind)}${enforced ? '' : html` <small>observes</small>`}</li>`,
  )}</ol>`;
}

export type PoliciesView = {
  readonly picture: FromSource<Picture>;
  /** The policy file in force; undefined for the built-in ones. */
  readonly text: FromSource<{ readonly text: string | undefined }>;
  readonly counts: FromSource<ShownCounts>;
  /** The file that was pasted to be checked, and its mistakes. */
  readonly linted?:
    | { readonly text: string; readonly problems: FromSource<readonly LintProblem[]> }
    | undefined;
  readonly now: number;
};

/** The view of policies: what is in force, what it did, and a linter. */
export function policiesMarkup({ picture, text, counts, linted, now }: PoliciesView): Markup {
  return html`<h1>Policies</h1>
<section aria-labelledby="force-title"><h2 id="force-title">In force</h2><div id="policies">${orUnknown(picture, policiesInForce)}</div>
${orUnknown(text, ({ text: file }) =>
  file === undefined
    ? html`<p>No policy file is set (POLICY_FILE): the built-in policies judge.</p>`
    : html`<details><summary>The file, ${countText(linesOf(file).length, 'line')}</summary>${numberedMarkup(file, 'file')}</details>`,
)}</section>
<section aria-labelledby="did-title"><h2 id="did-title">Last 7 days</h2>
${orUnknown(
  counts,
  (counted) =>
    html`<div class="tops">${(['policy', 'rule', 'team'] as const).map((by) => topMarkup(by, counted.tops[by]))}</div><p class="note">${countedMarkup(counted, now)}</p>`,
)}</section>
<section aria-labelledby="lint-title"><h2 id="lint-title">Check a policy file</h2>
${linted === undefined ? '' : lintedMarkup(linted.text, linted.problems)}
<form method="post" action="/ui/lint#lint-title" class="paste">
<label for="yaml">YAML of a policy file, at most ${countText(MAX_PASTE_TEXT, 'character')}</label>
<textarea id="yaml" name="policies" rows="16" maxlength="${MAX_PASTE_TEXT}" spellcheck="false" autocapitalize="off" autocomplete="off" required>
${linted?.text ?? ''}</textarea>
<p><button>Check</button> <span class="note">Nothing is kept of it, and nothing comes into force.</span></p>
</form></section>`;
}

const linesOf = (text: string): readonly string[] => text.replace(/\r?\n$/, '').split(/\r?\n/);

/** A page is made by the thread that judges: so much of a text is shown. */
const MAX_LINES = 2000;
const MAX_PROBLEMS = 100;

/** A text with a number before each line, to which a link can lead. */
export function numberedMarkup(text: string, id: string, marked: ReadonlySet<number> = new Set()): Markup {
  const lines = linesOf(text);
  const more = lines.length - MAX_LINES;
  return html`<div class="numbered"><table><tbody>${lines
    .slice(0, MAX_LINES)
    .map(
      (line, i) =>
        html`<tr id="${id}-${i + 1}"${marked.has(i + 1) ? html` class="marked"` : ''}><th scope="row">${i + 1}</th><td><code>${line.split('\t').map(visible).join('\t')}</code></td></tr>`,
    )}</tbody></table></div>${more > 0 ? html`<p class="note">${countText(more, 'more line')} not shown.</p>` : ''}`;
}

function lintedMarkup(text: string, problems: FromSource<readonly LintProblem[]>): Markup {
  return html`<div id="result" role="status">${orUnknown(problems, (found) =>
    found.length === 0
      ? html`<p><span class="sign good" aria-hidden="true">●</span> <span class="word">No problem:</span> this file can be used.</p>`
      : html`<p><span class="sign care" aria-hidden="true">!</span> <span class="word">${countText(found.length, 'problem')}:</span> this file cannot be used as it is.</p>
<ol class="problems">${found
          .slice(0, MAX_PROBLEMS)
          .map(
            ({ line, message }) =>
              html`<li>${line === null ? '' : html`<a href="#yours-${line}">line ${line}</a>: `}${message.split('\n').map(visible).join(' ')}</li>`,
          )}</ol>${found.length > MAX_PROBLEMS ? html`<p class="note">The first ${MAX_PROBLEMS} are shown.</p>` : ''}`,
  )}</div>
${numberedMarkup(text, 'yours', new Set('value' in problems ? problems.value.flatMap(({ line }) => line ?? []) : []))}`;
}

const MAX_ROWS = 10;

function topMarkup(by: 'policy' | 'rule' | 'team', entries: readonly TopEntry[]): Markup {
  const shown = entries.slice(0, MAX_ROWS);
  return html`<div><table>
<caption>By ${by}</caption>
<thead><tr><th scope="col">${by}</th><th scope="col" class="number">blocked</th><th scope="col" class="number">redacted</th><th scope="col" class="number ${by === 'team' ? 'third' : ''}">observed</th>${by === 'team' ? html`<th scope="col" class="number second" title="went on without the verdict of a vendor">bypassed</th>` : ''}<th scope="col" class="number ${by === 'team' ? 'first' : 'third'}">decisions</th></tr></thead>
<tbody>${shown.map(
    ({ name, blocked, redacted, observed, unjudged, decisions }) => html`<tr>
<th scope="row">${
      name === null
        ? html`<span class="none">none</span>`
        : by === 'rule'
          ? nameMarkup(name, 28)
          : html`<a href="/ui?${queryOf([
              [by, name],
              ['since', '7d'],
            ])}#decisions-title">${nameMarkup(name, 28)}</a>`
    }</th>
<td class="number">${numberText(blocked)}</td><td class="number">${numberText(redacted)}</td><td class="number ${by === 'team' ? 'third' : ''}">${numberText(observed)}</td>${by === 'team' ? html`<td class="number second ${unjudged > 0 ? 'bad' : ''}">${numberText(unjudged)}</td>` : ''}<td class="number ${by === 'team' ? 'first' : 'third'}">${numberText(decisions)}</td></tr>`,
  )}</tbody></table>
${shown.length === 0 ? html`<p>No data yet.</p>` : ''}${entries.length > MAX_ROWS ? html`<p class="note">${numberText(entries.length - MAX_ROWS)} more.</p>` : ''}</div>`;
}
