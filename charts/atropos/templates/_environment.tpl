{{/* Where PostgreSQL and Redis are, and what every process is told of them. */}}

{{- define "atropos.databaseSecret" -}}
{{- if .Values.postgresql.enabled -}}
{{ .Values.postgresql.auth.existingSecret | default (printf "%s-postgresql" .Release.Name) }}
{{- else -}}
{{ .Values.externalDatabase.existingSecret | default (printf "%s-external-database" (include "atropos.fullname" .)) }}
{{- end -}}
{{- end }}

{{- define "atropos.databaseUrl" -}}
{{- if .Values.postgresql.enabled -}}
postgresql://{{ .Values.postgresql.auth.username }}@{{ .Release.Name }}-postgresql:5432/{{ .Values.postgresql.auth.database }}
{{- else -}}
{{- with .Values.externalDatabase -}}
postgresql://{{ .username | urlquery }}@{{ .host }}:{{ .port }}/{{ .database }}?sslmode={{ .tls.mode }}
{{- if .tls.caSecret }}&sslrootcert=/etc/atropos/database/ca.crt{{ end }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "atropos.redisSecret" -}}
{{- if .Values.redis.enabled -}}
{{ .Values.redis.auth.existingSecret | default (printf "%s-redis" .Release.Name) }}
{{- else -}}
{{ .Values.externalRedis.existingSecret | default (printf "%s-external-redis" (include "atropos.fullname" .)) }}
{{- end -}}
{{- end }}

{{- define "atropos.redisHasPassword" -}}
{{- if or .Values.redis.enabled .Values.externalRedis.existingSecret .Values.externalRedis.password -}}true{{- end -}}
{{- end }}

{{/* Whether KEDA needs a password or a CA to ask Redis. */}}
{{- define "atropos.redisHasSecret" -}}
{{- if or (include "atropos.redisHasPassword" .) (and (not .Values.redis.enabled) .Values.externalRedis.tls.caSecret) -}}true{{- end -}}
{{- end }}

{{/* With the namespace: KEDA asks from its own. */}}
{{- define "atropos.redisAddress" -}}
{{- if .Values.redis.enabled -}}
{{ .Release.Name }}-redis.{{ .Release.Namespace }}.svc:6379
{{- else -}}
{{ .Values.externalRedis.host }}:{{ .Values.externalRedis.port }}
{{- end -}}
{{- end }}

{{- define "atropos.redisUrl" -}}
{{- $external := .Values.externalRedis -}}
{{- if .Values.redis.enabled -}}
redis://{{ include "atropos.redisAddress" . }}/0
{{- else -}}
{{ ternary "rediss" "redis" $external.tls.enabled }}://{{ with $external.username }}{{ . | urlquery }}@{{ end }}{{ include "atropos.redisAddress" . }}/{{ $external.database }}
{{- if $external.tls.enabled }}?ssl_cert_reqs=required{{ if $external.tls.caSecret }}&ssl_ca_certs=/etc/atropos/redis/ca.crt{{ end }}{{ end }}
{{- end -}}
{{- end }}

{{/* A number as it was written: as text, Go makes 3.3554432e+07 of 33554432. */}}
{{- define "atropos.text" -}}
{{- kindIs "string" . | ternary . (toJson .) -}}
{{- end }}

{{/* Environment variables that every process of ours gets, and those that store files. (root, values, files) */}}
{{- define "atropos.env" -}}
{{- $root := .root -}}
{{- if or $root.Values.postgresql.enabled (not $root.Values.externalDatabase.urlKey) }}
- name: ATROPOS_DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "atropos.databaseSecret" $root }}
      key: {{ ternary $root.Values.postgresql.auth.secretKey $root.Values.externalDatabase.passwordKey $root.Values.postgresql.enabled }}
{{- else }}
- name: ATROPOS_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "atropos.databaseSecret" $root }}
      key: {{ $root.Values.externalDatabase.urlKey }}
{{- end }}
{{- if include "atropos.redisHasPassword" $root }}
- name: ATROPOS_REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "atropos.redisSecret" $root }}
      key: {{ ternary $root.Values.redis.auth.secretKey $root.Values.externalRedis.passwordKey $root.Values.redis.enabled }}
{{- end }}
{{- if .files }}
{{- include "atropos.storageKey" $root }}
{{- end }}
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
