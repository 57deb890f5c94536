#!/bin/sh
# Starts Redis with the password of a file: it stands on no command line and in no environment.
# Commands that empty, reconfigure or stop the server are refused to everybody who signs in over the network.
set -eu
settings=${REDIS_SETTINGS:-/usr/local/etc/redis/redis.conf}
password_file=${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}
if [ ! -s "$password_file" ]; then
    echo "$password_file is missing or empty: manage.py setup --env makes it" >&2
    exit 1
fi
hash=$(tr -d '\r\n' <"$password_file" | sha256sum | cut -d ' ' -f 1)
exec redis-server "$@" - <<EOF
$(cat "$settings")
user default on #$hash ~* &* +@all -@admin -@dangerous +info
EOF
