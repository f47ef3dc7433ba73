#!/bin/sh
# What sales_report.py does, from the command line: sh sales_report.sh sales.csv results
set -eu
table=$1 folder=$2
mkdir -p "$folder"

grouped=$(atropos submit data_processing --source "$table" \
  -p 'group_by=["day"]' -p 'aggregates={"amount": "sum(amount)"}' -p 'order_by=["day"]')
report=$(atropos submit report_generation --after "$grouped" --source "$grouped/data.parquet" \
  -p title=Sales -p 'totals=["amount"]' -p 'charts=[{"kind": "line", "x": "day", "y": "amount"}]')
atropos watch "$report"

for task in "$grouped" "$report"; do
  files=$(atropos artifacts "$task" --json |
    python3 -c 'import json, sys; print(*(file["file_id"] for file in json.load(sys.stdin)["artifacts"]))')
  for file in $files; do
    atropos download "$file" "$folder"
  done
done
