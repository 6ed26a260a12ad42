/** Facts about Akto's envelopes that hold on both sides: where the bridge asks Akto, and where it answers as Akto. */

/** The route of a call whose own is not told. */
export const CHAT_PATH = '/v1/chat/completions';
/** The route of calls of MCP tools. */
export const MCP_PATH = '/mcp';

/** Headers within an envelope that name the session and the call. */
export const SESSION_HEADER = 'x-akto-installer-akto_session_id';
export const MESSAGE_HEADER = 'x-akto-installer-akto_message_id';

/** Tags that tell who called, and what follows `user_api_key_` in LiteLLM's names for the same. */
export const IDENTITY_TAGS = {
  user_id: 'user_id',
  team_id: 'team_id',
  user_email: 'user_email',
  team_alias: 'team_alias',
  key_alias: 'alias',
} as const;

/** Marks the response that stands in for that of a blocked call. */
export const BLOCKED_BY = 'x-blocked-by';
export const BLOCKED_BY_AKTO = 'Akto Proxy';

/** The message of each reply that went well. */
export const AKTO_DONE = 'Request processed successfully';
