import { type Fields, fieldsOf, type GuardrailCall, textOf } from '../guardrail/call.ts';
import { mediaPartsIn } from '../guardrail/opaque.ts';

/** An image, a file or the like that a call carries. */
export type Media = {
  /** As the client names it, such as `image/png`. */
  readonly type: string;
  readonly base64: string;
};

/**
 * Everything in a call that is no text, each once: undefined for what a call only names, by an address or an id, or holds in a form that
 * is not known.
 */
export function mediaOf(call: GuardrailCall): readonly (Media | undefined)[] {
  const found = new Map<string, Media | undefined>();
  eachMedia(call, (media) => {
    if (typeof media === 'string') found.set(media, undefined);
    else found.set(media.base64, media);
  });
  return [...found.values()];
}

/** The same as addresses of images, `data:` for those that the call holds: undefined for what is no image, or has no address. */
export function imageAddressesOf(call: GuardrailCall): readonly (string | undefined)[] {
  const found = new Map<string, string | undefined>();
  eachMedia(call, (media, isImage) => {
    if (typeof media === 'string') found.set(media, isImage && /^https?:/i.test(media) ? media : undefined);
    else {
      const { type, base64 } = media;
      found.set(base64, /^image\//i.test(type) ? `data:${type};base64,${base64}` : undefined);
    }
  });
  return [...found.values()];
}

/** Visits all media of a call, some twice. @param visit told of what is named alone if it is an image */
function eachMedia(
  { structured_messages, images, passages }: GuardrailCall,
  visit: (media: Media | string, isImage: boolean) => void,
): void {
  if (passages.media === 0) return;
  for (const message of structured_messages) {
    const { content } = fieldsOf(message);
    for (const value of Array.isArray(content) ? mediaPartsIn(content) : []) {
      const part = fieldsOf(value);
      visit(mediaOfPart(part), /image/i.test(String(textOf(part.type))));
    }
  }
  // Messages repeat them
  for (const image of images) visit(mediaAt(textOf(image) ?? JSON.stringify(image)), true);
}

/** The media of a part in the words of chat, responses or Anthropic's messages, or what names it. */
function mediaOfPart(part: Fields): Media | string {
  const { data, media_type, url } = fieldsOf(part.source);
  if (typeof data === 'string' && typeof media_type === 'string') return { type: media_type, base64: data };
  const { image_url, file, file_data } = part;
  const places = [image_url, fieldsOf(image_url).url, url, file_data, fieldsOf(file).file_data];
  const place = places.find((place) => typeof place === 'string');
  return place === undefined ? JSON.stringify(part) : mediaAt(place as string);
}

/** How base64 of the usual images begins: some clients send nothing else. */
const BEGINNINGS = {
  'image/png': 'iVBORw0KGgo',
  'image/jpeg': '/9j/',
  'image/gif': 'R0lGOD',
  'image/webp': 'UklGR',
};

function mediaAt(place: string): Media | string {
  if (place.startsWith('data:')) {
    const comma = place.indexOf(',');
    const [type = '', ...parameters] = place.slice('data:'.length, comma).split(';');
    return parameters.includes('base64') ? { type, base64: place.slice(comma + 1) } : place;
  }
  for (const [type, beginning] of Object.entries(BEGINNINGS)) {
    if (place.startsWith(beginning)) return { type, base64: place };
  }
  return place;
}
