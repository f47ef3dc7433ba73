# What the backup's CronJob runs, in an image of PostgreSQL. ACTION is `dump` or `restore`; a restore takes FILE, or the
# newest dump.
set -eu
address=$(printf %s "$ATROPOS_DATABASE_URL" | sed 's#^postgresql+psycopg2:#postgresql:#')
export PGPASSWORD="${ATROPOS_DATABASE_PASSWORD-}"
tries=0
until pg_isready --quiet --dbname="$address"; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || { echo "the database does not answer" >&2; exit 75; }
  sleep 1
done
cd /backups
case "$ACTION" in
  dump)
    # A dump has its name only when it is whole.
    name=atropos-$(date -u +%Y%m%dT%H%M%SZ).dump
    rm -f ./*.partial
    pg_dump --format=custom --no-owner --file="$name.partial" "$address"
    mv "$name.partial" "$name"
    ls -1 atropos-*.dump | sort -r | tail -n "+$((KEEP + 1))" | xargs -r rm --
    ;;
  restore)
    file=${FILE:-$(ls -1 atropos-*.dump | sort | tail -n 1)}
    echo "restoring $file"
    # In one transaction: either all of it, or the database is as it was.
    pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname="$address" "$file"
    ;;
  *)
    echo "ACTION is dump or restore, not $ACTION" >&2
    exit 64
    ;;
esac
ls -l
