{{/* Mistakes that a schema cannot see, as they are in two values */}}
{{- define "bridge.checks" -}}
{{- with .Values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "autoscaling: minReplicas is %v, more than maxReplicas, %v" .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- $hasOpsKeys := ne .Values.secrets.opsApiKeys.existingSecret "" -}}
{{- if and .Values.opsPort (not $hasOpsKeys) -}}
{{- fail "secrets.opsApiKeys: name the Secret with OPS_API_KEYS, as opsPort is set: the page and metrics are reached from outside the pod" -}}
{{- end -}}
{{- if and $hasOpsKeys (not .Values.opsPort) -}}
{{- fail "opsPort: set it, or leave out secrets.opsApiKeys: without it the page asks for secrets.apiKeys" -}}
{{- end -}}
{{- if and .Values.opsPort (eq (int .Values.opsPort) (int .Values.port)) -}}
{{- fail (printf "opsPort: %v is port, too; write another one" .Values.opsPort) -}}
{{- end -}}
{{- $megabytes := index .Values.settings "OUTBOX_MAX_MB" | default 1024 | int -}}
{{- if ge $megabytes (mul 1024 (int .Values.data.sizeGi)) -}}
{{- fail (printf "data.sizeGi: %v GiB has no room for settings.OUTBOX_MAX_MB, %d; make it larger" .Values.data.sizeGi $megabytes) -}}
{{- end -}}
{{- end }}
