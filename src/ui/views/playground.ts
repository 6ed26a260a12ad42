import { inWords } from '../../decisions/explanation.ts';
import { type FromSource, orUnknown } from '../known.ts';
import { markedPieces } from '../marked-text.ts';
import { countText, html, type Markup, nameMarkup, visible } from '../markup.ts';
import type { JudgedPaste, PasteSpan, Picture } from '../page-source.ts';
import { MAX_PASTE_TEXT, type PastedForm } from '../pasted-form.ts';
import { numberedMarkup, policiesInForce } from './policies.ts';

export type PlaygroundView = {
  readonly picture: FromSource<Picture>;
  readonly form: PastedForm;
  /** The result; undefined as long as nothing was pasted. */
  readonly judged: FromSource<JudgedPaste> | undefined;
  /** The policy file in force; undefined for the built-in ones. */
  readonly text: FromSource<{ readonly text: string | undefined }>;
};

/** The playground: a text left, verdicts and spans right, the policies below. */
export function playgroundMarkup({ picture, form, judged, text }: PlaygroundView): Markup {
  const isInForce = form.policies.trim() === '';
  const rules = isInForce && 'value' in picture ? (picture.value.policies?.rules ?? 0) : 0;
  return html`<h1>Playground</h1>
<div class="sides">
<section aria-labelledby="paste-title"><h2 id="paste-title">Text</h2>${formMarkup(form)}</section>
<section aria-labelledby="result-title"><h2 id="result-title">Result</h2>
<div id="result" role="status">${judged === undefined ? html`<p class="none">Nothing was judged yet.</p>` : 'value' in judged ? judgedMarkup(judged.value, rules) : html`<p class="mistake"><span aria-hidden="true">!</span> ${visible(judged.why)}</p>`}</div></section>
</div>
<section aria-labelledby="chain-title"><h2 id="chain-title">${isInForce ? 'Policies in force' : 'Policies that were pasted'}</h2>
${isInForce ? html`${orUnknown(picture, policiesInForce)}${orUnknown(text, ({ text: file }) => (file === undefined ? html`` : numberedMarkup(file, 'file')))}` : numberedMarkup(form.policies, 'yours')}</section>`;
}

function formMarkup({ text, isResponse, isStreamed, team, model, policies }: PastedForm): Markup {
  const checked = (is: boolean) => (is ? html` checked` : '');
  return html`<form method="post" action="/ui/playground#result-title" class="paste">
<label for="text">A text, or messages as a list in JSON, at most ${countText(MAX_PASTE_TEXT, 'character')}</label>
<textarea id="text" name="text" rows="10" maxlength="${MAX_PASTE_TEXT}" autocomplete="off" required>
${text}</textarea>
<fieldset><legend>It is</legend>
<label><input type="radio" name="side" value="request"${checked(!isResponse)}> a request</label>
<label><input type="radio" name="side" value="response"${checked(isResponse)}> a response</label>
<label><input type="checkbox" name="streamed" value="1"${checked(isStreamed)}> streamed</label></fieldset>
<div class="fields">
<label>team <input name="team" value="${team}" maxlength="256" autocomplete="off" spellcheck="false"></label>
<label>model <input name="model" value="${model}" maxlength="256" autocomplete="off" spellcheck="false"></label></div>
<details${policies === '' ? '' : html` open`}><summary>Other policies than those in force</summary>
<label for="policies">YAML of a policy file</label>
<textarea id="policies" name="policies" rows="8" maxlength="${MAX_PASTE_TEXT}" spellcheck="false" autocapitalize="off" autocomplete="off">
${policies}</textarea></details>
<p><button>Judge</button> <span class="note">By policies alone: no backend is asked, and nothing is kept.</span></p>
</form>`;
}

const VERDICTS = {
  allow: 'Allowed',
  block: 'Blocked',
  redact: 'Redacted',
} as const satisfies Record<JudgedPaste['verdict'], string>;

const ACTS_AS = { allow: 'allow', block: 'block', redact: 'redact', remove: 'redact' } as const;
const ACTS = { allow: 'allows', block: 'blocks', redact: 'redacts', remove: 'removes' } as const;
const WOULD = {
  allow: 'allows',
  block: 'would block',
  redact: 'would redact',
  remove: 'would remove',
} as const;

/** A reference of a call that there never was leads to no story. */
const REFERENCE = /(Reference: )[0-9a-f]{16}/g;

