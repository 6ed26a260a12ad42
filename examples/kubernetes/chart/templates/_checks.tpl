{{/* Mistakes that a schema cannot see, as they are in two numbers */}}
{{- define "bridge.checks" -}}
{{- with .Values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "autoscaling: minReplicas is %v, more than maxReplicas, %v" .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- $megabytes := index .Values.settings "OUTBOX_MAX_MB" | default 1024 | int -}}
{{- if ge $megabytes (mul 1024 (int .Values.data.sizeGi)) -}}
{{- fail (printf "data.sizeGi: %v GiB has no room for settings.OUTBOX_MAX_MB, %d; make it larger" .Values.data.sizeGi $megabytes) -}}
{{- end -}}
{{- end }}
