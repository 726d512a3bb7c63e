# The worker alone: no simulator, no tests, no compiler. `docker build -t portone-worker .`
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /venv
COPY requirements/worker.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r worker.lock
COPY pyproject.toml setup.py MANIFEST.in README.md ./
COPY supabase/migrations supabase/migrations
COPY worker worker
RUN /venv/bin/pip install --no-cache-dir --no-deps . \
    # The simulator's command has no simulator here; pip has nothing left to install.
    && rm /venv/bin/portone-simulator \
    && /venv/bin/pip uninstall --yes pip \
    && find /venv -name __pycache__ -prune -exec rm -rf {} +

FROM ${PYTHON_IMAGE}
# A number, so that Kubernetes can see that it is not root.
RUN useradd --uid 10001 --no-log-init --no-create-home --shell /usr/sbin/nologin worker
COPY --from=build /venv /venv
WORKDIR /tmp
USER 10001
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8080 \
    LOG_FORMAT=json
EXPOSE 8080
# Alive, not ready: an outage elsewhere must not restart it. Commands without HTTP (work, drain) run with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=2)"]
# Longer than SHUTDOWN_GRACE_SECONDS: give `docker stop --time 45`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["portone-worker"]
CMD ["serve"]
