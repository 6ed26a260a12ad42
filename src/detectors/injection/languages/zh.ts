import type { Language } from './language.ts';

/** Chinese. */
export const zh: Language = {
  drop: '忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要遵守|抛开|忽視|忽视',
  whose: '之前|以前|以上|先前|前面|上述|此前|上面|原来|原先|原有|系统|系統|你的|所有',
  rules: '指令|指示|说明|說明|提示|提示词|规则|規則|命令|设定|設定|限制|约束|準則|准则',
  show: '显示|顯示|输出|輸出|告诉|告訴|打印|重复|重複|透露|泄露|公开',
  yours: '你的|您的|妳的',
  prompt: '系统提示|系統提示|系统指令|系统消息|初始指令|初始提示|隐藏指令|提示词|系統指令',
  order: {
    ends: '。！？!?',
    override: ['drop', 12, 'whose', 10, 'rules'],
    extraction: ['show', 8, 'yours', 6, 'prompt'],
  },
  role: { youAreNow: '你现在是', unrestricted: '不受限制|没有限制' },
};
