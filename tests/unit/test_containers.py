"""The containers are the system of `make run`: neither way can be changed alone."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.preflight import JAVA_VERSIONS
from services.stack import CONTAINERS, ROOT, configuration, load

FILES = {
    name: (ROOT / name).read_text()
    for name in (
        "docker-compose.yml",
        "Dockerfile",
        ".env.example",
        "pyproject.toml",
        "services/stacks.toml",
    )
}
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
_HOSTS = "kafka|namenode|datanode-2|datanode|spark-master|spark"
_SERVICES = {
    "kafka",
    "namenode",
    "datanode",
    "datanode-2",
    "spark-master",
    "spark-worker",
    "spark",
}
# Nobody outside needs these; a published port is one more that may be taken already.
_INTERNAL_PORTS = {
    "kafka_controller",
    "kafka_internal",
    "datanode_ipc",
    "datanode_2_ipc",
    "spark_master",
}


def disagreements(files: dict[str, str]) -> list[str]:
    """What the files of the containers say otherwise than those of the local way."""
    compose = yaml.safe_load(files["docker-compose.yml"])
    return [
        *_versions(files, compose),
        *_commands(compose),
        *_ports(compose, files["services/stacks.toml"]),
        *_settings(compose, files["services/stacks.toml"]),
        *_example(files),
    ]


def _versions(files: dict[str, str], compose: dict[str, Any]) -> list[str]:
    """One image, of Debian's Java and Python and of what set-up installs."""
    found = []
    dockerfile = files["Dockerfile"]
    images = {service.get("image") for service in compose["services"].values()}
    if len(images) != 1:
        found.append(f"the services have several images: {images}")
    if any(service.get("build") != "." for service in compose["services"].values()):
        found.append("not every service is built from the Dockerfile")
    java = re.findall(r"openjdk-(\d+)", dockerfile)
    if [int(version) for version in java] != [JAVA_VERSIONS[0]]:
        found.append(f"the image has Java {java}, the project runs on {JAVA_VERSIONS}")
    # Debian 12 has Python 3.11.
    python = tomllib.loads(files["pyproject.toml"])["project"]["requires-python"]
    if (python, "FROM debian:bookworm-slim" in dockerfile) != (">=3.11", True):
        found.append(f"the image's Python is not the oldest of {python}")
    for target in (".venv/.complete", ".jars/.complete"):
        if f"RUN make {target}" not in dockerfile:
            found.append(f"the image does not make {target} as set-up does")
    if re.search(r"pip install|uv pip|curl|wget|ivy\.Main", dockerfile):
        found.append("the image installs something by a way of its own")
    return found


def _commands(compose: dict[str, Any]) -> list[str]:
    found = []
    services = compose["services"]
    if set(services) != _SERVICES | {"pipeline"}:
        found.append(f"the services are {sorted(services)}")
    for name in _SERVICES & set(services):
        own = name.replace("-", "_")
        if services[name]["command"] != ["python", "-m", "services", "serve", own]:
            found.append(f"{name} is not started by services/start.sh")
        test = services[name].get("healthcheck", {}).get("test", [])
        kind = own.removesuffix("_2")
        if test != ["CMD", "python", "-m", "services", "health", kind]:
            found.append(f"{name} is not checked by services/health.py")
        if services[name].get("restart") != "unless-stopped":
            found.append(f"{name} is not restarted")
        if not services[name].get("mem_limit"):
            found.append(f"{name} has no memory limit")
    return found


def _ports(compose: dict[str, Any], stacks: str) -> list[str]:
    settings = tomllib.loads(stacks)
    offset = settings["offsets"][CONTAINERS] - settings["offsets"]["default"]
    wanted = {
        f"127.0.0.1:{port + offset}:{port + offset}"
        for name, port in settings["ports"].items()
        if name not in _INTERNAL_PORTS
    }
    published = {
        port
        for service in compose["services"].values()
        for port in service.get("ports", [])
    }
    return [f"port {each} is on one side alone" for each in sorted(wanted ^ published)]


def _settings(compose: dict[str, Any], stacks: str) -> list[str]:
    """Each default of docker-compose.yml is that of services/stacks.toml."""
    settings = tomllib.loads(stacks)
    wanted = {
        "ASSESSMENTS_TOPIC": settings["topic"]["name"],
        "HIVE_METASTORE_URIS": load("default", {}).hive_metastore_uris,
        "SPARK_MASTER": load("default", {}).spark_master,
        **{f"{name.upper()}_HEAP": heap for name, heap in settings["heaps"].items()},
        "SPARK_WORKER_CORES": settings["cluster"]["worker_cores"],
        "SPARK_WORKER_MEMORY": settings["cluster"]["worker_memory"],
    }
    found = []
    for name, service in compose["services"].items():
        values = {}
        for key, text in service["environment"].items():
            match = _VARIABLE.fullmatch(text)
            if not match or match[1] != key:
                found.append(f"{key} of {name} can't be set by a variable of its name")
            else:
                values[key] = match[2]
        found += [
            f"{key} of {name} is {values.get(key)!r}, locally {value!r}"
            for key, value in wanted.items()
            if values.get(key) != value
        ]
    return found


