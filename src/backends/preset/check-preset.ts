import { hasCredential } from '../../detectors/remove.ts';
import { CREDENTIAL_HEADER } from '../../guardrail/caller.ts';
import { parsePointer } from '../../guardrail/pointer.ts';
import { didYouMean } from '../../policies/file/nearest.ts';
import type { Path } from '../../policies/file/problems.ts';
import { BodyChecker } from './check-body.ts';
import { optionNamed } from './options.ts';
import type { Preset, PresetAsk, PresetReply, RedactForm } from './shape.ts';
import { SIGNATURE_VALUES } from './signature.ts';
import { placeholdersIn, strayPlaceholder } from './template.ts';
import { CALL_VALUES } from './vendor-request.ts';

/** Keys of an entry that every backend has: an option cannot have their names. */
const COMMON_KEYS =
  'name kind url secret token_url mode timeout unreachable_fallback sample hedge_after preset media telemetry_concurrency'.split(
    ' ',
  );

/** Headers that whoever posts sets. */
const OWN_HEADERS = /^(?:host|connection|content-length|transfer-encoding)$/i;

const SECRET_MESSAGE = 'must be $secret: a secret does not stand in a preset';

/** Reports what a schema cannot see: names that are not known, pointers that are none, and parts that do not go together. */
export function checkPreset(preset: Preset, fail: (path: Path, message: string) => void): void {
  new PresetChecker(preset, fail).check();
}

class PresetChecker {
  readonly #preset: Preset;
  readonly #fail: (path: Path, message: string) => void;
  readonly #options: readonly string[];

  constructor(preset: Preset, fail: (path: Path, message: string) => void) {
    this.#preset = preset;
    this.#fail = fail;
    this.#options = Object.keys(preset.options);
  }

  check(): void {
    const { options, headers, signature, asks, reply, secret, url } = this.#preset;
    for (const [name, option] of Object.entries(options)) {
      if (COMMON_KEYS.includes(name))
        this.#fail(['options', name], 'is a key that every entry has; choose another name');
      const choices = option.type === 'text' ? option.choices : undefined;
      if (choices !== undefined && option.default !== undefined && !choices.includes(String(option.default)))
        this.#fail(['options', name, 'default'], `must be one of its choices ${choices.join(', ')}`);
    }
    if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      this.#fail(['url'], 'must be an address like https://vendor.example');
    for (const [name, text] of Object.entries(headers)) {
      const at: Path = ['headers', name];
      this.#text(text, at, this.#callNames);
      if (OWN_HEADERS.test(name)) this.#fail(at, 'is a header that every request has; leave it out');
      const isSecret =
        CREDENTIAL_HEADER.test(name) && placeholdersIn(text).length === 0 && /\S{12}/.test(text);
      if (isSecret || /^(?:bearer|basic) [^$]/i.test(text)) this.#fail(at, SECRET_MESSAGE);
    }
    if (signature !== undefined) {
      if (secret !== 'required') this.#fail(['signature'], 'needs a secret; write secret: required');
      this.#text(signature.over, ['signature', 'over'], SIGNATURE_VALUES.over);
      for (const [name, text] of Object.entries(signature.headers))
        this.#text(text, ['signature', 'headers', name], SIGNATURE_VALUES.headers);
    }
    for (const [index, ask] of asks.entries()) this.#ask(ask, ['asks', index]);
    new BodyChecker(this.#preset, this.#fail, (...given) => this.#text(...given)).check(this.#callNames);
    this.#reply(reply, ['reply']);
    this.#directions();
    this.#portions();
  }

  get #callNames(): readonly string[] {
    const secret = this.#preset.secret === 'none' ? [] : ['secret'];
    return [...Object.keys(CALL_VALUES), ...this.#optionNames, ...secret];
  }

  get #optionNames(): readonly string[] {
    return this.#options.map((name) => `options.${name}`);
  }

