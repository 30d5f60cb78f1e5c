{% macro is_new_message(
    topic_partition='_kafka_partition', topic_offset='_kafka_offset'
) -%}
    {%- if execute and is_incremental() -%}
        {%- set seen = run_query(
            'select _kafka_partition, max(_kafka_offset) from ' ~ this ~ ' group by _kafka_partition'
        ) -%}
        {%- for row in seen.rows %}
        ({{ topic_partition }} = {{ row[0] }} and {{ topic_offset }} > {{ row[1] }}) or
        {%- endfor %}
        {%- if seen.rows | length %}
        {{ topic_partition }} not in ({{ seen.columns[0].values() | join(', ') }})
        {%- else %}
        true
        {%- endif -%}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro message_recency(message='') -%}
    {%- set prefix = message ~ '.' if message -%}
    struct(
        {{ prefix }}_kafka_timestamp, {{ prefix }}_kafka_partition, {{ prefix }}_kafka_offset
    )
{%- endmacro %}
