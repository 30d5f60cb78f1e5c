# One image for all services, ingest and dbt, so that versions match each other and
# those of `make run`. What rarely changes comes first, so that an edited model rebuilds
# only the last layers.
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates make openjdk-17-jre-headless python3 python3-venv tini \
    && rm -rf /var/lib/apt/lists/*

# The system's certificates, so that a company's CA in the base image is trusted.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PYTHONUNBUFFERED=1

RUN useradd --create-home --uid 10001 assessments \
    && install --directory --owner assessments /opt/assessments
USER assessments
WORKDIR /opt/assessments

COPY --chown=assessments Makefile settings.toml requirements.lock ./
COPY --chown=assessments requirements requirements
COPY --chown=assessments cli cli
COPY --chown=assessments services services
# Keep the environment that runs dbt and ingest, but not what was used to build it.
RUN make .venv/.plugin .jars/.complete && rm -rf .venv-setup ~/.cache ~/.ivy2 logs

ENV PATH=/opt/assessments/.venv/bin:$PATH \
    STACK=containers
# A new volume mounted on one of these takes over its owner.
RUN mkdir -p .stack/containers/data target logs

COPY --chown=assessments ingest ingest
COPY --chown=assessments answers answers
COPY --chown=assessments workbench workbench
COPY --chown=assessments data data
COPY --chown=assessments profiles profiles
COPY --chown=assessments dbt_project.yml ./
COPY --chown=assessments seeds seeds
COPY --chown=assessments macros macros
COPY --chown=assessments tests tests
COPY --chown=assessments models models
# Mark set-up as complete, whatever modification times the copied files have.
RUN make profiles.yml && touch .venv/.complete .venv/.plugin .jars/.complete

ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "services", "--help"]
