{{/* Names and labels. Every definition starts with the chart's name: they are global across subcharts. */}}

{{- define "atropos.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains "atropos" .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-atropos" .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* What selects the pods of a component; never changes in the life of a release. (root, component) */}}
{{- define "atropos.selectorLabels" -}}
app.kubernetes.io/name: atropos
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .pool }}
atropos/pool: {{ . }}
{{- end }}
{{- end }}

{{/* (root, component) */}}
{{- define "atropos.labels" -}}
{{ include "atropos.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: atropos
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* registry/repository:tag@digest. (root, image) */}}
{{- define "atropos.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry -}}
{{- with $registry }}{{ . }}/{{ end -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- with .image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{/* One pool's values over the defaults of all pools. (root, pool) -> YAML */}}
{{- define "atropos.pool" -}}
{{- $pool := mustMergeOverwrite (deepCopy .root.Values.workerDefaults) (deepCopy (get .root.Values.workers .pool | default dict)) -}}
{{- $_ := set $pool "image" (mustMergeOverwrite (deepCopy .root.Values.workerDefaults.image) ($pool.image | default dict)) -}}
{{- if not $pool.queues -}}{{- $_ := set $pool "queues" (list .pool) -}}{{- end -}}
{{- if not $pool.autoscaling -}}{{- $_ := set $pool "autoscaling" (ternary "keda" "none" .root.Values.keda.enabled) -}}{{- end -}}
{{ toYaml $pool }}
{{- end }}

{{/* The queue of each task type that a pool names -> YAML */}}
{{- define "atropos.taskQueues" -}}
{{- range $pool, $_ := .Values.workers -}}
{{- $values := include "atropos.pool" (dict "root" $ "pool" $pool) | fromYaml -}}
{{- range $values.taskTypes }}
{{ . | quote }}: {{ first $values.queues | quote }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "atropos.workerName" -}}
{{ include "atropos.fullname" .root }}-worker-{{ .pool }}
{{- end }}

{{/* The account of a component that asks Kubernetes something has its name; the others share one. (root, component) */}}
{{- define "atropos.serviceAccount" -}}
{{- if not .root.Values.serviceAccount.create -}}
{{ .root.Values.serviceAccount.name | default "default" }}
{{- else if has .component (list "api" "worker") -}}
{{ include "atropos.fullname" .root }}-{{ .component }}
{{- else -}}
{{ include "atropos.fullname" .root }}
{{- end -}}
{{- end }}

{{/* Whether a pool's workers write their pods' deletion cost. */}}
{{- define "atropos.writesDeletionCost" -}}
{{- range $pool, $_ := .Values.workers -}}
{{- $values := include "atropos.pool" (dict "root" $ "pool" $pool) | fromYaml -}}
{{- if $values.podDeletionCost }}true{{ end -}}
{{- end -}}
{{- end }}

{{/* Peers of a NetworkPolicy: all pods of some namespaces, if there are any. */}}
{{- define "atropos.namespacePeers" -}}
{{- if . -}}
- namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values: {{ toJson . }}
{{- end -}}
{{- end }}

{{/* The component that requests from outside the cluster go to: the page passes those below /api on. */}}
{{- define "atropos.entrance" -}}
{{ ternary "frontend" "api" .Values.frontend.enabled }}
{{- end }}
