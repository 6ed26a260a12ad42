import type { Language } from './language.ts';

/** Japanese. */
export const ja: Language = {
  drop: '無視(?:して|しろ|せよ|し、|してください)|忘れ(?:て|ろ|なさい)|従わないで',
  whose: 'これまで|以前|上記|今まで|前の|先ほど|元の|最初の|以上の|システム|すべての|全ての',
  rules: '指示|命令|ルール|プロンプト|指令|制約',
  show: '表示して|教えて|出力して|見せて|開示して|繰り返して|公開して',
  yours: 'あなたの|君の',
  prompt: 'システムプロンプト|システムメッセージ|最初の指示|初期指示|隠された指示|内部指示|システム指示',
  extractionAnchors: 'あなたの|君の|システムプロンプト|最初の指示|隠された',
  order: {
    ends: '。！？!?',
    override: ['whose', 12, 'rules', 8, 'drop'],
    extraction: ['yours?', 'prompt', 10, 'show'],
  },
  role: { youAreNow: 'あなたは今から', unrestricted: '無制限|制限のない' },
};
