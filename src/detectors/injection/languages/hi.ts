import type { Language } from './language.ts';

/** Hindi. */
export const hi: Language = {
  drop: 'अनदेखा|अनदेखी|नज़रअंदाज|नजरअंदाज|नज़रअंदाज|भूल जा|उपेक्षा|मत मान',
  whose: 'पिछले|पिछली|पहले|पूर्व|ऊपर|उपरोक्त|सभी|अपने',
  rules: 'निर्देश|नियम|आदेश|हिदायत|अनुदेश',
  show: 'दिखा|बता|प्रकट|दोहरा|लिखो|लिखें',
  yours: 'अपना |अपने ',
  prompt: 'सिस्टम प्रॉम्प्ट|सिस्टम संदेश|सिस्टम निर्देश|छिपे हुए निर्देश|मूल निर्देश',
  extractionAnchors: 'अपना|अपने|सिस्टम',
  order: {
    ends: '।.!?',
    override: ['whose', 20, 'rules', 12, 'drop'],
    extraction: ['yours?', 'prompt', 12, 'show'],
  },
};
