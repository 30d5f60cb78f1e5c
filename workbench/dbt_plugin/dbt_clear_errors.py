"""A plugin of dbt that makes its errors clear.

Messages of Spark lose plan and stack, which stay in dbt's log. A misspelled key in yml
is noticed; without the plugin, dbt compares yml with its schema for four other adapters
only.

dbt loads every module whose name begins with `dbt_`; `make setup` puts this folder on
the path of its environment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

from dbt.adapters.spark.connections import SparkConnectionManager
from dbt.adapters.spark.impl import SparkConfig
from dbt.jsonschemas import jsonschemas
from dbt.plugins.manager import dbtPlugin
from dbt_common.exceptions import DbtRuntimeError

from cli.spark_sql import without_stack

_whole = SparkConnectionManager.exception_handler


@contextmanager
def _short(manager: SparkConnectionManager, sql: str) -> Iterator[None]:
    try:
        with _whole(manager, sql):
            yield
    except DbtRuntimeError as error:
        raise DbtRuntimeError(without_stack(error.msg, sql)) from None


class ClearErrors(dbtPlugin):  # type: ignore[misc] # dbt is not read for types
    def initialize(self) -> None:
        SparkConnectionManager.exception_handler = _short
        jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("spark")
        options = [field.name for field in fields(SparkConfig)]
        jsonschemas._ADAPTER_TO_CONFIG_ALIASES["spark"] = options


plugins = [ClearErrors]
