export const HELP = `guardrail-bridge: one HTTP sidecar between LiteLLM Proxy and AI-security vendors

usage
  guardrail-bridge [serve]         listen and judge (default)
  guardrail-bridge check-config    read the configuration, say what it means, and stop
  guardrail-bridge --help | --version

It is configured by environment variables, or a .env file in the working directory:
  BRIDGE_API_KEYS          keys callers must send as x-api-key, separated by commas
  HOST, PORT               address to listen on (127.0.0.1, or 0.0.0.0 with keys; 8787)
  GUARDRAIL_TIMEOUT        seconds a backend may take (5)
  UNREACHABLE_FALLBACK     fail_closed (default), fail_open or defer
  BUILTIN_POLICY           auto (default), on or off
  BANNED_KEYWORDS          words the built-in policy blocks, separated by commas
  ANSWER_REDACTION         block (default) or rewrite
  BLOCKED_MESSAGE          what a blocked caller reads, with {ref}, {backend}, {reason}
  MAX_BODY_MB, LOG_LEVEL, SHUTDOWN_DELAY, SHUTDOWN_TIMEOUT, ALLOW_UNAUTHENTICATED, HTTP_PROXY, HTTPS_PROXY, NO_PROXY
  Akto       AKTO_GUARDRAIL_API_BASE, AKTO_API_KEY  (or DATA_INGESTION_SERVICE_URL, AKTO_API_TOKEN)
  Capsule    CAPSULE_LITELLM_ENDPOINT, CAPSULE_LITELLM_TOKEN
  per vendor AKTO_MODE, AKTO_GUARDRAIL_TIMEOUT, AKTO_UNREACHABLE_FALLBACK, CAPSULE_MODE, ...

All variables with defaults and units are in the README.
`;
