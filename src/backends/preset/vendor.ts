import type { GuardrailCall } from '../../guardrail/call.ts';
import type { Deadline } from '../../guardrail/deadline.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { mcpToolOf } from '../../guardrail/mcp-tool.ts';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';
import { askEach } from '../ask-each.ts';
import { type NewText, SetupError } from '../backend.ts';
import { MAX_HOPS } from '../generic-guardrail/generic-guardrail.ts';
import type { Http } from '../http.ts';
import { imageAddressesOf } from '../media.ts';
import { type Portion, type Portioning, portionsOf } from './portions.ts';
import { joined, type Reading, ReplyReader } from './reply.ts';
import type { Circumstance, OptionValues, Preset, PresetAsk } from './shape.ts';
import { compileSignature, type Sign } from './signature.ts';
import { compileJson, compileText, placeholdersIn, scopeOf, type Template } from './template.ts';
import { CALL_VALUES, VendorRequest } from './vendor-request.ts';

/** A preset as an entry of the policy file uses it: plain data. */
export type PresetConfig = {
  readonly kind: string;
  readonly preset: Preset;
  readonly url: string;
  readonly secret: string | undefined;
  readonly options: OptionValues;
};

type CompiledAsk = {
  readonly fits: (call: GuardrailCall) => boolean;
  readonly url: string;
  readonly body: Template<VendorRequest>;
  readonly reader: ReplyReader;
  /** Undefined for a body that is about the whole call. */
  readonly portioning: Portioning | undefined;
  /** True for a body that has all media in it, in whatever form. */
  readonly showsAll: boolean;
};

/** All that a check has beside its call. */
export type VendorContext = {
  readonly http: Http;
  readonly deadline: Deadline;
  readonly texts: readonly NewText[];
  readonly request: () => GuardrailCall | undefined;
};

/** A vendor by its preset, compiled: no call looks at the preset itself. */
export class Vendor {
  readonly #asks: readonly CompiledAsk[];
  readonly #judgesMedia: boolean;
  readonly #roles: readonly string[] | undefined;
  /** Those that are the same for each call. */
  readonly #headers: Record<string, string>;
  readonly #ownHeaders: readonly (readonly [string, Exclude<Template<VendorRequest>, string | undefined>])[];
  readonly #sign: Sign | undefined;

