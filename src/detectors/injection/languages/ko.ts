import type { Language } from './language.ts';

/** Korean. */
export const ko: Language = {
  drop: '무시하|무시해|잊어|잊고|따르지 마',
  whose: '이전|위의|위 |앞선|앞의|지금까지|기존|모든|시스템',
  rules: '지시|명령|지침|규칙|프롬프트',
  show: '보여|알려|출력|공개해|말해|반복해',
  yours: '(?:너의|당신의|네) ',
  prompt: '시스템 프롬프트|시스템 메시지|초기 지시|숨겨진 지시|시스템 지시',
  extractionAnchors: '시스템 프롬프트|시스템 메시지|초기 지시|숨겨진 지시|시스템 지시|너의|당신의|네 ',
  order: {
    ends: '.!?',
    override: ['whose', 16, 'rules', 8, 'drop'],
    extraction: ['yours?', 'prompt', 10, 'show'],
  },
};
