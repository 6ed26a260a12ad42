import { fieldsOf } from './json.ts';

/** Structure of a message or tool call: never rewritten, and no text where its value is one of the usual words. */
const STRUCTURE = new Set(['role', 'type', 'id', 'tool_call_id', 'index', 'format', 'detail', 'media_type']);

const USUAL_WORDS = new Set(
  (
    'system developer user assistant tool function text image_url input_text output_text input_image input_audio input_file file ' +
    'image document thinking redacted_thinking tool_use tool_result custom ephemeral auto low high image/png image/jpeg wav mp3'
  ).split(' '),
);

/** Ids that clients and providers draw at random. */
const USUAL_IDS = [
  // OpenAI, Anthropic, Bedrock; hexadecimal ones of LiteLLM and vLLM; UUIDs
  /^(?:call|fc|msg|rs|run|tool)_(?=\D*\d)[A-Za-z0-9]{20,32}$/,
  /^(?:srv)?toolu_(?:vrtx_|bdrk_)?01[A-Za-z0-9]{22}$/,
  /^tooluse_(?=\D*\d)[\w-]{22}$/,
  /^(?:(?:call|fc|msg|rs|run|tool)_|chatcmpl-tool-)?(?:[0-9a-f]{24,64}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/,
  // Mistral, the AI SDK, nanoid, llama.cpp; counters of databases
  /^(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])(?:[A-Za-z0-9]{9}|[A-Za-z0-9]{16}|[\w-]{21}|[A-Za-z0-9]{32})$/,
  /^\d{17,20}$/,
  // LiteLLM puts the signature of a thought of Gemini's into the id; the provider refuses one that is changed
  /^call_(?=\D*\d)[0-9a-f-]{24,36}__thought__[A-Za-z0-9+/]{40,65536}={0,2}$/,
];

/** True for a field of a message that is structure. */
export function isStructure(name: string): boolean {
  return STRUCTURE.has(name);
}

/** True for a word that stands in structure as a rule and holds no text. */
export function isUsualWord(value: string): boolean {
  // The words of nearly every message: the set would have to hash each again
  return value === 'user' || value === 'assistant' || USUAL_WORDS.has(value);
}

/**
 * True for an id as it is drawn at random: what a policy finds in it is chance as a rule. One of 20,000 holds what looks like a
 * credential with a short beginning, and a session has hundreds.
 */
export function isUsualId(value: string): boolean {
  return USUAL_IDS.some((id) => id.test(value));
}

/** True for a number, which as an id can be one of a database as well as one of a card. */
export function isNumber(value: string): boolean {
  return /^\d{1,40}$/.test(value);
}

/** Fields that hold media; long base64 in them is not text. */
const MEDIA_FIELDS = new Set(['url', 'data', 'file_data', 'image_url']);
/**
 * Fields that hold the signature of a thought, which its provider refuses if it is changed. One of 500 would be found to be a credential.
 */
const SIGNATURE_FIELDS = new Set([
  'signature',
  'thought_signature',
  'thought_signatures',
  'thoughtSignature',
]);
const BASE64 = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_=-]*$/;

/** True for the value of a field that is bytes, and no text. */
export function isMedia(name: string, value: string): boolean {
  if (value.length <= 100) return false;
  const isField = SIGNATURE_FIELDS.has(name) || (value.length > 512 && MEDIA_FIELDS.has(name));
  return isField && BASE64.test(value);
}

const MEDIA_PARTS =
  /^(?:(?:input_)?(?:image|audio|video|file)|(?:image|audio|video)_url|image_file|document)$/i;

/** True for the type of a content part that holds an image, audio, a video or a file. */
export function isMediaPart(type: unknown): type is string {
  return typeof type === 'string' && MEDIA_PARTS.test(type);
}

/** Number of parts with media in the content of a message. */
export function mediaIn(content: readonly unknown[]): number {
  let parts = 0;
  for (const part of content) {
    const { type, content: inner } = fieldsOf(part);
    if (isMediaPart(type)) parts++;
    else if (Array.isArray(inner)) parts += mediaIn(inner);
  }
  return parts;
}

/** The parts with media in the content of a message. */
export function mediaPartsIn(content: readonly unknown[]): readonly unknown[] {
  return content.flatMap((part) => {
    const { type, content: inner } = fieldsOf(part);
    if (isMediaPart(type)) return [part];
    return Array.isArray(inner) ? mediaPartsIn(inner) : [];
  });
}
