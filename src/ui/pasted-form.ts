import type { Pasted } from './page-source.ts';

/** Most characters of a text that is pasted. */
export const MAX_PASTE_TEXT = 200_000;
/** Most bytes of the body of a form: each character may come as nine. */
export const MAX_FORM_BYTES = 4 * 1024 * 1024;

const MAX_NAME = 256;

/** The fields of the playground. */
export type PastedForm = Omit<Pasted, 'policies' | 'team' | 'model'> & {
  readonly team: string;
  readonly model: string;
  readonly policies: string;
};

export const EMPTY_FORM: PastedForm = {
  ...{ text: '', team: '', model: '', policies: '' },
  ...{ isResponse: false, isStreamed: false },
};

/** Reads a posted form; line ends are those of the text before a browser changed them. */
export function pastedForm(fields: URLSearchParams): PastedForm {
  const text = (name: string) => (fields.get(name) ?? '').replaceAll('\r\n', '\n');
  const name = (field: string) => text(field).trim().slice(0, MAX_NAME);
  return {
    text: text('text'),
    isResponse: fields.get('side') === 'response',
    isStreamed: fields.has('streamed'),
    team: name('team'),
    model: name('model'),
    policies: text('policies'),
  };
}

/** The form as it is asked about. */
export const pastedOf = ({ team, model, policies, ...rest }: PastedForm): Pasted => ({
  ...rest,
  team: team === '' ? undefined : team,
  model: model === '' ? undefined : model,
  policies: policies.trim() === '' ? undefined : policies,
});
