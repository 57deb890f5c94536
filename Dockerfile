# One image for every process of ours; docker-compose.yml says which one a container runs.
# Tags are pinned; whoever can reach the registry pins the digest too: python:3.11.15-slim-trixie@sha256:...
FROM python:3.11.15-slim-trixie AS packages

COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --only-binary :all: --no-binary django-timescaledb \
        --requirement /tmp/requirements.txt \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib


FROM python:3.11.15-slim-trixie

# libgomp: LightGBM; the client programs: pg_dump and pg_restore of the server's own version, for backups
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 arbsite \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/arbsite --no-create-home --shell /usr/sbin/nologin arbsite \
    # volumes take over owner and mode of the folders that they are mounted on
    && install --directory --owner 10001 --group 10001 --mode 0711 /var/lib/arbsite \
    && install --directory --owner 10001 --group 10001 --mode 0700 \
        /var/lib/arbsite/control /var/lib/arbsite/models /var/lib/arbsite/mlflow /var/lib/arbsite/backups

COPY --from=packages /opt/venv /opt/venv
COPY . /app
RUN /opt/venv/bin/python -m compileall -q /app

ARG COMMIT=unknown
LABEL org.opencontainers.image.revision=$COMMIT
ENV ARB_COMMIT=$COMMIT \
    ARB_ENV_FILE=none \
    ARB_STATE_DIR=/var/lib/arbsite \
    ARB_STOP_FILE=/var/lib/arbsite/control/STOP \
    ARB_MODEL_DIR=/var/lib/arbsite/models \
    ARB_BACKUP_DIR=/var/lib/arbsite/backups \
    ARB_PG_PROGRAMS=/usr/lib/postgresql/17/bin \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1

WORKDIR /app
USER 10001:10001
CMD ["python", "manage.py", "help"]
