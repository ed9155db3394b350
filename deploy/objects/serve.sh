#!/bin/sh
# The object store (SeaweedFS) with its bucket and two users, who may do what writer.json and reader.json say and no more. On AWS
# the same two policies go to two IAM users or roles. Keys go into a file that lies in memory, and stand in no process list.
set -eu
umask 077
here=$(dirname "$0")
config=/run/objects/s3.json

# A value as JSON text: backslashes and quotes escaped, line ends dropped.
text() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\n' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }
user() { printf '{"name": "%s", "credentials": [{"accessKey": %s, "secretKey": %s}], "policyNames": ["%s"]}' "$1" "$(text "$2")" "$(text "$3")" "$1"; }
policy() { printf '{"name": "%s", "content": %s}' "$1" "$(text "$(cat "$here/$1.json")")"; }
cat > "$config" <<JSON
{"identities": [$(user writer "$S3_KEY_ID" "$S3_SECRET_KEY"), $(user reader "$S3_READER_KEY_ID" "$S3_READER_SECRET_KEY")],
 "policies": [$(policy writer), $(policy reader)]}
JSON
unset S3_KEY_ID S3_SECRET_KEY S3_READER_KEY_ID S3_READER_SECRET_KEY

# Its inner services ask nobody who they are: they listen within this container alone. What others reach is the S3 port.
weed server -dir=/data -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.telemetry=false -master.volumeSizeLimitMB=1024 -volume.max=0 \
  -filer -s3 -s3.ip.bind=0.0.0.0 -s3.port=8333 -s3.config="$config" -s3.iam.readOnly &
trap 'kill -TERM $! 2>/dev/null; wait' TERM INT
until echo 's3.bucket.list' | weed shell -master=127.0.0.1:9333 2>/dev/null | grep -qw petaday; do
  sleep 1
  echo 's3.bucket.create -name petaday' | weed shell -master=127.0.0.1:9333 >/dev/null 2>&1 || :
done
touch /run/objects/ready
wait $!
