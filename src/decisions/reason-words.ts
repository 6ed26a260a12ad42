/** Words of sentences: alone between two quotations they are part of these. */
export const SMALL_WORDS: ReadonlySet<string> = new Set(
  `a about after all also an and any are as at be because been before between both but by can cannot could did do does each either
  else for from had has have he her here him his how i if in into is it its may me might more most must my no nor not of on one only
  or other our out over per please she should so some such than that the their them then there these they this those through to too
  under until up us was we were what when where which while who whose why will with within without would you your
  aren didn doesn don isn shouldn wasn weren won`.split(/\s+/),
);

/** Words in which vendors say why they block: of rules and kinds of content, which name none of it. */
const OWN_WORDS = `
  abuse abusive access accordance account action actions address adult advice agent allow allowed anomaly api appropriate approved
  assistant attachment attack attacks attempt attempted attempts attempting authentication authorization authorized automated
  banned bias block blocked blocking bypass
  card category categories cause check checks child children cited classification classified classifier code codes company
  compliance complete confidence confidential configured contain contained containing contains content copyright copyrighted
  credential credentials credit crime criminal custom
  data date denied deny denylist detect detected detection detector detects disallowed disclosed disclosure discrimination
  discriminatory document due
  email encoded entities entity error exceed exceeded exceeds exceeding explicit exfiltration exploit exploitation expression
  extraction extract extremism
  fail failed false file filter filtered finance financial finding findings firewall flag flagged forbidden found fraud
  gambling gender generated guard guardrail guardrails guideline guidelines
  hack hacking hallucination harass harassing harassment harm harmful hate hateful health hidden high
  id identified identifier identity illegal illicit image inappropriate indicates information infringement injection input
  insecure instruction instructions insult insults intellectual intent internal invalid
  jailbreak jailbreaking jailbroken
  keyword keywords key keys known
  label language large leak leakage leaked leaks legal length level license likely limit limits link links list low
  mail malicious malware manipulate manipulation mask masked masking match matched matches matching medical medium message messages
  minor minors misinformation missing misuse model moderate moderation multiple
  name names negative nonviolent number numbers nudity
  off-topic offensive organization output override
  passage password passwords pattern patterns payload person personal phishing phone phrase phrases pii policies policy political
  positive possible potential potentially previous privacy private profanity profane prohibited prompt prompts property protected
  provided
  query question
  racism racist ransomware reason reasons redact redacted refused regex reject rejected relevant religion request requested
  requests response responses restricted result results risk risks role route rule rules
  safe safety scam scan scanned scanner score scores secret secrets security self self-harm sensitive sentiment severe severity
  sexism sexist sexual sexually since size software source spam specialized ssn stop strict suicide suspected suspicious system
  target term terms terrorism text theft threat threats threshold timeout token tokens tool tools topic topics toxic toxicity
  traffic triggered true trust type
  unable unauthorised unauthorized unknown unsafe unsolicited unsupported url urls use used user users using
  value violate violated violates violating violation violations violence violent violently vulgar vulnerability
  warning weapon weapons word words
`;

/** Words that are no content, whoever says them. */
export const KNOWN_WORDS: ReadonlySet<string> = new Set([...SMALL_WORDS, ...OWN_WORDS.trim().split(/\s+/)]);
