import { BackendError } from '../../guardrail/failure.ts';
import type { Verdict } from '../../guardrail/verdict.ts';
import { askEach } from '../ask-each.ts';
import { type Piece, piecesOf } from '../pieces.ts';
import { type BedrockReply, type TooLarge, verdictOnPieces } from './reply.ts';

/** Characters of a text unit, in which Bedrock counts and limits. */
export const UNIT = 1000;

/** Direction of what is asked about. */
export type Source = 'INPUT' | 'OUTPUT';

/** Posts the JSON of a request. */
export type Post = (json: string) => Promise<BedrockReply | TooLarge>;

/**
 * Asks about pieces in one request, each a content item. An account can have a lower limit than the usual one: what is too large is asked
 * again in halves, down to one unit.
 */
export async function askAbout(pieces: readonly Piece[], source: Source, post: Post): Promise<Verdict> {
  const content = pieces.map(({ text }) => ({ text: { text } }));
  const reply = await post(JSON.stringify({ source, content, outputScope: 'INTERVENTIONS' }));
  if (!('tooLargeUnder' in reply)) return verdictOnPieces(reply, pieces);
  const ask = (half: readonly Piece[]) => askAbout(half, source, post);
  if (pieces.length > 1) {
    const middle = Math.ceil(pieces.length / 2);
    return askEach([pieces.slice(0, middle), pieces.slice(middle)], ask);
  }
  const [piece] = pieces as [Piece];
  const { length } = piece.text;
  if (length <= UNIT) throw new BackendError({ kind: 'http_status', status: reply.tooLargeUnder });
  const halves = piecesOf(piece.text, Math.ceil(length / 2));
  const verdict = await askEach(
    halves.map((half) => [half]),
    ask,
  );
  piece.result = halves.map(({ result }) => result).join('');
  return verdict;
}