  constructor({ kind, preset, url, secret, options }: PresetConfig) {
    const scope = scopeOf(CALL_VALUES, options, { secret });
    this.#judgesMedia = judgesMedia({ preset, options });
    this.#roles = preset.roles;
    const headers = Object.entries(preset.headers).map(([name, text]) => {
      const value = compileText(text, scope, headerText);
      if (typeof value === 'string' && !SENDABLE.test(value)) {
        const [option = 'secret'] = placeholdersIn(text);
        const message = `cannot be sent in the header ${name}; write printable ASCII without line breaks`;
        throw new SetupError(option.replace(/^options\./, ''), message);
      }
      return [name.toLowerCase(), value] as const;
    });
    this.#headers = Object.fromEntries(
      headers.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    );
    this.#ownHeaders = headers.flatMap(([name, value]) =>
      typeof value === 'function' ? [[name, value]] : [],
    );
    this.#sign =
      preset.signature && secret !== undefined ? compileSignature(preset.signature, secret) : undefined;
    this.#asks = preset.asks.map((ask) => ({
      fits: circumstancesTest(ask.when, this.#judgesMedia),
      url: addressOf(url, ask, preset, options),
      body: compileJson(ask.body, scope),
      reader: new ReplyReader(kind, preset.reply, ask, options),
      portioning: isInPortions(preset, ask) ? { ...preset, limits: ask.limits ?? preset.limits } : undefined,
      showsAll: /\$\{?guardrail_request\b/.test(JSON.stringify(ask.body)),
    }));
  }

  /** Asks the vendor, with as many requests as its limits want. The first that blocks decides. */
  check(call: GuardrailCall, { texts, ...context }: VendorContext): Promise<Verdict> {
    const ask = this.#asks.find(({ fits }) => fits(call));
    if (ask === undefined) throw new Error('no ask of the preset fits the call');
    const { portioning, showsAll } = ask;
    if (showsAll && call.guardrail_bridge_hops.length >= MAX_HOPS)
      return Promise.reject(new BackendError({ kind: 'loop' }));
    const media = this.#judgesMedia && !showsAll ? imageAddressesOf(call) : [];
    const images = media.filter((address) => address !== undefined);
    const portions: (Portion | undefined | 'unseen')[] =
      portioning === undefined ? [undefined] : [...portionsOf(texts, images, portioning)];
    if (images.length < media.length) portions.push('unseen');
    return askedAbout(portions, (portion) =>
      portion === 'unseen'
        ? Promise.reject(new BackendError({ kind: 'no_verdict' }))
        : this.#post(ask, new VendorRequest(call, context.request, portion, this.#roles), context),
    );
  }

  #post(
    ask: CompiledAsk,
    asked: VendorRequest,
    { http, deadline }: Omit<VendorContext, 'texts'>,
  ): Promise<Reading> {
    const { reader, body, url } = ask;
    const json = (typeof body === 'function' ? body(asked) : body) ?? 'null';
    return http.post(url, json, {
      headers: this.#headersOf(asked, json),
      read: (reply) => reader.read(reply, asked),
      readRefusal: (status, reply) => (reader.reads(status) ? reader.readRefusal(reply, asked) : undefined),
      deadline,
    });
  }

  #headersOf(asked: VendorRequest, json: string): Record<string, string> {
    if (this.#ownHeaders.length === 0 && this.#sign === undefined) return this.#headers;
    const headers = { ...this.#headers, ...this.#sign?.(json) };
    for (const [name, template] of this.#ownHeaders) {
      const value = template(asked);
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }
}

/** True for a body that says something of the texts of a portion. */
function isInPortions({ reads }: Preset, { body }: PresetAsk): boolean {
  return (
    reads === 'texts' &&
    /\$\{?(?:text|texts|documents|images)\b|"\$each":"(?:texts|documents|images)"/.test(JSON.stringify(body))
  );
}

function single(reading: Reading): Verdict {
  return reading.kind === 'redaction' ? joined([reading]) : reading;
}

/** The verdict about all portions together. There are none of authors whom the vendor does not judge. */
async function askedAbout<Part>(
  portions: readonly Part[],
  ask: (portion: Part) => Promise<Reading>,
): Promise<Verdict> {
  const [first] = portions;
  if (portions.length === 1) return single(await ask(first as Part));
  const readings: Reading[] = [];
  const verdict = await askEach(portions, async (portion) => {
    const reading = await ask(portion);
    readings.push(reading);
    return reading.kind === 'block' ? reading : ALLOW;
  });
  return verdict.kind === 'block' || readings.length === 0 ? verdict : joined(readings);
}

/** A value of a header. */
const SENDABLE = /^[\x20-\x7e]*$/;

/** A header cannot carry everything that a JSON string can, and clients choose some ids. */
function headerText(value: unknown, name: string): string {
  const text = String(value);
  return name === 'secret' || name.startsWith('options.')
    ? text
    : text.replace(/[^\x20-\x7e]/g, '').slice(0, 200);
}

/** The address of an ask. A beginning of the path that the url ends with already is not written twice. */
function addressOf(
  url: string,
  { path }: PresetAsk,
  { options: forms }: Preset,
  options: OptionValues,
): string {
  const escaped = (value: unknown, name: string) => {
    const option = name.slice('options.'.length);
    const steps = forms[option]?.type === 'path' ? String(value).split('/') : [String(value)];
    if (steps.some((step) => /^\.{0,2}$/.test(step)))
      throw new SetupError(option, 'must not have empty steps, . or ..');
    return steps.map(encodeURIComponent).join('/');
  };
  const made = compileText(path, scopeOf({}, options), escaped);
  const full = typeof made === 'string' ? made : path;
  const [bare = ''] = full.split('?');
  for (let end = bare.length; end > 0; end = bare.lastIndexOf('/', end - 1)) {
    const beginning = bare.slice(0, end);
    if (url.endsWith(beginning)) return url + full.slice(end);
  }
  return url + full;
}

/** True if images are shown to the vendor. */
export function judgesMedia({ preset, options }: Pick<PresetConfig, 'preset' | 'options'>): boolean {
  return preset.judges.includes('media') && options.media !== false;
}

function circumstancesTest(
  when: readonly Circumstance[],
  showsImages: boolean,
): (call: GuardrailCall) => boolean {
  if (when.includes('images') && !showsImages) return () => false;
  const tests = when.map((word) => CIRCUMSTANCE_TESTS[word]);
  return (call) => tests.every((holds) => holds(call));
}

const CIRCUMSTANCE_TESTS: Readonly<Record<Circumstance, (call: GuardrailCall) => boolean>> = {
  request: (call) => call.input_type === 'request',
  response: (call) => call.input_type === 'response',
  images: (call) => imageAddressesOf(call).some((address) => address !== undefined),
  mcp_tool: (call) => (mcpToolOf(call)?.texts.length ?? 0) > 0,
  mcp_result: (call) => call.shape === 'mcp_result',
};
