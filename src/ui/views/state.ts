import { commandLine } from '../../config/command-line.ts';
import { type BridgeFinding, FINDINGS } from '../../findings/finding.ts';
import { clockMarkup, html, type Markup, visible } from '../markup.ts';
import type { Picture } from '../page-source.ts';
import { SIGNS, topSentence } from '../sentence.ts';

/** The top sentence. */
export function sentenceMarkup(picture: Picture): Markup {
  const { tone, headline } = topSentence(picture);
  return html`<span class="sign ${tone}" aria-hidden="true">${SIGNS[tone]}</span> <span class="${tone}">${headline}</span>`;
}

/** Rate, latency and the last bypass, behind the sentence. */
export const figuresMarkup = (picture: Picture): Markup => html`${topSentence(picture).figures}`;

/** One line a finding, with what to do and the command. */
export function findingsMarkup({ findings, at }: Picture): Markup {
  return html`${findings.map((finding) => findingMarkup(finding, at))}`;
}

function findingMarkup(finding: BridgeFinding, at: number): Markup {
  const { code, message, advice, paste } = finding;
  const isFault = FINDINGS[code] === 'fault';
  return html`<li>
<span class="sign ${isFault ? 'bad' : 'care'}" aria-hidden="true">!</span>
<p><span class="word ${isFault ? 'bad' : 'care'}">${isFault ? 'Fault' : 'Warning'}:</span> ${visible(message)}${sinceMarkup(finding, at)}.
<span class="todo">${adviceMarkup(advice)}</span> ${advice.includes(commandLine('')) ? '' : html`<code class="command">${commandLine('doctor')}</code>`}</p>
${paste === undefined ? '' : html`<details><summary>Lines to paste</summary><pre>${visiblePaste(paste)}</pre></details>`}
</li>`;
}

/** Parts of a command line that can be typed, in the words of findings. */
const TYPED =
  /^ (?:backend test \S+|outbox status|policy lint|doctor(?: --no-bridge)?|litellm-config|help settings|config)/;

/** What to do, as a sentence, with its commands apart: none ends with a full stop that could be copied. */
function adviceMarkup(advice: string): Markup {
  const [first = '', ...others] = advice.split(commandLine(''));
  const rest = others.map((text) => {
    const [words = ''] = TYPED.exec(text) ?? [];
    return html`<code class="command">${visible(commandLine('') + words)}</code>${visible(text.slice(words.length))}`;
  });
  const isOfCommand = others.length > 0 && TYPED.exec(others.at(-1) ?? '')?.[0] === others.at(-1);
  return html`${sentenceOf(first)}${rest}${isOfCommand || /[.!]$/.test(advice) ? '' : '.'}`;
}

function sinceMarkup({ since }: BridgeFinding, now: number): Markup | '' {
  const begin = Date.parse(since ?? '');
  return Number.isNaN(begin) ? '' : html` (since ${clockMarkup(begin, now)})`;
}

/** A text of a finding as a sentence; names of settings and backends keep their letters. */
const sentenceOf = (text: string) => visible(text).replace(/^[a-z]+(?= )/, capital);
const capital = (word: string) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;

const visiblePaste = (paste: string) => paste.split('\n').map(visible).join('\n');
