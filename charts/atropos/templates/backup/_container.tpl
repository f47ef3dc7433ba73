{{- define "atropos.backupVolume" -}}
- name: backups
  persistentVolumeClaim:
    claimName: {{ .Values.backup.persistence.existingClaim | default (printf "%s-backup" (include "atropos.fullname" .)) }}
{{- end }}

{{/* Dumps the database, or restores it if its environment says so. (root, values, image) */}}
{{- define "atropos.backupContainer" -}}
args:
  - sh
  - -c
  - |
    {{- .root.Files.Get "files/backup.sh" | nindent 4 }}
{{ include "atropos.container" . }}
  - name: backups
    mountPath: /backups
env:
  {{- include "atropos.env" . | nindent 2 }}
  - name: ACTION
    value: dump
  - name: FILE
    value: ""
  - name: KEEP
    value: {{ .values.keep | quote }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- end }}
