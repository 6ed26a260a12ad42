package house

import rego.v1

default verdict := {"action": "NONE"}

texts := [text | some text in input.texts]

banned if {
	some text in texts
	contains(lower(text), "marmalade")
}

marked if {
	some text in texts
	contains(text, "BADGE-")
}

verdict := {"action": "BLOCKED", "blocked_reason": "word of the list"} if banned

verdict := {"action": "GUARDRAIL_INTERVENED", "texts": masked} if {
	not banned
	marked
}

masked := [regex.replace(text, `BADGE-\d{4}`, "[BADGE]") | some text in texts]
