import { MESSAGE_HEADER, SESSION_HEADER } from '../guardrail/akto-wire.ts';
import { type Fields, fieldsOf, parseJson, textOf } from '../guardrail/json.ts';
import { type JsonLimits, measureBody } from '../guardrail/json-nodes.ts';
import { BadField, objectIn } from './request.ts';

/**
 * A payload as it was sent. `bare`: the body is the payload; `object`: it stands under the key `body`; `text`: there as JSON text.
 */
export type AktoPayload = {
  readonly encoding: 'bare' | 'object' | 'text';
  /** The decoded payload, with the body in it as it came. */
  readonly whole: unknown;
  readonly body: unknown;
};

/** An envelope of Akto's with its nested JSON decoded. */
export type AktoEnvelope = {
  readonly fields: Fields;
  readonly request: AktoPayload;
  /** Undefined where there is no response yet. */
  readonly response: AktoPayload | undefined;
  /** Headers of the client. */
  readonly headers: Fields;
  readonly tags: Fields;
  readonly callId: string | null;
  readonly session: string | null;
};

/** Thrown for nested JSON beyond a limit. */
export class BeyondLimit extends Error {
  override readonly name = 'BeyondLimit';
  readonly limit: keyof JsonLimits;

  constructor(limit: keyof JsonLimits) {
    super(limit);
    this.limit = limit;
  }
}

/**
 * Reads envelopes: their values are strings, most of them JSON, and a body can be JSON text once more. All of it together has no
 * more nodes, and none of it more levels, than a call may have.
 *
 * @see LiteLLM 1.110.2 and 1.83.14, `build_envelope` and `build_akto_payload` in guardrail_hooks/akto/akto.py; Akto's custom_hooks.py
 */
export class EnvelopeReader {
  readonly #limits: JsonLimits;
  /** Nodes of nested JSON so far. */
  nodes = 0;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** @throws BadField, BeyondLimit */
  read(text: string): AktoEnvelope {
    return this.envelope(objectIn(text));
  }

  /** The same for an envelope of a batch. */
  envelope(fields: Fields): AktoEnvelope {
    const request = this.#payload(fields, 'requestPayload');
    if (request === undefined) throw new BadField('requestPayload', 'is missing');
    const headers = lowerCased(this.#object(fields, 'requestHeaders'));
    const tags = this.#object(fields, fields.tag === undefined ? 'metadata' : 'tag');
    const response = this.#payload(fields, 'responsePayload');
    return {
      ...{ fields, request, headers, tags },
      response: isEmpty(response) ? undefined : response,
      callId: textOf(headers[MESSAGE_HEADER]) ?? textOf(tags.litellm_call_id) ?? null,
      session: textOf(headers[SESSION_HEADER]) ?? textOf(tags.trace_id) ?? null,
    };
  }

  #payload(fields: Fields, name: string): AktoPayload | undefined {
    const sent = fields[name] ?? '';
    if (sent === '') return undefined;
    if (typeof sent !== 'string' && typeof sent !== 'object')
      throw new BadField(name, 'must be a string or null');
    const whole = this.#decoded(sent);
    const { body } = fieldsOf(whole);
    if (body === undefined) return { encoding: 'bare', whole, body: whole };
    if (typeof body !== 'string') return { encoding: 'object', whole, body };
    return { encoding: 'text', whole, body: this.#decoded(body) };
  }

  #object(fields: Fields, name: string): Fields {
    const sent = fields[name] ?? '{}';
    const value = sent === '' ? {} : this.#decoded(sent);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return fieldsOf(value);
    throw new BadField(name, 'must be a JSON object, as text');
  }

  /** The value of JSON text that holds an object or a list; everything else as it is. */
  #decoded(value: unknown): unknown {
    if (typeof value !== 'string' || !/^\s{0,64}[[{]/.test(value)) return value;
    const { nodes, beyond } = measureBody(Buffer.from(value), this.#limits);
    this.nodes += nodes;
    if (beyond !== undefined) throw new BeyondLimit(beyond);
    if (this.nodes > this.#limits.maxJsonNodes) throw new BeyondLimit('maxJsonNodes');
    return parseJson(value) ?? value;
  }
}

/** The payload with another body, in the encoding in which it came. */
export function payloadWith({ encoding, whole }: AktoPayload, body: unknown): string {
  if (encoding === 'bare') return JSON.stringify(body);
  return JSON.stringify({ ...fieldsOf(whole), body: encoding === 'text' ? JSON.stringify(body) : body });
}

function isEmpty(payload: AktoPayload | undefined): boolean {
  const body = payload?.body ?? {};
  return typeof body === 'object' && Object.keys(body).length === 0;
}

function lowerCased(headers: Fields): Fields {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
