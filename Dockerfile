# One image for all of Airflow's processes. Package-client settings come in as the optional secrets pip_conf and uv_toml.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
ENV UV_LINK_MODE=copy UV_PYTHON=/opt/venv/bin/python UV_CACHE_DIR=/var/cache/uv
COPY deploy/build.lock ./
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    pip install --quiet --no-cache-dir --root-user-action=ignore --require-hashes -r build.lock
COPY requirements.lock ./
# Bytecode is compiled here because the user that runs it may not write it.
RUN --mount=type=secret,id=uv_toml,target=/etc/uv/uv.toml \
    --mount=type=cache,target=/var/cache/uv \
    python -m venv --without-pip /opt/venv \
    && uv pip install --quiet --require-hashes --compile-bytecode -r requirements.lock
COPY pyproject.toml README.md LICENSE* ./
COPY include/sundial include/sundial
COPY checks checks
RUN python -m hatchling build --target wheel --directory dist

FROM python:3.11-slim-bookworm
RUN groupadd --gid 50000 sundial \
    && useradd --uid 50000 --gid 50000 --no-log-init --home-dir /opt/airflow --create-home sundial \
    && install -d -o sundial -g sundial /opt/airflow/logs /opt/sundial-data /opt/sundial-data/lake /opt/sundial-checkpoints
COPY --from=build /opt/venv /opt/venv
RUN --mount=type=bind,from=build,source=/build/dist,target=/dist \
    --mount=type=bind,from=build,source=/usr/local/bin/uv,target=/usr/local/bin/uv \
    UV_NO_CACHE=1 uv pip install --quiet --offline --no-deps --python /opt/venv/bin/python /dist/*.whl \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib/python3.11/site-packages/sundial /opt/venv/lib/python3.11/site-packages/checks
COPY deploy /opt/sundial/deploy
COPY plugins /opt/sundial/plugins
COPY dags /opt/sundial/dags
COPY include/systems /opt/sundial/include/systems
COPY include/policy.yaml /opt/sundial/include/policy.yaml
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/sundial/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/sundial/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false \
    GX_ANALYTICS_ENABLED=false \
    SUNDIAL_REGISTER=/opt/sundial/include/systems \
    SUNDIAL_POLICY=/opt/sundial/include/policy.yaml \
    SUNDIAL_LAKE=file:///opt/sundial-data/lake
USER 50000:50000
WORKDIR /opt/sundial
CMD ["airflow", "version"]
