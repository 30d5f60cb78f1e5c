"""A plugin of dbt: Spark's messages without plan and stack, which stay in dbt's log.

dbt loads every module whose name begins with `dbt_`; `make setup` puts this folder on
the path of its environment.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dbt.adapters.spark.connections import SparkConnectionManager
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


class ShortErrors(dbtPlugin):  # type: ignore[misc] # dbt is not read for types
    def initialize(self) -> None:
        SparkConnectionManager.exception_handler = _short


plugins = [ShortErrors]
