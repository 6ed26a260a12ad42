import type { InjectionSource } from './rule.ts';

/** Placeholders of templates, ends of strings in code, and the beginnings of examples. */
const PLACEHOLDER =
  '[{$<[%(]|\\.{3}|…|you are a helpful|your system|["\'`](?:\\s{0,4}[,;:)+}\\]]|\\s{0,4}$|\\s{0,4}\\n)';

/**
 * Marks by which model families tell turns and roles apart: no business of a message.
 *
 * @see the models' chat templates: ChatML, Llama 2 and 3, Gemma, Mistral, gpt-oss (Harmony)
 */
export const DELIMITERS: readonly InjectionSource[] = [
  {
    id: 'chat-token',
    weight: 0.45,
    anchors: ['<|'],
    pattern:
      '<\\|(?:im_start|im_end|im_sep|endoftext|endofprompt|system|user|assistant|begin_of_text|end_of_text|start_header_id|end_header_id|eot_id|eom_id|start|end|channel|message|return|call)\\|>',
  },
  {
    id: 'chat-token-system',
    weight: 0.7,
    anchors: ['<|'],
    pattern: `<\\|(?:im_start\\|>\\s{0,2}(?:system|developer)(?:<\\|im_sep\\|>|[\\s:])|start_header_id\\|>\\s{0,2}system\\s{0,2}<\\|end_header_id\\|>|system\\|>|start\\|>(?:system|developer)<\\|message\\|>)\\s{0,8}(?!${PLACEHOLDER})\\S`,
  },
  { id: 'inst-token', weight: 0.4, anchors: ['[inst]', '[/inst]'], pattern: '\\[/?inst\\]' },
  { id: 'sys-token', weight: 0.5, anchors: ['<<sys>>', '<</sys>>'], pattern: '<</?sys>>' },
  {
    id: 'sys-token-filled',
    weight: 0.6,
    anchors: ['<<sys>>'],
    pattern: `<<sys>>\\s{0,8}(?!${PLACEHOLDER})\\S`,
  },
  {
    id: 'turn-token',
    weight: 0.5,
    anchors: '<start_of_turn>|<end_of_turn>|[system_prompt]|[/system_prompt]',
    pattern: '(?:<(?:start|end)_of_turn>|\\[/?system_prompt\\])',
  },
  {
    id: 'tool-call-token',
    weight: 0.45,
    anchors: [
      '<function_calls',
      '<tool_call',
      '<tool_response',
      '<function_results',
      '[tool_calls]',
      '<|tool',
    ],
    pattern:
      '(?:<(?:function_calls|tool_calls?|tool_response|function_results)>|\\[tool_calls\\]|<\\|tool[a-z_]{0,20}\\|>)',
  },
];

const ORDER =
  '(?:you|your|ignore|new|from|override|disregard|forget|the user|user|please|always|never|all|respond|reply|reveal|print|execute|run|call|instructions?|enable|disable|safety)\\b';

/** Elements of web pages, pieces of which end anywhere. */
const HTML =
  '(?:a|abbr|article|aside|b|blockquote|body|button|cite|code|dd|details|div|dl|dt|em|figure|font|footer|form|h[1-6]|head|header|html|i|label|li|main|mark|nav|ol|p|pre|q|s|script|section|small|span|strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|th|thead|title|tr|u|ul|video)\\b';
/** Orders to a model. */
const COMMAND =
  "ignore|disregard|forget|override|you (?:are|must|will|should) now|(?:your )?(?:new|real|actual|next|updated) (?:instructions?|tasks?|orders?|rules?|goal)\\b|your (?:task|job|instructions?|goal) (?:is|are|now)\\b|from now on|instead[, ]|(?:please |just |now |and )?(?:answer|respond|reply|say|output|print|return|write) (?:only|just|exactly|with|that|[\"'“])|(?:please |just |now )?(?:approve|merge|accept|recommend) (?:this|the|it|all)\\b|(?:do not|don['’]t|never) (?:mention|tell|report|reveal|flag)|(?:the )?(?:above|previous|rest|preceding) (?:is|was|are|were) |(?:system|developer)(?: message| prompt| note)?:";

/** Ends of the operator's words, and turns of others, made up within a message. */
export const BOUNDARIES: readonly InjectionSource[] = [
  {
    id: 'fake-heading',
    weight: 0.6,
    anchors: '# system|#system|# developer|# admin|# new system|# instruction|# new instruction',
    pattern:
      '#\\s?(?:system|(?:new )?system (?:prompt|message|instructions?|override|note|update)|developer(?: message)?|admin|(?:new )?instructions?)\\s{0,2}:',
  },
  {
    id: 'fake-closing-tag',
    weight: 0.7,
    anchors:
      '</system|</sys>|</developer|</instruction|</user_|</userinput|</prompt|</untrusted|</context|</document',
    pattern:
      '</(?:system(?:[_-]?(?:prompt|message|instructions?))?|sys|developer|instructions?|user_?(?:input|query|message|prompt)|prompt|untrusted[a-z_-]{0,20}|context|documents?)>',
    isStray: true,
  },
  {
    id: 'order-behind-tag',
    weight: 0.8,
    anchors: ['</'],
    pattern: `</(?!${HTML})[a-z][\\w:.-]{1,40}>[\\s#*>"'-]{0,8}(?:${COMMAND})`,
    isStray: true,
  },
  {
    id: 'fake-opening-tag',
    weight: 0.45,
    anchors: '<system|<developer|<admin|<important>',
    pattern:
      '<(?:system(?:[_-]?(?:prompt|message|instructions?|override|note))?|developer(?:_message)?|admin|important)>',
  },
  {
    id: 'fake-turn',
    weight: 0.75,
    anchors: 'system:|system :|system**:|developer:',
    pattern: `(?<=^[\\t *>([]{0,6}|[\\n\\r][\\t *>([]{0,6})(?:system|developer)[\\s*\\])]{0,4}:[\\s*]{0,4}${ORDER}`,
  },
  {
    id: 'fake-frame',
    weight: 0.7,
    anchors: 'begin |end |start |end_|begin_|new ',
    pattern:
      '(?<=[=#*[<{_-]{1,3}\\s{0,2})(?:begin|end|start|new)[ _](?:of[ _])?(?:the[ _])?(?:new[ _]|hidden[ _]|previous[ _])?(?:system(?:[ _](?:prompts?|messages?|instructions?|override|note))?|admin(?:[ _](?:message|override))|developer[ _](?:message|instructions?)|user[ _](?:input|query|message|prompt)|(?:original[ _])?instructions?)\\s{0,2}[=#*\\]>}:_-]',
  },
  {
    id: 'fake-label',
    weight: 0.6,
    anchors:
      '[system|[admin|[developer|system override|admin override|administrator override|developer override',
    pattern:
      '(?:\\[\\s?(?:system|admin|developer)\\s(?:message|prompt|override|note|instructions?|notice|command|update|alert)\\s?\\]|\\b(?:system|admin|administrator|developer) override\\s{0,2}(?:[:!]|code|enabled|activated|engaged|initiated))',
  },
];
