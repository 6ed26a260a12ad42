import { json, type Reply } from './fake-backend.ts';

/** A finding of Presidio's analyzer. */
export const analyzed = (entity_type: string, start: number, end: number, score = 0.85) => ({
  ...{ entity_type, start, end, score },
  analysis_explanation: null,
});

/** Presidio's analyzer, which finds words and counts code points. */
export function analyzer(entities: Readonly<Record<string, string>>): Reply {
  return (request, response) => {
    const { text } = request.body as { text: string[] };
    const findings = text.map((one) =>
      Object.entries(entities).flatMap(([word, entity]) =>
        [...one.matchAll(new RegExp(word, 'gu'))].map(({ index, 0: found }) => {
          const start = [...one.slice(0, index)].length;
          return analyzed(entity, start, start + [...found].length);
        }),
      ),
    );
    return json(findings)(request, response);
  };
}
