{{- define "bridge.litellm" -}}
- name: litellm
  image: {{ .Values.litellm.image | quote }}
  args: [--config, /app/config.yaml, --port, {{ .Values.litellm.port | quote }}]
  env:
    - { name: BRIDGE_URL, value: 'http://127.0.0.1:{{ .Values.port }}' }
    - { name: BRIDGE_LOGS_URL, value: 'http://127.0.0.1:{{ .Values.port }}/v1/litellm/logs' }
  envFrom:
    - secretRef: { name: {{ .Values.litellm.existingSecret }} }  # OPENAI_API_KEY, LITELLM_MASTER_KEY, BRIDGE_API_KEY
  ports:
    - { name: litellm, containerPort: {{ .Values.litellm.port }} }
  readinessProbe:
    httpGet: { path: /health/readiness, port: litellm }
    periodSeconds: 5
    timeoutSeconds: 5
{{- with .Values.litellm.resources }}
  resources: {{- toYaml . | nindent 4 }}
{{- end }}
  securityContext:
    # LiteLLM's image runs as root
    allowPrivilegeEscalation: false
    seccompProfile: { type: RuntimeDefault }
  volumeMounts:
    - { name: config, mountPath: /app/config.yaml, subPath: litellm-config.yaml, readOnly: true }
{{- end }}
