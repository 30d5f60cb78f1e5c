{% macro message_recency() -%}
    struct(_kafka_timestamp, _kafka_partition, _kafka_offset)
{%- endmacro %}
