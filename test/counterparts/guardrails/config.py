import re

from guardrails import Guard
from guardrails.validators import ErrorSpan, FailResult, PassResult, Validator, register_validator


@register_validator(name="house/words", data_type="string")
class HouseWords(Validator):
    def validate(self, value, metadata):
        found = re.search("marmalade", value, re.I)
        if not found:
            return PassResult()
        start, end = found.span()
        return FailResult(
            error_message="word of the list",
            fix_value=value[:start] + "[REDACTED]" + value[end:],
            error_spans=[ErrorSpan(start=start, end=end, reason="word of the list")],
        )


deny = Guard(id="deny", name="deny").use(HouseWords(on_fail="noop"))
fix = Guard(id="fix", name="fix").use(HouseWords(on_fail="fix"))
strict = Guard(id="strict", name="strict").use(HouseWords(on_fail="exception"))
