/** Sessions of agents: the prompt of one, a task, and public files as results of tools. */
import { randomFrom } from '../../support/random.ts';
import { goFiles, type Item, pythonFiles } from './corpora.ts';
import { agentPrompts } from './prompts.ts';

export type Session = { readonly name: string; readonly body: Record<string, unknown> };

const SESSIONS = 200;
const MOST_CHARS = 20_000;

/** @throws Missing */
export async function sessions(): Promise<readonly Session[]> {
  const random = randomFrom(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const prompts = await agentPrompts();
  const files = [...(await pythonFiles()), ...(await goFiles())].filter(
    ({ text }) => text.length <= MOST_CHARS,
  );
  return Array.from({ length: SESSIONS }, (_, number) => {
    const prompt = pick(prompts);
    const read = Array.from({ length: number % 2 === 0 ? 20 : 80 }, () => pick(files));
    return { name: `${number}: ${prompt.name}`, body: bodyOf(prompt, read) };
  });
}

function bodyOf(prompt: Item, files: readonly Item[]): Record<string, unknown> {
  const messages = [
    { role: 'system', content: prompt.text },
    { role: 'user', content: 'Find out where the time goes, and tell me the three slowest parts.' },
    ...files.flatMap(({ name, text }, number) => [
      {
        role: 'assistant',
        content: `I read ${name} next.`,
        tool_calls: [
          {
            id: `call_${number}`,
            type: 'function',
            function: { name: 'read', arguments: JSON.stringify({ name }) },
          },
        ],
      },
      { role: 'tool', tool_call_id: `call_${number}`, content: text },
    ]),
  ];
  return { texts: messages.map(({ content }) => content), structured_messages: messages };
}
