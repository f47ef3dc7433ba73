{{/* What all pods of ours have in common. */}}

{{/* Labels and annotations of a pod; it is made anew when what it reads at its start changes. (root, values, component, pool) */}}
{{- define "atropos.podMetadata" -}}
labels:
  {{- include "atropos.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/settings: {{ include (print .root.Template.BasePath "/settings.yaml") .root | sha256sum }}
  checksum/secrets: {{ include (print .root.Template.BasePath "/secrets.yaml") .root | sha256sum }}
  {{- with mustMergeOverwrite (include "atropos.scrapeAnnotations" . | fromYaml) .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* (root, values, component, pool, files) */}}
{{- define "atropos.podSpec" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user | default 10001 }}
  runAsGroup: {{ .user | default 10001 }}
  fsGroup: {{ .user | default 10001 }}
  # Otherwise each start of a pod would change the group of all files on its volumes.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not .single }}
topologySpreadConstraints:
  {{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "atropos.selectorLabels" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
  {{- end }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  {{- if and (not .root.Values.postgresql.enabled) .root.Values.externalDatabase.tls.caSecret }}
  - name: database-ca
    secret:
      secretName: {{ .root.Values.externalDatabase.tls.caSecret }}
      items:
        - key: {{ .root.Values.externalDatabase.tls.caKey }}
          path: ca.crt
  {{- end }}
  {{- if and (not .root.Values.redis.enabled) .root.Values.externalRedis.tls.caSecret }}
  - name: redis-ca
    secret:
      secretName: {{ .root.Values.externalRedis.tls.caSecret }}
      items:
        - key: {{ .root.Values.externalRedis.tls.caKey }}
          path: ca.crt
  {{- end }}
  {{- if and .files .root.Values.storage.persistence.enabled }}
  - name: files
    persistentVolumeClaim:
      claimName: {{ include "atropos.storageClaim" .root }}
  {{- end }}
  {{- with .values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Of a container with our code in it. (root, values, image, files) */}}
{{- define "atropos.container" -}}
image: {{ include "atropos.image" . | quote }}
imagePullPolicy: {{ .image.pullPolicy }}
# So that `kubectl describe pod` shows the last lines of a container that failed.
terminationMessagePolicy: FallbackToLogsOnError
{{ include "atropos.containerSecurity" . }}
envFrom:
  - configMapRef:
      name: {{ include "atropos.fullname" .root }}
  {{- with .values.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if and (not .root.Values.postgresql.enabled) .root.Values.externalDatabase.tls.caSecret }}
  - name: database-ca
    mountPath: /etc/atropos/database
    readOnly: true
  {{- end }}
  {{- if and (not .root.Values.redis.enabled) .root.Values.externalRedis.tls.caSecret }}
  - name: redis-ca
    mountPath: /etc/atropos/redis
    readOnly: true
  {{- end }}
  {{- if and .files .root.Values.storage.persistence.enabled }}
  - name: files
    mountPath: {{ include "atropos.storagePath" .root }}
  {{- end }}
  {{- with .values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "atropos.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: {{ .root.Values.readOnlyRootFilesystem }}
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Holds a pod back until the schema is this code's: old pods serve meanwhile. (root, values, image) */}}
{{- define "atropos.initContainers" -}}
- name: wait-for-schema
  args: [python, -m, atropos_core.migrate, --wait, --timeout, {{ .root.Values.migrate.waitSeconds | quote }}]
  {{- include "atropos.container" (omit . "files") | nindent 2 }}
  env:
    {{- include "atropos.env" (omit . "files") | nindent 4 }}
  resources:
    {{- toYaml .root.Values.migrate.resources | nindent 4 }}
{{- with .values.initContainers }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of a process that serves /livez and /readyz on the port `probes`. */}}
{{- define "atropos.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: probes}
  periodSeconds: 1
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /livez, port: probes}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: probes}
  periodSeconds: 2
  timeoutSeconds: 5
{{- end }}
