# One image for every process of Bulkpost: the worker, beat, the migrations, the simulator and the command `bulkpost`.
FROM python:3.12-slim AS build
# Behind a mirror: docker build --build-arg UV_DEFAULT_INDEX=... --build-arg PIP_INDEX_URL=...
ARG UV_DEFAULT_INDEX PIP_INDEX_URL
RUN ["pip", "install", "--no-cache-dir", "--disable-pip-version-check", "uv==0.13.9"]
RUN ["uv", "venv", "/opt/bulkpost"]
WORKDIR /source
ENV UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 VIRTUAL_ENV=/opt/bulkpost
# First what changes seldom. The lock constrains, so that the tools of the checkout stay out of the image.
COPY pyproject.toml requirements.lock ./
RUN ["uv", "pip", "install", "--require-hashes", "-c", "requirements.lock", "-r", "pyproject.toml", "--extra", "xlsx"]
COPY README.md ./
COPY migrations migrations
COPY models models
COPY web web
COPY worker worker
RUN ["uv", "pip", "install", "--no-deps", "."]

FROM python:3.12-slim
RUN ["useradd", "--system", "--uid", "10001", "--home-dir", "/var/lib/bulkpost", "--create-home", "bulkpost"]
COPY --from=build /opt/bulkpost /opt/bulkpost
ENV PATH=/opt/bulkpost/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/bulkpost
CMD ["bulkpost", "--help"]
