import { GAP as _, type InjectionSource } from '../rule.ts';
import { some } from './words.ts';

const ADDRESSED = ['attention', 'instruction', 'instructions', 'message', 'note', 'notice']
  .flatMap((word) => ['to', 'for', 'all', 'any', 'ai', 'llm'].map((whom) => `${word} ${whom}`))
  .concat('if you are a');

/** Data carried off, and tools put to another use. */
export const THEFT: readonly InjectionSource[] = [
  {
    id: 'exfiltration-image',
    weight: 0.5,
    anchors: ['!['],
    pattern: '!\\[[^[\\]\\n]{0,80}\\]\\(\\s{0,2}https?://[^\\s()![?]{1,200}\\?[^\\s()!{<[$]{0,120}[{<[$]',
  },
  {
    id: 'exfiltration-markdown',
    weight: 0.8,
    anchors: 'image|markdown|hyperlink|clickable link|tracking pixel',
    pattern: `\\b(?:image|markdown|hyperlink|clickable link|tracking pixel)[^\\n]{0,120}?(?:conversation|chat history|chat log|system prompt|previous messages?|secrets?|api[ _-]?keys?|passwords?|credentials|user(?:['’]s)? (?:data|information|messages?|emails?)|summary of (?:the |this |our |all )?(?:conversation|chat|messages?))\\b[^!?\\n]{0,80}?(?:(?:in|into|to|as|of) (?:the |a |its )?(?:url|uri|query|link|src|(?:url |query )?parameter)|(?:in|into|as|of) (?:the |its )?(?:address|(?:url )?path)\\b|url[- ]?encoded|base64)`,
  },
  {
    id: 'exfiltration-send',
    weight: 0.35,
    anchors: 'send |post |append |exfiltrate|forward |leak |upload|transmit|e-mail|email',
    pattern: `\\b(?:send|post|append|exfiltrate|forward|leak|upload|transmit|e-?mail)${_}[^.!?\\n]{0,60}?(?:conversation|chat history|chat log|system prompt|previous messages|secrets?|api[ _-]?keys?|passwords?|credentials|environment variables|private keys?)\\b[^!?\\n]{0,60}?(?:https?://|webhook|attacker|@)`,
  },
  {
    id: 'hide-from-user',
    weight: 0.25,
    anchors:
      "do not |don't|never |without tell|without inform|without notify|without alert|without mention|without ask|without warn",
    pattern: `\\b(?:do not|don['’]t|never|without)${_}(?:tell|telling|inform|informing|notify|notifying|alert|alerting|mention|mentioning|ask|asking|warn|warning)${_}[^.!?\\n]{0,30}?(?:the |any )?users?\\b`,
    isMeantDenied: true,
  },
  {
    id: 'kept-from-user',
    weight: 0.8,
    anchors: [
      'tell the user',
      'inform the user',
      'let the user know',
      'notify the user',
      'from the user',
      'telling the user',
      'informing the user',
      'notifying the user',
      'user must not',
      'user must never',
      'users must not',
    ],
    pattern: `(?:(?<=\\b(?:and|but|then|so|just)${_}(?:do not|don['’]t|never)${_}(?:ever${_})?)(?:(?:tell|inform|notify)${_}(?:the${_})?users?${_}(?:anything|a word|of (?:it|this)\\b)|let the user know\\b(?!${_}(?:what|when|how|if|that|their)))|(?<=\\b(?:keep|hide|conceal)${_}(?:it|this|that|everything|all of (?:it|this))${_}(?:(?:a${_})?(?:secret|hidden|quiet)${_})?)from the users?\\b|(?<=\\b(?:it|this|that|so|them|everything)${_}without${_})(?:telling|informing|notifying)${_}(?:the${_})?users?\\b|users?${_}must${_}(?:not|never)${_}(?:learn|know|notice|find out|hear)${_}(?:of|about)?(?:${_})?(?:it|this|that)\\b)`,
    isMeantDenied: true,
  },
  {
    id: 'secretly',
    weight: 0.45,
    anchors: 'silently|secretly|covertly|discreetly',
    pattern: `\\b(?:silently|secretly|covertly|discreetly)${_}(?:call|invoke|use|run|execute|send|transfer|forward|delete|upload|include|append|insert|add|exfiltrate|e-?mail)\\b`,
  },
  {
    id: 'tool-hijack',
    weight: 0.8,
    anchors: 'call |invoke |use |run |execute |trigger ',
    pattern: `\\b(?:call|invoke|use|run|execute|trigger)${_}${some('the|your|a|now', 2)}[\\w.\`-]{1,40}${_}(?:tool|function|api|command|plugin)\\b[^.!?\\n]{0,100}?(?:without (?:asking (?:the user|me|for (?:permission|confirmation|approval|consent))|telling|notifying|informing|(?:the )?user(?:['’]?s)? (?:permission|consent|knowledge|noticing|approval|confirmation)|permission|confirmation)\\b|(?:silently|secretly)(?=\\s{0,2}(?:[.,;!\\n]|$|and\\b))|(?:do not|don['’]t) (?:tell|ask|inform|mention))`,
  },
  {
    id: 'tool-precondition',
    weight: 0.85,
    anchors: 'before using|before calling|before invoking|before running|when using|when calling',
    pattern: `\\b(?:before|when) (?:using|calling|invoking|running)${_}[^.!?\\n]{0,40}?(?:tool|function)s?\\b[^!?\\n]{0,80}?(?:read|cat|open|access|send|pass|include|fetch)\\b[^!?\\n]{0,60}?(?:\\.ssh|id_rsa|\\.env\\b|password|credential|mcp\\.json|/etc/passwd|private key)`,
  },
  {
    id: 'addressed-to-ai',
    weight: 0.6,
    anchors: ADDRESSED,
    pattern: `\\b(?:(?:attention|instructions?|message|note|notice)${_}${some('to|for|all|any|the|every', 4)}(?:ai|llm|large language model|language model|ai assistant|ai agent|chatbot|ai model)s?\\s{0,2}(?:[:!,]|reading|processing|summari|review)|if you are an?${_}(?:ai|llm|large language model|language model|ai assistant|ai agent|chatbot)\\b[^.!?\\n]{0,60}?(?:you must|please|ignore|then|include|respond|say|rate|recommend)\\b)`,
  },
];
