{% macro message_recency(message='') -%}
    {%- set prefix = message ~ '.' if message -%}
    struct(
        {{ prefix }}_kafka_timestamp, {{ prefix }}_kafka_partition, {{ prefix }}_kafka_offset
    )
{%- endmacro %}
