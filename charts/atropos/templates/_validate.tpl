{{- define "atropos.validate" -}}
{{- if and .Values.postgresql.enabled (or .Values.externalDatabase.host .Values.externalDatabase.urlKey) -}}
{{- fail "postgresql.enabled and externalDatabase are both set: which PostgreSQL is it? Set postgresql.enabled=false to use the external one." -}}
{{- end -}}
{{- if not .Values.postgresql.enabled -}}
{{- with .Values.externalDatabase -}}
{{- if not (or .host .urlKey) -}}
{{- fail "There is no PostgreSQL: set externalDatabase.host, or externalDatabase.existingSecret and urlKey, or postgresql.enabled=true." -}}
{{- end -}}
{{- if and .host .urlKey -}}
{{- fail "externalDatabase.host and externalDatabase.urlKey are both set: give the parts or the whole address, not both." -}}
{{- end -}}
{{- if and .urlKey (not .existingSecret) -}}
{{- fail "externalDatabase.urlKey names a key of externalDatabase.existingSecret, which is not set." -}}
{{- end -}}
{{- if and .password .existingSecret -}}
{{- fail "externalDatabase.password and externalDatabase.existingSecret are both set: where does the password come from?" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.redis.enabled .Values.externalRedis.host -}}
{{- fail "redis.enabled and externalRedis.host are both set: which Redis is it? Set redis.enabled=false to use the external one." -}}
{{- end -}}
{{- if and (not .Values.redis.enabled) (not .Values.externalRedis.host) -}}
{{- fail "There is no Redis: set externalRedis.host or redis.enabled=true. (Parts, not an address: KEDA needs them too.)" -}}
{{- end -}}
{{- if and .Values.externalRedis.password .Values.externalRedis.existingSecret -}}
{{- fail "externalRedis.password and externalRedis.existingSecret are both set: where does the password come from?" -}}
{{- end -}}
{{- with .Values.storage -}}
{{- if and .url .persistence.enabled -}}
{{- fail "storage.url and storage.persistence.enabled are both set: are files in the bucket or on the volume?" -}}
{{- end -}}
{{- if and (or .endpoint .region .existingSecret) (not .url) -}}
{{- fail "storage.endpoint, region and existingSecret are those of a bucket: set storage.url to it." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.api.ingress.enabled (not .Values.api.ingress.hosts) -}}
{{- fail "api.ingress.enabled needs a host in api.ingress.hosts." -}}
{{- end -}}
{{- if and .Values.api.httpRoute.enabled (not .Values.api.httpRoute.parentRefs) -}}
{{- fail "api.httpRoute.enabled needs the Gateway in api.httpRoute.parentRefs." -}}
{{- end -}}
{{- if and .Values.api.autoscaling.enabled (gt (int .Values.api.autoscaling.minReplicas) (int .Values.api.autoscaling.maxReplicas)) -}}
{{- fail "api.autoscaling.minReplicas is greater than api.autoscaling.maxReplicas." -}}
{{- end -}}
{{- if not .Values.workers -}}
{{- fail "workers is empty: without a pool nothing would run the tasks." -}}
{{- end -}}
{{- $poolOf := dict -}}
{{- range $pool, $given := .Values.workers -}}
{{- if kindIs "invalid" $given -}}
{{- fail (printf "workers.%s is null: to remove a pool, leave it out of your values and give all of them (helm upgrade --reset-values --values FILE)." $pool) -}}
{{- end -}}
{{- include "atropos.validatePool" (dict "root" $ "pool" $pool) -}}
{{- range (include "atropos.pool" (dict "root" $ "pool" $pool) | fromYaml).taskTypes -}}
{{- if hasKey $poolOf . -}}
{{- fail (printf "workers.%s: taskTypes names %s, as workers.%s does: which pool's queue is it?" $pool . (get $poolOf .)) -}}
{{- end -}}
{{- $_ := set $poolOf . $pool -}}
{{- end -}}
{{- end -}}
{{- range $group := (.Files.Get "rules/atropos.yaml" | fromYaml).groups -}}
{{- range .rules -}}
{{- if and (hasKey (get $.Values.monitoring.prometheusRule.alerts .alert | default dict) "threshold") (not (regexMatch "[0-9.]+$" .expr)) -}}
{{- fail (printf "monitoring.prometheusRule.alerts.%s: this alert has no threshold that could be changed." .alert) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $real := .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" -}}
{{- if and .Values.keda.enabled $real (not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) -}}
{{- fail "KEDA is not installed in this cluster (there is no keda.sh/v1alpha1): install it (https://keda.sh), or set keda.enabled=false for pools of a fixed size." -}}
{{- end -}}
{{- end }}

{{/* (root, pool) */}}
{{- define "atropos.validatePool" -}}
{{- $values := include "atropos.pool" . | fromYaml -}}
{{- $name := printf "workers.%s" .pool -}}
{{- if gt (len (include "atropos.workerName" .)) 54 -}}
{{- fail (printf "%s: the name %s is too long: KEDA and the HPA need room for their own (54 characters at most)." $name (include "atropos.workerName" .)) -}}
{{- end -}}
{{- if gt (int $values.minReplicas) (int $values.maxReplicas) -}}
{{- fail (printf "%s: minReplicas (%d) is greater than maxReplicas (%d)." $name (int $values.minReplicas) (int $values.maxReplicas)) -}}
{{- end -}}
{{- if and (eq $values.autoscaling "keda") (not .root.Values.keda.enabled) -}}
{{- fail (printf "%s: autoscaling is keda, but keda.enabled is false." $name) -}}
{{- end -}}
{{- $keda := mustMergeOverwrite (deepCopy .root.Values.keda) ($values.keda | default dict) -}}
{{- $window := dig "behavior" "scaleDown" "stabilizationWindowSeconds" 300 $keda | int -}}
{{- if and (eq $values.autoscaling "keda") (lt $window 30) -}}
{{- fail (printf "%s: keda.behavior.scaleDown.stabilizationWindowSeconds (%d) is below 30: a scale-in could take busy pods before the idle ones are known." $name $window) -}}
{{- end -}}
{{- if gt (add (int $values.drainNoticeSeconds) 10) (int $values.terminationGracePeriodSeconds) -}}
{{- fail (printf "%s: terminationGracePeriodSeconds (%d) leaves no time to drain: it must exceed drainNoticeSeconds (%d) by 10 s." $name (int $values.terminationGracePeriodSeconds) (int $values.drainNoticeSeconds)) -}}
{{- end -}}
{{- end }}
