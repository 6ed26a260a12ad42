{{/* The template of a StatefulSet or a Deployment */}}
{{- define "bridge.pod" -}}
{{- $sidecar := include "bridge.isSidecar" . -}}
metadata:
  labels:
    {{- include "bridge.selector" . | nindent 4 }}
{{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
{{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ ternary "litellm" "guardrail-bridge" (eq .Values.shape "sidecar") }}
{{- if not (or .Values.serviceMonitor.enabled .Values.opsPort) }}
    # /metrics asks for no key, since it tells no content
    prometheus.io/scrape: 'true'
    prometheus.io/port: {{ .Values.port | quote }}
    prometheus.io/path: /metrics
{{- end }}
{{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
{{- end }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
{{- with .Values.serviceAccountName }}
  serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
{{- end }}
{{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
{{- end }}
  # Above the time in which the bridge ends{{ if $sidecar }}, after LiteLLM{{ end }}
  terminationGracePeriodSeconds: {{ include "bridge.gracePeriod" . }}
  securityContext:
{{- if not $sidecar }}
    runAsNonRoot: true
{{- end }}
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
{{- if .Values.topologySpread.enabled }}
  topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: {{ $.Values.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels: {{- include "bridge.selector" $ | nindent 10 }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
{{- end }}
{{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
{{- end }}
{{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
{{- end }}
{{- if $sidecar }}
  initContainers:
    {{- include "bridge.container" . | nindent 4 }}
  containers:
    {{- include "bridge.litellm" . | nindent 4 }}
{{- else }}
  containers:
    {{- include "bridge.container" . | nindent 4 }}
{{- end }}
{{- $emptyDir := eq .Values.data.kind "emptyDir" }}
{{- if or $emptyDir $sidecar (include "bridge.policies" .) .Values.extraVolumes }}
  volumes:
{{- if $emptyDir }}
    - name: outbox
      emptyDir: { sizeLimit: {{ .Values.data.sizeGi }}Gi }
{{- end }}
{{- if $sidecar }}
    - name: config
      configMap: { name: {{ .Values.litellm.existingConfigMap }} }
{{- end }}
{{- with include "bridge.policies" . }}
    - name: policies
      configMap: { name: {{ . }} }
{{- end }}
{{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
