import type { GuardrailCall } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import type { Verdict } from '../../guardrail/verdict.ts';
import { askEach } from '../ask-each.ts';
import { mediaOf } from '../media.ts';
import type { Post, Source } from './apply.ts';
import { verdictOnPieces } from './reply.ts';

/** Images in one request. */
const MAX_PICTURES = 20;

const FORMATS = { 'image/png': 'png', 'image/jpeg': 'jpeg', 'image/jpg': 'jpeg' } as const;

/** An image in the form of a content item. */
type Picture = { readonly format: 'png' | 'jpeg'; readonly bytes: string };

/** Requests about all images of a call, as many together as one request may hold. Anything else is no verdict. */
export function pictureAsks(
  call: GuardrailCall,
  source: Source,
  post: Post,
): readonly (() => Promise<Verdict>)[] {
  const media = mediaOf(call);
  const pictures = media.flatMap((one): Picture[] => {
    const format = FORMATS[one?.type.toLowerCase() as keyof typeof FORMATS];
    return one === undefined || format === undefined ? [] : [{ format, bytes: one.base64 }];
  });
  const asks: (() => Promise<Verdict>)[] = [];
  for (let at = 0; at < pictures.length; at += MAX_PICTURES) {
    const some = pictures.slice(at, at + MAX_PICTURES);
    asks.push(() => askAboutPictures(some, source, post));
  }
  if (pictures.length < media.length)
    asks.push(() => Promise.reject(new BackendError({ kind: 'no_verdict' })));
  return asks;
}

/** Asks about images in one request, or in smaller ones if they are too large together. */
async function askAboutPictures(pictures: readonly Picture[], source: Source, post: Post): Promise<Verdict> {
  const content = pictures.map(({ format, bytes }) => ({ image: { format, source: { bytes } } }));
  const reply = await post(JSON.stringify({ source, content, outputScope: 'INTERVENTIONS' }));
  if (!('tooLargeUnder' in reply)) return verdictOnPieces(reply, []);
  if (pictures.length === 1) throw new BackendError({ kind: 'http_status', status: reply.tooLargeUnder });
  const middle = Math.ceil(pictures.length / 2);
  const halves = [pictures.slice(0, middle), pictures.slice(middle)];
  return askEach(halves, (half) => askAboutPictures(half, source, post));
}
