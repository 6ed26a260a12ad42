/** The policy file to start from: `policy init` prints it, and examples/policies/default.yaml is it. */
export const START_FILE = `# yaml-language-server: $schema=policies.schema.json
# (Editors that know the line above complete and explain by it: guardrail-bridge policy schema policies.schema.json writes that file.)
#
# A chain to begin with: pasted secrets and personal data are taken out of requests, attacks on the instructions of the model and
# absurd sizes are refused, and each decision is logged without content. They are taken out of responses too where LiteLLM delivers
# that, and elsewhere, as in most streams, the response is blocked.
#
# Use it:    POLICY_FILE=policy.yaml; the bridge reads it again when it changes
# Check it:  guardrail-bridge policy lint policy.yaml
# Try it:    guardrail-bridge check --policy policy.yaml "My key is AKIA..."
# Kinds:     guardrail-bridge policy kinds, and policy kinds secrets for the options of one
pack:
  name: default
  version: 1.0.0
  enabled: true

policies:
  # For everybody to whom no rule below applies. All of them judge every call, and one block is enough
  chain:
    - size-limits
    - prompt-injection
    - secrets
    - pii-detector
    - audit-logger

# Options by kind. A kind without options can be left out here; one that is in no chain does nothing
policy:
  size-limits:
    max_messages: 10000

  # Begin with observe where false alarms would hurt, look at the metrics, and enforce then
  prompt-injection:
    # mode: observe          # counts what it would block, and changes nothing
    threshold: 0.8
    response:
      action: block

  secrets:
    action: redact           # or block

  pii-detector:
    action: redact
    # entities: [EMAIL_ADDRESS, CREDIT_CARD]   # only these

  # banned-keywords: { keywords: [project nightfall] }   # needs its place in the chain, too

# For some callers; the first rule that matches decides, and what it leaves out is as for everybody
# rules:
#   - name: payments
#     match: { team: [payments, pay-*] }
#     chain: [size-limits, prompt-injection, secrets, pii-detector, audit-logger]
#   - name: red-team
#     match: { team: red-team }
#     caller_may_skip: [prompt-injection]

# Vendors beside those of the environment: guardrail-bridge backend list
# backends:
#   - { name: lakera, kind: lakera, secret: { env: LAKERA_API_KEY } }
`;
