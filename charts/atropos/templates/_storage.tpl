{{/* Where the contents of files are, for the pods that have `files` in what their templates are given. */}}

{{/* Where the volume is mounted, and what the images have a folder for. */}}
{{- define "atropos.storagePath" -}}
/var/lib/atropos/files
{{- end }}

{{- define "atropos.storageClaim" -}}
{{ .Values.storage.persistence.existingClaim | default (printf "%s-files" (include "atropos.fullname" .)) }}
{{- end }}

{{/* The key to the bucket, as environment variables. */}}
{{- define "atropos.storageKey" -}}
{{- with .Values.storage.existingSecret }}
- name: ATROPOS_STORAGE_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: access-key-id
- name: ATROPOS_STORAGE_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: secret-access-key
- name: ATROPOS_STORAGE_SESSION_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: session-token
      optional: true
{{- end }}
{{- end }}
