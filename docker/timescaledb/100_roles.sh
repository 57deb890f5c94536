#!/bin/bash
# Run once, on an empty volume, by the image's entry point: the role that everything of ours signs in with is no
# superuser. It owns its databases, may create further ones and the role of dashboards, and takes no part in the server.
set -euo pipefail
if [ ! -s /run/secrets/timescale_password ]; then
    echo "the secret timescale_password is missing or empty: manage.py setup --env makes it" >&2
    exit 1
fi

as_admin() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

as_admin --dbname postgres --set role="$TIMESCALE_USER" <<'EOF'
-- read by psql itself: as an argument it would show in the list of processes
\set password `tr -d '\r\n' </run/secrets/timescale_password`
CREATE ROLE :"role" LOGIN NOSUPERUSER NOREPLICATION NOBYPASSRLS CREATEDB CREATEROLE PASSWORD :'password';
EOF

# every database of ours is made from template1, and inherits who may call what
as_admin --dbname template1 --set role="$TIMESCALE_USER" <<'EOF'
CREATE EXTENSION IF NOT EXISTS timescaledb;
SELECT format('REVOKE EXECUTE ON ROUTINE %1$s FROM PUBLIC; GRANT EXECUTE ON ROUTINE %1$s TO %2$I', p.oid::regprocedure, :'role')
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'pg_catalog' AND (
        p.proname ~ '^(lo_|pg_advisory_|pg_try_advisory_)'
        OR p.proname IN ('loread', 'lowrite', 'pg_notify', 'pg_logical_emit_message'))
    OR p.proname IN ('add_job', 'alter_job', 'delete_job', 'run_job')
        AND n.oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb')
\gexec
EOF

as_admin --dbname postgres --set role="$TIMESCALE_USER" --set base="$TIMESCALE_DB" <<'EOF'
CREATE DATABASE :"base" OWNER :"role";
REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC;
EOF
