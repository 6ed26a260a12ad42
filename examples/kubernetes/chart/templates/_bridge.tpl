{{/* The bridge's container, the same in both shapes */}}
{{- define "bridge.container" -}}
{{- $sidecar := include "bridge.isSidecar" . -}}
- name: guardrail-bridge
  image: {{ include "bridge.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if $sidecar }}
  # A sidecar: it starts before LiteLLM and stops after it (Kubernetes 1.29 or newer)
  restartPolicy: Always
{{- end }}
  env:
    # The address of the pod, where {{ if not .Values.opsPort }}Prometheus and {{ end }}the probes ask too; callers need the key
    - { name: HOST, value: {{ .Values.host | quote }} }
    - { name: PORT, value: {{ .Values.port | quote }} }
{{- with .Values.opsPort }}
    # The page, metrics and readiness, with keys of their own
    - { name: OPS_HOST, value: {{ $.Values.host | quote }} }
    - { name: OPS_PORT, value: {{ . | quote }} }
{{- end }}
    - { name: DATA_DIR, value: /data/outbox }
    - { name: WORKERS, value: {{ include "bridge.text" .Values.workers | quote }} }
    - { name: SHUTDOWN_DELAY, value: {{ include "bridge.shutdownDelay" . | quote }} }
    - { name: SHUTDOWN_TIMEOUT, value: {{ .Values.shutdown.timeoutSeconds | quote }} }
{{- if include "bridge.policies" . }}
    - { name: POLICY_FILE, value: {{ printf "/policies/%s" .Values.policy.key | quote }} }
{{- end }}
{{- range $name, $secret := dict "BRIDGE_API_KEYS" .Values.secrets.apiKeys "OPS_API_KEYS" .Values.secrets.opsApiKeys "DATABASE_URL" .Values.secrets.database "STATE_KEY" .Values.secrets.state "AUDIT_KEY" .Values.secrets.audit }}
{{- with $secret.existingSecret }}
    - { name: {{ $name }}, valueFrom: { secretKeyRef: { name: {{ . }}, key: {{ $secret.key }} } } }
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
    - { name: {{ $name }}, value: {{ include "bridge.text" $value | quote }} }
{{- end }}
{{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- with .Values.secrets.vendors }}
  envFrom:
{{- range . }}
    - secretRef: { name: {{ . }} }
{{- end }}
{{- end }}
  ports:
    - { name: bridge, containerPort: {{ .Values.port }} }
{{- with .Values.opsPort }}
    - { name: ops, containerPort: {{ . }} }
{{- end }}
{{- /* A probe cannot send a key of a Secret; a pod that is deleted leaves its Services by itself */}}
{{- $ready := ternary "/healthz" "/readyz" (ne (int .Values.opsPort) 0) }}
  startupProbe:
    httpGet: { path: {{ $ready }}, port: bridge }
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet: { path: {{ $ready }}, port: bridge }
    periodSeconds: 2
    timeoutSeconds: 3
    failureThreshold: 2
  livenessProbe:
    httpGet: { path: /healthz, port: bridge }
    periodSeconds: 10
    timeoutSeconds: 3
    failureThreshold: 3
  resources: {{- include "bridge.resources" . | nindent 4 }}
  securityContext: {{- include "bridge.security" . | nindent 4 }}
  volumeMounts:
    - { name: outbox, mountPath: /data }
{{- if include "bridge.policies" . }}
    # The folder, without subPath, so that a changed ConfigMap is seen
    - { name: policies, mountPath: /policies, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "bridge.resources" -}}
{{- if .Values.resources -}}
{{ toYaml .Values.resources }}
{{- else -}}
{{- $workers := int .Values.workers -}}
requests: { cpu: {{ mul $workers (ternary 100 500 (eq .Values.shape "sidecar")) }}m, memory: {{ mul $workers 320 }}Mi }
limits: { memory: {{ add (mul $workers 2) (ternary 1 0 (gt $workers 1)) }}Gi }  # above what it may hold, see the guide to operations
{{- end -}}
{{- end }}

{{- define "bridge.image" -}}
"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
{{- end }}

{{- define "bridge.security" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}
