/** Names of headers that carry, or may carry, a credential. Wide on purpose: vendors invent their own. */
export const CREDENTIAL_HEADER =
  /auth|cookie|token|secret|passw|credential|session-key|api[-_]?key|access[-_]?key|subscription-key|-key$/i;
