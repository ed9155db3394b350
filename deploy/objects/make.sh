#!/bin/sh
# Bucket, policies and the two users of the object store (MinIO); may be run again. On AWS the same two policies go to two IAM
# users or roles. Keys go through standard input, so that they stand in no process list.
set -eu
here=$(dirname "$0")
store=http://objects:9000

printf '%s\n%s\n' "$S3_ROOT_USER" "$S3_ROOT_PASSWORD" | mc alias set o "$store"
mc mb --ignore-existing o/petaday
for role in writer reader; do
  case $role in
    writer) key=$S3_KEY_ID secret=$S3_SECRET_KEY ;;
    reader) key=$S3_READER_KEY_ID secret=$S3_READER_SECRET_KEY ;;
  esac
  mc admin policy create o "petaday-$role" "$here/$role.json"
  printf '%s\n%s\n' "$key" "$secret" | mc admin user add o
  # Attaching a policy twice is an error in older versions.
  mc admin policy detach o "petaday-$role" --user "$key" >/dev/null 2>&1 || :
  mc admin policy attach o "petaday-$role" --user "$key"
done
