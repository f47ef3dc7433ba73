{{- define "atropos-redis.name" -}}
{{ .Release.Name }}-redis
{{- end }}

{{- define "atropos-redis.selectorLabels" -}}
app.kubernetes.io/name: redis
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "atropos-redis.labels" -}}
{{ include "atropos-redis.selectorLabels" . }}
app.kubernetes.io/component: redis
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: atropos
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* registry/repository:tag@digest */}}
{{- define "atropos-redis.image" -}}
{{- with .Values.global.imageRegistry | default .Values.image.registry }}{{ . }}/{{ end -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{- define "atropos-redis.secret" -}}
{{ .Values.auth.existingSecret | default (include "atropos-redis.name" .) }}
{{- end }}