  /** Each direction that is judged needs an ask that takes every call of it. */
  #directions(): void {
    const { judges, asks } = this.#preset;
    for (const direction of ['request', 'response'] as const) {
      const fits = asks.some(({ when }) => when.every((word) => word === direction));
      if (judges.includes(direction) && !fits)
        this.#fail(
          ['asks'],
          `must have one with when: [${direction}] or without when, as judges names ${direction}`,
        );
    }
  }

  #portions(): void {
    const { reads, limits, documents, asks } = this.#preset;
    if (reads === 'texts') return;
    const message = 'has an effect with reads: texts alone';
    if (Object.keys(limits).length > 0) this.#fail(['limits'], message);
    if (documents.length > 0) this.#fail(['documents'], message);
    for (const [index, ask] of asks.entries())
      if (ask.limits !== undefined) this.#fail(['asks', index, 'limits'], message);
  }

  #ask(ask: PresetAsk, path: Path): void {
    this.#text(ask.path, [...path, 'path'], this.#optionNames);
    if (/[?&][^=&]*(?:key|token|secret|auth|sig)[^=&]*=[^$&]/i.test(ask.path))
      this.#fail([...path, 'path'], 'must not hold a secret; send it in a header');
    this.#pointers([ask.root, ...Object.keys(ask.one_each ?? {})], path);
    for (const of of Object.values(ask.one_each ?? {}))
      this.#text(of, [...path, 'one_each'], this.#optionNames);
    const isGeneric = ask.reply?.guardrail_response ?? this.#preset.reply.guardrail_response;
    if (isGeneric && this.#preset.reads === 'texts')
      this.#fail(path, 'reads a guardrail_response, which needs reads: conversation');
    if (ask.reply !== undefined) this.#reply(ask.reply, [...path, 'reply']);
  }

  /** Names of placeholders in a text. */
  #text(text: string, path: Path, known: readonly string[]): void {
    if (hasCredential(text)) this.#fail(path, SECRET_MESSAGE);
    for (const name of placeholdersIn(text)) {
      if (name.startsWith('item.') && known.includes('item.*')) continue;
      if (!known.includes(name)) this.#fail(path, `"$${name}" is no value${didYouMean(name, known)}`);
    }
    const stray = strayPlaceholder(text);
    if (stray !== undefined) this.#fail(path, `"${stray}" is no value; write $$ for a dollar sign`);
  }

  /** An option that is named without a sign. */
  #option(name: unknown, path: Path): void {
    if (typeof name === 'string' && !this.#options.includes(name))
      this.#fail(path, `"${name}" is no option of the preset${didYouMean(name, this.#options)}`);
  }

  #pointers(pointers: readonly (string | undefined)[], path: Path): void {
    for (const pointer of pointers) {
      if (pointer !== undefined && pointer !== '' && parsePointer(pointer) === undefined)
        this.#fail(path, `"${pointer}" is no JSON pointer; write it like /result/action`);
    }
  }

  #reply(reply: PresetReply | NonNullable<PresetAsk['reply']>, path: Path): void {
    const { failure, block, allow, reason, categories = [], redact } = reply;
    for (const [key, conditions] of Object.entries({ failure, block, allow })) {
      for (const [index, condition] of (conditions ?? []).entries())
        this.#condition(condition, [...path, key, index], key === 'allow');
    }
    this.#pointers([reason ?? []].flat(), [...path, 'reason']);
    for (const [index, finding] of categories.entries()) {
      const at = [...path, 'categories', index];
      this.#pointers([finding.at, finding.name, finding.value], at);
      const { is, above, at_least, except } = finding;
      if ([is, above, at_least].filter((test) => test !== undefined).length > 1)
        this.#fail(at, 'must have one of is, above and at_least');
      this.#expected(is, at);
      for (const limit of [above, at_least, except].flat()) this.#limit(limit, at);
    }
    if (redact) this.#redact(redact, [...path, 'redact']);
  }

  #condition(condition: Readonly<Record<string, unknown>>, path: Path, isAllow = false): void {
    const { if: wanted, unless, ...expected } = condition;
    this.#option(wanted, [...path, 'if']);
    this.#option(unless, [...path, 'unless']);
    this.#pointers(Object.keys(expected), path);
    if (Object.keys(expected).length === 0) this.#fail(path, 'needs a pointer and what stands there');
    if (isAllow && Object.values(expected).every((one) => one === '$absent'))
      this.#fail(path, 'allows any JSON; write what stands in a reply that allows');
    for (const [pointer, values] of Object.entries(expected))
      this.#expected(values, [...path, pointer], isAllow ? undefined : String(wanted));
  }

  /** @param wanted an option without which this is not looked at; undefined if an option that is not set does no harm */
  #expected(values: unknown, path: Path, wanted?: string): void {
    for (const text of [values].flat()) {
      if (text === null) this.#fail(path, 'cannot be null; write $absent');
      if (typeof text !== 'string' || text === '$present' || text === '$absent') continue;
      this.#text(text, path, this.#optionNames);
      const name = optionNamed(text) ?? '';
      const option = this.#preset.options[name];
      if (wanted === undefined || option === undefined || option.required || option.default !== undefined)
        continue;
      if (wanted !== name)
        this.#fail(path, `never holds without ${name}; give it a default, or write if: ${name}`);
    }
  }

  #limit(limit: string | number | undefined, path: Path): void {
    if (typeof limit !== 'string') return;
    this.#text(limit, path, this.#optionNames);
    const type = this.#preset.options[optionNamed(limit) ?? '']?.type;
    const isOption = this.#optionNames.includes(limit.slice(1));
    if (isOption ? type !== 'number' && type !== 'numbers' : placeholdersIn(limit).length === 0)
      this.#fail(path, `"${limit}" is no number; write one, or an option of type number or numbers`);
  }

  #redact({ when = [], instead_of_block: instead, text, texts, spans }: RedactForm, path: Path): void {
    for (const [index, condition] of when.entries()) this.#condition(condition, [...path, 'when', index]);
    if (instead !== undefined) {
      this.#option(instead.if, [...path, 'instead_of_block', 'if']);
      const names = instead.categories;
      if (typeof names === 'string')
        this.#text(names, [...path, 'instead_of_block', 'categories'], this.#optionNames);
    }
    if ([text, texts, spans].filter((one) => one !== undefined).length !== 1)
      this.#fail(path, 'must have one of text, texts and spans');
    this.#pointers([text ?? [], texts ?? []].flat(), path);
    if (spans === undefined) return;
    const at = [...path, 'spans'];
    this.#pointers([spans.at, spans.start, spans.end, spans.text, spans.found, spans.label], at);
    this.#text(spans.marker, [...at, 'marker'], ['label']);
    const ends = ['exclusive', 'inclusive'];
    if (ends.includes(spans.end_is)) return;
    this.#text(spans.end_is, [...at, 'end_is'], this.#optionNames);
    if (placeholdersIn(spans.end_is).length === 0)
      this.#fail([...at, 'end_is'], `must be exclusive or inclusive${didYouMean(spans.end_is, ends)}`);
  }
}
