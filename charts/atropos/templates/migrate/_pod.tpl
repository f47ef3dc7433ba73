{{- define "atropos.migratePod" -}}
metadata:
  labels:
    {{- include "atropos.labels" . | nindent 4 }}
    {{- with .values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "atropos.serviceAccount" . }}
  automountServiceAccountToken: false
  # Failed pods stay, with the reason in their logs.
  restartPolicy: Never
  {{- include "atropos.podSpec" . | nindent 2 }}
    {{- if .root.Values.backup.enabled }}
    {{- include "atropos.backupVolume" .root | nindent 4 }}
    {{- with .root.Values.backup.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  initContainers:
    - name: backup
      {{- include "atropos.backupContainer" (dict "root" .root "values" .root.Values.backup "image" .root.Values.backup.image) | nindent 6 }}
    {{- end }}
  containers:
    - name: migrate
      args: [python, -m, atropos_core.migrate, --timeout, {{ .values.waitSeconds | quote }}]
      {{- include "atropos.container" . | nindent 6 }}
      env:
        {{- if or .root.Values.postgresql.enabled (not .root.Values.externalDatabase.urlKey) }}
        # Here too, since a hook sees the settings of the last revision.
        - name: ATROPOS_DATABASE_URL
          value: {{ include "atropos.databaseUrl" .root | quote }}
        {{- end }}
        {{- include "atropos.env" . | nindent 8 }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
{{- end }}
