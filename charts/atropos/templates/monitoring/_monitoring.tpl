{{/* How Prometheus finds the pods of ours and what it makes of their metrics. */}}

{{/* For a Prometheus without an operator; a pod that a monitor is for would be read twice. (root, component) -> YAML */}}
{{- define "atropos.scrapeAnnotations" -}}
{{- $monitoring := .root.Values.monitoring -}}
{{- $port := dict "api" "8000" "worker" "8081" "dispatcher" "8081" | dig .component "" -}}
{{- $monitor := ternary $monitoring.serviceMonitor $monitoring.podMonitor (eq .component "api") -}}
{{- if and $monitoring.annotations $port (not $monitor.enabled) -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ $port | quote }}
prometheus.io/path: /metrics
{{- end -}}
{{- end }}

{{/* metadata of a monitor or rule. (root, component, pool, name, values) */}}
{{- define "atropos.monitorMetadata" -}}
name: {{ .name }}
labels:
  {{- include "atropos.labels" . | nindent 2 }}
  {{- with .values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* A PodMonitor of the port `probes`. (root, component, pool, name, values) */}}
{{- define "atropos.podMonitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  {{- include "atropos.monitorMetadata" . | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "atropos.selectorLabels" . | nindent 6 }}
  podMetricsEndpoints:
    - port: probes
      path: /metrics
      {{- with .values.interval }}
      interval: {{ . }}
      {{- end }}
      {{- with .relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if eq .component "dispatcher" }}
      metricRelabelings:
        # What the leader tells of tasks is the same whichever pod leads, and goes on when another one does. The
        # replacement is the default, `$1`: there is no group, so the label becomes empty, which removes it.
        {{- range list "pod" "instance" }}
        - sourceLabels: [__name__]
          regex: atropos_(?:tasks|attempts|attempt|task|queue|workers|event_log)_.*
          targetLabel: {{ . }}
        {{- end }}
      {{- end }}
{{- end }}

{{/* An alert with what values change about it. (root, alert) -> YAML */}}
{{- define "atropos.alert" -}}
{{- $alert := deepCopy .alert -}}
{{- $values := .root.Values.monitoring.prometheusRule -}}
{{- $change := get $values.alerts $alert.alert | default dict -}}
{{- if hasKey $change "threshold" -}}
{{- $_ := set $alert "expr" (regexReplaceAll "[0-9.]+$" $alert.expr (include "atropos.text" $change.threshold)) -}}
{{- end -}}
{{- with $change.for -}}{{- $_ := set $alert "for" . -}}{{- end -}}
{{- with $change.severity -}}{{- $_ := set $alert.labels "severity" . -}}{{- end -}}
{{- with $values.runbookUrl -}}
{{- $_ := set $alert.annotations "runbook_url" (replace "docs/operations.md" . $alert.annotations.runbook_url) -}}
{{- end -}}
{{ toYaml $alert }}
{{- end }}
