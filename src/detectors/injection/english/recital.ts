import { GAP as _, type InjectionSource } from '../rule.ts';
import { some } from './words.ts';

/** Orders to say again what stands before the user's words: the operator's, without a name for them. */
export const RECITAL: readonly InjectionSource[] = [
  {
    id: 'repeat-above',
    weight: 0.55,
    anchors: 'repeat |print |output |copy |recite |echo |reproduce ',
    pattern: `\\b(?:repeat|print|output|copy|recite|echo|reproduce)${_}${some('me|the|all|of|every|everything|words?|text|lines?|sentences?|back|out|verbatim|exactly|whole|entire|that|is|was|written|word|for', 9)}(?:above|before this|prior to this|preceding this)\\b`,
  },
  {
    id: 'repeat-all-above',
    weight: 0.6,
    anchors: 'repeat |print |output |copy |recite |echo |reproduce |show me|tell me|paste |write out|give me',
    pattern: `\\b(?:repeat|print|output|copy|recite|echo|reproduce|(?:show|tell|give) me|paste|write out)${_}${some('me|the|all|of|back|out|verbatim|exactly|and|full|exact|whole|entire', 5)}(?:everything|all|(?:the )?(?:text|contents?|instructions|prompt|message|conversation))${_}${some('that|is|was|were|came|comes|written|said|stated|text|of|the|words|in|this', 5)}(?:above|before (?:this|my)|prior to (?:this|my)|preceding (?:this|my)|until now|so far)\\b(?!${_}(?:the|a|that|it|line|each|section|paragraph|into|in(?:to)? (?:french|german|spanish|english|italian)))`,
  },
  {
    id: 'framed-above',
    weight: 0.8,
    anchors: 'code block|codeblock|verbatim|word for word|exactly as|in full|txt block|markdown block',
    pattern: `(?<=\\b(?:put|place|wrap|paste|output|print|repeat|return|write|give me|show me|reproduce|recite)\\b[^!?\\n]{0,24}\\b(?:(?:everything|all|text|words|contents?|instructions|messages?)${_}(?:[a-z]{1,10}${_}){0,2}(?:above|before this|prior to this|preceding this|so far)|(?<=the )above|all previous text)\\b[^!?\\n]{0,40})(?:code ?block|verbatim|word for word|exactly as|in full|txt block|markdown block)`,
  },
  {
    id: 'said-before-this',
    weight: 0.8,
    anchors: 'before this|before my|before mine|prior to this|preceding this|preceding my|prior to my',
    pattern: `(?<=\\b(?:what (?:was|is|were|has been|had been|did you)|say|write|repeat|reproduce|quote|print|recite|state)\\b[^.!?\\n]{0,30}\\b(?:written|said|told|stated|texts?|messages?|sentences?|words?|lines?|instructions?)${_}(?:that${_}|which${_})?(?:came${_}|was${_}|were${_}|is${_}|stood${_}|directly${_}|right${_}|immediately${_}){0,2})(?:(?:before|prior to|preceding)${_}(?:this|my)${_}(?:very${_}|first${_})?(?:sentence|message|line|prompt|question|conversation|chat|request)|before mine)\\b`,
  },
  {
    id: 'text-at-the-start',
    weight: 0.8,
    anchors: 'at the beginning of|at the start of|at the top of',
    pattern: `(?<=\\b(?:show|print|repeat|reveal|give|tell|output|quote|what|recite|copy|paste|dump)\\b[^.!?\\n]{0,24}\\b(?:texts?|messages?|instructions?|words|prompt|rules)${_}(?:that${_}(?:is|was|were|are)${_}|you${_}(?:got|received|were${_}given)${_}|given${_}|written${_})?)at the (?:very )?(?:beginning|start|top) of (?:this|our|the) (?:conversation|chat|prompt|context|session)\\b`,
  },
  {
    id: 'repeat-conversation',
    weight: 0.5,
    anchors:
      'repeat this|repeat the entire|repeat the whole|repeat our|repeat all|repeat the conv|print the conv|output the conv|recite the|recite this|recite our|print this entire|print the entire|print the whole|output the entire|output the whole|output this entire|copy the entire|recite the entire|repeat back',
    pattern: `\\b(?:repeat|print|output|copy|recite)${_}(?:back${_})?(?:this|the|our|all of (?:this|our|the))${_}(?:(?:(?:entire|whole|full|complete)${_})?conversation\\b|(?:entire|whole|full|complete)${_}(?:prompt|context|context window|chat|message history|initialization)\\b)`,
  },
  {
    id: 'from-the-first-token',
    weight: 0.6,
    anchors: 'from the very first|from the first|from the start|from the beginning|from the very',
    pattern: `(?<=\\b(?:conversation|chat|context|messages|transcript)${_})from the (?:very )?(?:first (?:token|word|message|line|character)|start|beginning|top)\\b`,
  },
  {
    id: 'repeat-from-you-are',
    weight: 0.6,
    anchors: 'starting with|starts with|beginning with|begins with|start with|begin with|starting from',
    pattern: `\\b(?:start|begin)(?:ing|n?ing|s)? (?:with|from)${_}${some('the|phrase|words?|sentence|text', 3)}["'“‘\`]{0,2}you are\\b`,
  },
  {
    id: 'prompt-continued',
    weight: 0.8,
    anchors:
      'instructions are|instructions is|prompt is|prompt says|prompt reads|instructions say|instructions read|prompt:|instructions:|was told to|was instructed to',
    pattern: `(?<=["'“‘\`](?:sure[,!]? )?(?:my|the|your|here are my|here is my|i)${_}(?:(?:system|initial|hidden|original|full|exact|secret)${_}){0,2})(?:(?:instructions|prompt)(?:${_}(?:are|is|says?|reads?))?(?:${_})?(?:as follows)?\\s?:|was (?:told|instructed) to)\\s{0,2}["'”’\`…]`,
  },
  {
    id: 'prompt-printed-by-code',
    weight: 0.8,
    anchors: ['console.log', 'print(', 'echo ', 'cat ', 'puts ', 'printf', 'system.out'],
    pattern: `(?<![^\\s\`])(?:console\\.log|print|echo|cat|puts|printf|system\\.out\\.println)[\\s(]{1,2}["'$]{0,2}(?:system|initial|your|my|this\\.|self\\.|get)?_?(?:system)?_?(?:prompt|instructions)(?:\\.txt|\\.md|\\(\\))?["')};]{0,4}(?![^])`,
    needs: /system|initial|your/i,
  },
];
