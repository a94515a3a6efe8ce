# Three stages: the screen is built with Node, the packages with pip, and only the results are kept.

FROM node:20-bookworm-slim AS screen
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes --only-binary :all: -r requirements.lock

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Mission Control" \
      org.opencontainers.image.description="The self-hosted control room for fleets of AI agents"
WORKDIR /app
# A fixed number, so that a mounted volume can be given to it beforehand.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin mc \
    && install -d -o mc -g mc -m 0700 /data
COPY --from=packages /opt/venv /opt/venv
COPY manage.py ./
COPY config/ config/
COPY apps/ apps/
COPY --from=screen /src/frontend/dist frontend/dist/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data \
    LOG_FORMAT=json
USER 10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["python", "manage.py", "serve"]
