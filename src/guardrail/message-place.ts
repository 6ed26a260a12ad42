/** Where in a call something was found. */
export type MessagePlace = {
  /** Number of the message in the conversation, from 1, as `structured_messages` has them; null for a text that belongs to none. */
  readonly message: number | null;
  /** As the message has it: `system`, `user`, `assistant`, `tool`; null where there is none. */
  readonly role: string | null;
  readonly part: PlacePart;
};

/**
 * The part of a message or call. `arguments`: of a call of a tool; `result`: what a tool returned; `tools`: definitions of tools; `id`: an
 * id, a name or an address, which no reply can change; `text`: of a request that has no messages.
 */
export type PlacePart = 'content' | 'arguments' | 'result' | 'tools' | 'id' | 'text' | 'response';
