# One image for every service and for ingest and dbt, so that versions can't drift apart
# or from those of `make run`. What changes seldom comes first: an edited model rebuilds
# no layer but the last ones.
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates make openjdk-17-jre-headless python3 python3-venv tini \
    && rm -rf /var/lib/apt/lists/*

# The system's certificates, so that a company's own authority in the base is trusted.
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
# Only the environment that runs dbt and ingest; what made it is not kept.
RUN make .venv/.complete .jars/.complete && rm -rf .venv-setup ~/.cache ~/.ivy2 logs

ENV PATH=/opt/assessments/.venv/bin:$PATH \
    STACK=containers
# A volume that is mounted here takes over the owner.
RUN mkdir -p .stack/containers/data target logs

COPY --chown=assessments ingest ingest
COPY --chown=assessments answers answers
COPY --chown=assessments data data
COPY --chown=assessments profiles profiles
COPY --chown=assessments dbt_project.yml ./
COPY --chown=assessments seeds seeds
COPY --chown=assessments macros macros
COPY --chown=assessments tests tests
COPY --chown=assessments models models
# Set-up is complete, whatever times the files above carry.
RUN make profiles.yml && touch .venv/.complete .jars/.complete

ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "services", "--help"]
