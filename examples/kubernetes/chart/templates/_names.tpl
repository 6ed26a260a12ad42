{{- define "bridge.labels" -}}
{{ include "bridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "bridge.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "bridge.isSidecar" -}}
{{ if eq .Values.shape "sidecar" }}yes{{ end }}
{{- end }}

{{- define "bridge.isStateful" -}}
{{ if eq .Values.data.kind "persistent" }}yes{{ end }}
{{- end }}

{{/* Of a number that YAML has read: 1000000, not 1e+06 */}}
{{- define "bridge.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end }}

{{- define "bridge.shutdownDelay" -}}
{{ if include "bridge.isSidecar" . }}0{{ else }}{{ .Values.shutdown.delaySeconds }}{{ end }}
{{- end }}

{{/* What the bridge takes to end, LiteLLM's part before it, and ten seconds for what is between */}}
{{- define "bridge.gracePeriod" -}}
{{- $litellm := ternary .Values.litellm.shutdownSeconds 0 (eq .Values.shape "sidecar") -}}
{{ add (include "bridge.shutdownDelay" . | int) .Values.shutdown.timeoutSeconds $litellm 10 }}
{{- end }}

{{- define "bridge.policies" -}}
{{ if .Values.policy.content }}{{ .Release.Name }}-policies{{ else }}{{ .Values.policy.existingConfigMap }}{{ end }}
{{- end }}

{{/* Peers of a NetworkPolicy by labels */}}
{{- define "bridge.peer" -}}
- podSelector:
    matchLabels: {{- toYaml .podLabels | nindent 6 }}
{{- with .namespaceLabels }}
  namespaceSelector:
    matchLabels: {{- toYaml . | nindent 6 }}
{{- end }}
{{- end }}
