#!/bin/sh
# A whole agent: registers, waits for work, reports, finishes. MC_KEY is an API key with scope "agent".
set -eu
: "${MC_URL:=http://127.0.0.1:8000}" "${MC_NAME:=shell-agent}" "${MC_KEY:?set it to an API key with scope agent}"
post() { curl -sSf -X POST "$MC_URL/api/v1/$1" -H "Authorization: Bearer $MC_KEY" -H 'Content-Type: application/json' -d "$2"; }
field() { printf '%s' "$2" | sed -nE "s/.*\"$1\":(\"(([^\"\\\\]|\\\\.)*)\"|([0-9]+)).*/\2\4/p"; }
id=$(field id "$(post agents/register/ "{\"name\":\"$MC_NAME\",\"type\":\"shell\",\"capabilities\":[\"summarising\"]}")")
echo "registered as $id; waiting for work"
while post "agents/$id/heartbeat/" '{"status":"idle"}' >/dev/null; do
  work=$(post "agents/$id/claims/?wait=25" '{}')
  [ -n "$work" ] || continue
  run="command-runs/$(field id "${work%%\"command\"*}")" fence=$(field fence "$work")
  post "$run/progress/" "{\"fence\":$fence,\"progress\":50,\"message\":\"counting\"}"
  post "$run/result/" "{\"fence\":$fence,\"output\":{\"text\":\"$(field text "$work" | wc -w) words\"}}"
done
