{{- define "atropos-postgresql.name" -}}
{{ .Release.Name }}-postgresql
{{- end }}

{{- define "atropos-postgresql.selectorLabels" -}}
app.kubernetes.io/name: postgresql
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "atropos-postgresql.labels" -}}
{{ include "atropos-postgresql.selectorLabels" . }}
app.kubernetes.io/component: postgresql
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: atropos
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* registry/repository:tag@digest */}}
{{- define "atropos-postgresql.image" -}}
{{- with .Values.global.imageRegistry | default .Values.image.registry }}{{ . }}/{{ end -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{- define "atropos-postgresql.secret" -}}
{{ .Values.auth.existingSecret | default (include "atropos-postgresql.name" .) }}
{{- end }}
