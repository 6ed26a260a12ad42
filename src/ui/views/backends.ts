import { agoMarkup, html, type Markup, msText, nameMarkup, numberText } from '../markup.ts';
import type { Picture, ShownBackend } from '../page-source.ts';
import type { Tone } from '../sentence.ts';

/** Backends with word and sign, latency, failures and the last one. */
export function backendsMarkup({ backends, at }: Picture): Markup {
  if (backends.length === 0) return html`<p>No backend is asked: the policies judge alone.</p>`;
  return html`<table>
<caption class="unseen">Backends, with their numbers of the last hour</caption>
<thead><tr><th scope="col">backend</th><th scope="col">state</th><th scope="col" class="number second">p50</th><th scope="col" class="number first">checks</th><th scope="col" class="number">failed</th></tr></thead>
<tbody>${backends.map((backend) => backendMarkup(backend, at))}</tbody>
</table>`;
}

function backendMarkup(backend: ShownBackend, now: number): Markup {
  const { name, mode, checks, failures, p50Ms, lastFailure } = backend;
  const { tone, sign, word } = stateOf(backend);
  return html`<tr>
<th scope="row">${nameMarkup(name, 24)}${mode === 'enforce' ? '' : html` <small>${mode === 'shadow' ? 'shadow' : 'observes'}</small>`}</th>
<td><span class="sign ${tone}" aria-hidden="true">${sign}</span> ${word}${
    lastFailure === null
      ? ''
      : html`<small>last error: ${failureText(lastFailure)}, ${agoMarkup(lastFailure.at, now)}</small>`
  }</td>
<td class="number second">${p50Ms === null ? html`<span class="none" title="no check in the last hour">–</span>` : msText(p50Ms)}</td>
<td class="number first">${numberText(checks)}</td>
<td class="number">${numberText(failures)}</td>
</tr>`;
}

function failureText({ kind, status }: NonNullable<ShownBackend['lastFailure']>): string {
  return status === undefined ? kind.replaceAll('_', ' ') : `HTTP ${status}`;
}

function stateOf({ breaker, isRefused, failing, checks }: ShownBackend): {
  readonly tone: Tone | 'unknown';
  readonly sign: string;
  readonly word: string;
} {
  if (isRefused) return { tone: 'care', sign: '!', word: 'refuses our token' };
  if (breaker === 'open') return { tone: 'care', sign: '○', word: 'open: not asked for now' };
  if (breaker === 'half_open') return { tone: 'care', sign: '◐', word: 'half open: the next call tries it' };
  if (failing !== null) return { tone: 'care', sign: '!', word: `failing: ${failing.replaceAll('_', ' ')}` };
  if (checks === 0) return { tone: 'unknown', sign: '○', word: 'not asked in the last hour' };
  return { tone: 'good', sign: '●', word: 'up' };
}
