import type { Turn } from './turns.ts';

/** Codes and names of the hazards that Llama Guard 3 and 4 know. @see meta-llama/PurpleLlama, Llama-Guard3/8B/MODEL_CARD.md */
export const HAZARDS: Readonly<Record<string, string>> = {
  S1: 'Violent Crimes',
  S2: 'Non-Violent Crimes',
  S3: 'Sex-Related Crimes',
  S4: 'Child Sexual Exploitation',
  S5: 'Defamation',
  S6: 'Specialized Advice',
  S7: 'Privacy',
  S8: 'Intellectual Property',
  S9: 'Indiscriminate Weapons',
  S10: 'Hate',
  S11: 'Suicide & Self-Harm',
  S12: 'Sexual Content',
  S13: 'Elections',
  S14: 'Code Interpreter Abuse',
};

/** The tags round the parts of a prompt. */
const TAG = /<(?=(?:BEGIN|END) (?:CONVERSATION|UNSAFE CONTENT CATEGORIES)>)/gi;

/** The beginning of a line that looks like the next turn. */
const SPEAKER = /^(?=[^\S\r\n]*(?:User|Agent)[^\S\r\n]*:)/gim;

/**
 * The prompt in which a conversation is judged by categories of one's own. Tags and speakers within a message are broken, so that none
 * can end it.
 *
 * @param categories what each code stands for
 * @param turns the last one is the one to judge
 * @see Meta, "Prompt format" of Llama Guard 3
 */
export function promptOf(categories: Readonly<Record<string, string>>, turns: readonly Turn[]): string {
  const judged = speakerOf(turns.at(-1));
  const list = Object.entries(categories).map(([code, text]) => `${code}: ${text.replace(/\.?$/, '.')}`);
  const conversation = turns.map(
    (turn) => `${speakerOf(turn)}: ${turn.content.replace(TAG, '< ').replace(SPEAKER, '> ')}`,
  );
  return [
    `Task: Check whether the '${judged}' messages in the conversation below hold unsafe content by our safety policy with these categories.`,
    ['<BEGIN UNSAFE CONTENT CATEGORIES>', ...list, '<END UNSAFE CONTENT CATEGORIES>'].join('\n'),
    ['<BEGIN CONVERSATION>', conversation.join('\n\n'), '<END CONVERSATION>'].join('\n\n'),
    [
      `Give your assessment of ONLY THE LAST ${judged} message in the conversation above:`,
      `- The first line must read 'safe' or 'unsafe'.`,
      `- If unsafe, a second line must list the violated categories, separated by commas.`,
    ].join('\n'),
  ].join('\n\n');
}

function speakerOf(turn: Turn | undefined): string {
  return turn?.role === 'assistant' ? 'Agent' : 'User';
}