def _example(files: dict[str, str]) -> list[str]:
    """.env.example lists every variable of docker-compose.yml with its default."""
    used = dict(_VARIABLE.findall(files["docker-compose.yml"]))
    listed = dict(re.findall(r"^#(\w+)=(.*)$", files[".env.example"], re.MULTILINE))
    # These two lines make the cluster; without them there is none.
    listed.pop("COMPOSE_PROFILES", None)
    if listed.get("SPARK_MASTER") == "spark://spark-master:7077":
        listed["SPARK_MASTER"] = used["SPARK_MASTER"]
    return [
        f"{name} is {used.get(name)!r} in docker-compose.yml, "
        f"{listed.get(name)!r} in .env.example"
        for name in sorted({*used, *listed})
        if used.get(name) != listed.get(name)
    ]


def test_containers_and_local_services_agree() -> None:
    assert disagreements(FILES) == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("docker-compose.yml", "KAFKA_HEAP:-512m", "KAFKA_HEAP:-1g"),
        ("docker-compose.yml", "127.0.0.1:9092:9092", "9092:9092"),
        ("docker-compose.yml", "127.0.0.1:10000:10000", "127.0.0.1:10001:10000"),
        ("docker-compose.yml", "serve, namenode]", "serve, datanode]"),
        ("docker-compose.yml", "services, health, spark]", "services, --help]"),
        ("docker-compose.yml", "SPARK_MASTER:-local[*]", "SPARK_MASTER:-local[1]"),
        ("docker-compose.yml", "  build: .", "  build: kafka"),
        ("docker-compose.yml", "restart: unless-stopped", "restart: 'no'"),
        ("Dockerfile", "openjdk-17", "openjdk-21"),
        ("Dockerfile", "debian:bookworm-slim", "debian:trixie-slim"),
        ("Dockerfile", "RUN make .venv/.complete", "RUN pip install pyspark"),
        ("Dockerfile", "RUN make .jars/.complete", "RUN curl jars"),
        (".env.example", "#SPARK_HEAP=2g", "#SPARK_HEAP=3g"),
        (".env.example", "#HIVE_METASTORE_URIS=", "#HIVE_METASTORE="),
        (".env.example", "#ASSESSMENTS_TOPIC=", "#ASSESSMENT_TOPIC="),
        ("services/stacks.toml", 'spark = "2g"', 'spark = "3g"'),
        ("services/stacks.toml", "spark_ui = 4040", "spark_ui = 4041"),
        ("services/stacks.toml", "containers = 0", "containers = 100"),
        ("services/stacks.toml", "assessment-attempts", "attempts"),
        ("services/stacks.toml", 'worker_memory = "1g"', 'worker_memory = "2g"'),
    ],
)
def test_a_change_of_one_side_alone_is_noticed(file: str, old: str, new: str) -> None:
    assert old in FILES[file]
    changed = {**FILES, file: FILES[file].replace(old, new)}
    assert disagreements(changed) != []


@pytest.mark.parametrize("is_cluster", [False, True])
def test_both_ways_render_the_same_configuration(is_cluster: bool) -> None:
    """But for the hosts, what is on the one side alone is listed here, line by line."""
    masters = ("spark://127.0.0.1:7077", "spark://spark-master:7077")
    local, containers = (
        load(name, {"SPARK_MASTER": master} if is_cluster else {})
        for name, master in zip(("default", CONTAINERS), masters, strict=True)
    )
    spark_home = Path("/spark")
    ours = _without_hosts(configuration(local, spark_home), "default")
    theirs = _without_hosts(configuration(containers, spark_home), CONTAINERS)
    assert ours.keys() == theirs.keys()
    differing = {
        (name, line)
        for name in ours.keys() - {"supervisord.conf"}
        for line in set(ours[name].splitlines()) ^ set(theirs[name].splitlines())
    }
    servers = 'export KAFKA_BOOTSTRAP_SERVERS="${KAFKA_BOOTSTRAP_SERVERS:-HOST:%s}"'
    assert differing == {
        ("client.env", servers % 9092),
        ("client.env", servers % 9094),
        ("services.env", "SPARK_WORKER_HOST=HOST"),
        ("services.env", "SPARK_WORKER_HOST="),
    }


def _without_hosts(files: dict[str, str], stack: str) -> dict[str, str]:
    host = re.compile(rf"(?<=[/>=@ -])({_HOSTS}|127\.0\.0\.1)(?=[:<}}\s])")
    return {
        name: host.sub("HOST", text)
        .replace(f".stack/{stack}/", ".stack/NAME/")
        .replace(f"assessments-{stack}", "assessments-NAME")
        for name, text in files.items()
    }
