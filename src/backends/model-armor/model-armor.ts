import * as v from 'valibot';
import { BackendError } from '../../guardrail/failure.ts';
import type { Verdict } from '../../guardrail/verdict.ts';
import { askEach } from '../ask-each.ts';
import { defineBackend } from '../backend.ts';
import { type GoogleAccount, googleAccount, googleToken } from '../google-account.ts';
import { cutTexts, type Piece, packed, rewritten } from '../pieces.ts';
import { newestUserText } from '../preset/conversation.ts';
import { askWith } from '../renewed.ts';
import { type FileItem, filesOf } from './files.ts';
import { readSanitized } from './reply.ts';

/** In one request: filters have limits in tokens, and skip what is longer. */
const MAX_CHARS = 8000;

type Config = {
  readonly urls: { readonly request: string; readonly response: string };
  readonly account: GoogleAccount;
  /** True if images and files are shown to it. */
  readonly media: boolean;
};

const segment = (example: string) => {
  const name = v.regex(/^[A-Za-z0-9](?:[\w.:-]{0,98}[A-Za-z0-9])?$/, `must be a name, such as ${example}`);
  return v.pipe(v.string(), name);
};

/**
 * Google Cloud Model Armor, by a template. What its data protection removes is redacted, if nothing else was found.
 *
 * @see https://cloud.google.com/security-command-center/docs/reference/model-armor/rest/v1/projects.locations.templates/sanitizeUserPrompt
 */
export const modelArmor = defineBackend({
  kind: 'model-armor',
  judges: ({ media }: Config) => ({ request: true, response: true, media }),
  reads: 'texts',
  isIdempotent: true,
  options: {
    project: v.pipe(segment('house-prod'), v.description('Project of Google Cloud.')),
    location: v.pipe(segment('europe-west4'), v.description('Region of the template.')),
    template: v.pipe(segment('front-door'), v.description('Id of the template.')),
    media: v.pipe(v.optional(v.boolean(), true), v.description('Images and files are judged too.')),
  },
  secret: 'document',
  defaultUrl: ({ options }) => `https://modelarmor.${options.location}.rep.googleapis.com`,
  setup(entry): Config {
    const { project, location, template, media } = entry.options;
    const path = `${entry.url}/v1/projects/${project}/locations/${location}/templates/${template}`;
    return {
      urls: { request: `${path}:sanitizeUserPrompt`, response: `${path}:sanitizeModelResponse` },
      account: googleAccount(entry),
      media,
    };
  },
  open: ({ account }, http) => googleToken(account, http),
  async check(call, { config, state, http, deadline, request, texts }) {
    const { input_type } = call;
    const question = input_type === 'response' ? newestUserText(request()) : undefined;
    const sanitize = (data: { readonly text: string } | FileItem) => {
      const body =
        input_type === 'request'
          ? { userPromptData: data }
          : { modelResponseData: data, ...(question && { userPrompt: question }) };
      const json = JSON.stringify(body);
      return askWith(state, (authorization) =>
        http.post(config.urls[input_type], json, {
          headers: { authorization },
          read: readSanitized,
          deadline,
        }),
      );
    };
    const together = (pieces: readonly Piece[]) =>
      sanitize({ text: pieces.map(({ result }) => result).join('\n') });
    const askAbout = async (pieces: readonly Piece[]): Promise<Verdict> => {
      const { verdict, text } = await together(pieces);
      if (text === undefined) return verdict;
      if (pieces.length === 1) {
        (pieces[0] as Piece).result = text;
        return verdict;
      }
      // Asking about each tells what was removed from which
      const each = await askEach(pieces, (piece) => askAbout([piece]));
      const isAll = pieces.map(({ result }) => result).join('\n') === text;
      if (each.kind === 'block' || isAll) return each;
      // Some of it is found only where texts stand together
      const left = await together(pieces);
      return left.text === undefined
        ? left.verdict
        : { kind: 'block', reason: 'sensitive data in several texts' };
    };
    const askAboutFile = async (file: FileItem | undefined): Promise<Verdict> => {
      if (file === undefined) throw new BackendError({ kind: 'no_verdict' });
      const { verdict, text } = await sanitize(file);
      return text === undefined ? verdict : { kind: 'block', reason: 'sensitive data in a file' };
    };
    const cut = cutTexts(texts, MAX_CHARS);
    const files = config.media ? filesOf(call) : [];
    const verdict = await askEach(
      [
        ...packed(cut, MAX_CHARS).map((pieces) => () => askAbout(pieces)),
        ...files.map((file) => () => askAboutFile(file)),
      ],
      (ask) => ask(),
    );
    return verdict.kind === 'block' ? verdict : rewritten(cut);
  },
});