function judgedMarkup(
  { verdict, callerRule, policies, texts, spans, reply }: JudgedPaste,
  rules: number,
): Markup {
  const deciding = policies.filter(
    (one) => one.enforced && ACTS_AS[one.verdict] === verdict && verdict !== 'allow',
  );
  const by = deciding.length === 0 ? '' : ` by ${visible(inWords(deciding.map(({ kind }) => kind)))}`;
  return html`<p class="sentence"><span class="word">${VERDICTS[verdict]}</span>${by}${rules === 0 && callerRule === 'default' ? '' : html` <small>under the caller rule ${nameMarkup(callerRule)}</small>`}</p>
<table><caption class="unseen">Verdict of each policy</caption>
<thead><tr><th scope="col">policy</th><th scope="col">verdict</th><th scope="col" class="wide">rules, or the reason</th></tr></thead>
<tbody>${policies.map(
    ({
      kind,
      enforced,
      verdict: own,
      rules,
      reasonCode,
    }) => html`<tr class="${own}"><th scope="row">${nameMarkup(kind)}${enforced ? '' : html` <small>observes</small>`}</th>
<td class="verdict">${(enforced ? ACTS : WOULD)[own]}</td>
<td class="wide">${own === 'allow' ? '' : nameMarkup(rules.length === 0 ? reasonCode : rules.join(', '), 120)}</td></tr>`,
  )}</tbody></table>
<h3>What was found</h3>
${foundMarkup(texts, spans)}
<h3>What LiteLLM is told</h3>
<pre class="reply"><code>${jsonText(reply).replace(REFERENCE, '$1(of the call)')}</code></pre>`;
}

/** A page is made by the thread that judges: so much of what was found is shown. */
const MAX_TEXTS = 100;
const MAX_SPANS = 300;

function foundMarkup(texts: JudgedPaste['texts'], spans: JudgedPaste['spans']): Markup {
  if (spans.length === 0 && texts.length > 1)
    return html`<p>No span in ${countText(texts.length, 'text')}.</p>`;
  const shown = spans.slice(0, MAX_SPANS);
  const isCut = texts.length > MAX_TEXTS || spans.length > MAX_SPANS;
  return html`${spans.length === 0 ? html`<p>No span in it.</p>` : ''}${texts
    .slice(0, MAX_TEXTS)
    .map((text, i) =>
      textMarkup(
        text,
        i,
        texts.length,
        shown.filter((span) => span.text === i),
      ),
    )}${isCut ? html`<p class="note">Of ${countText(spans.length, 'span')} in ${countText(texts.length, 'text')} the first ${MAX_SPANS} in ${MAX_TEXTS} are shown.</p>` : ''}`;
}

function textMarkup(text: string, index: number, count: number, spans: readonly PasteSpan[]): Markup {
  return html`<div class="judged">${count === 1 ? '' : html`<p class="note">Text ${index + 1} of ${count}</p>`}<p dir="auto">${markedPieces(
    text,
    spans,
  ).map((piece) =>
    piece.spans.length === 0
      ? writtenMarkup(piece.text)
      : html`<mark title="${inWordsOf(piece.spans)}">${writtenMarkup(piece.text)}</mark>${piece.ending.map((span) => html`<small class="by"> ${visible(span.policy)} · ${visible(span.rule)} </small>`)}`,
  )}</p></div>`;
}

const inWordsOf = (spans: readonly PasteSpan[]): string =>
  visible([...new Set(spans.map(({ policy, rule }) => `${policy} · ${rule}`))].join('; '));

/** Hidden characters of a text that are set apart one by one. */
const MAX_HIDDEN = 500;

/** A pasted text, with what cannot be seen in it. */
function writtenMarkup(text: string): Markup | string {
  const pieces = text.split(/((?![\n\t])[\p{C}\p{Zl}\p{Zp}])/gu);
  if (pieces.length > 2 * MAX_HIDDEN) return text.split('\n').map(visible).join('\n');
  return html`${pieces.map((piece, i) => (i % 2 === 0 ? piece : html`<span class="hidden-character">${visible(piece)}</span>`))}`;
}

/** JSON on several lines, with hidden characters as escapes. */
function jsonText(value: unknown): string {
  return (JSON.stringify(value, null, 2) ?? 'null').split('\n').map(visible).join('\n');
}
