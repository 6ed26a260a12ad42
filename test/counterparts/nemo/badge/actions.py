import re

from nemoguardrails.actions import action


@action(name="mask_badge")
async def mask_badge(text: str):
    return re.sub(r"BADGE-\d{4}", "[BADGE]", text)
