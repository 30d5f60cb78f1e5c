{#- Tables of the history are kept in slices, ranges of offsets of a Kafka partition. A
    build finds the slices whose content has changed and replaces them whole, in one
    commit, so its work depends on what is new, and building twice changes nothing. -#}

{#- Offsets in a slice. To change it, run `dbt run --full-refresh`. -#}
{% macro slice_length() -%}
    {{ return(10000) }}
{%- endmacro %}

{#- Iceberg keeps the largest offset of each file beside the file. -#}
{% macro last_offsets(tables) -%}
    {%- set queries = [] -%}
    {%- for table in tables -%}
        {%- do queries.append(
            "select '" ~ table ~ "' as table_name, partition._kafka_partition,"
            ~ ' max(readable_metrics._kafka_offset.upper_bound) from ' ~ table
            ~ '.files group by partition._kafka_partition'
        ) -%}
    {%- endfor -%}
    {{ return(run_query(queries | join(' union all ')).rows) }}
{%- endmacro %}

{% macro is_new_message(
    topic_partition='_kafka_partition', topic_offset='_kafka_offset'
) -%}
    {%- if execute and is_incremental() -%}
        {%- set partitions = [] -%}
        {%- for _, partition, offset in last_offsets([this]) %}
            {%- do partitions.append(partition) %}
        ({{ topic_partition }} = {{ partition }} and {{ topic_offset }} > {{ offset }}) or
        {%- endfor %}
        {%- if partitions %}
        {{ topic_partition }} not in ({{ partitions | join(', ') }})
        {%- else %}
        true
        {%- endif -%}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- The messages of an attempt lie in the slices that gain its row and those that lose
    it. -#}
{% macro changed_attempts() -%}
    {%- if is_incremental() or not execute -%}
        select
            message._kafka_partition,
            message._kafka_offset
        from {{ ref('int_attempts__newest_messages') }}
            lateral view explode(messages) as message
        where {{ is_new_message() }}
    {%- endif -%}
{%- endmacro %}

{% macro in_slices(rows) -%}
    {%- set ranges = [] -%}
    {%- for row in rows -%}
        {%- set partition, slice = row[0], row[1] -%}
        {%- set last = ranges[-1] if ranges else {} -%}
        {%- if last.partition == partition and last.end == slice -%}
            {%- do last.update({'end': slice + 1}) -%}
        {%- else -%}
            {%- do ranges.append(
                {'partition': partition, 'first': slice, 'end': slice + 1}
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set conditions = [] -%}
    {%- for range in ranges -%}
        {%- do conditions.append(
            '(_kafka_partition = ' ~ range.partition
            ~ ' and _kafka_offset >= ' ~ range.first * slice_length()
            ~ ' and _kafka_offset < ' ~ range.end * slice_length() ~ ')'
        ) -%}
    {%- endfor -%}
    {{ return(conditions | join('\n        or ') or 'false') }}
{%- endmacro %}

{% macro in_changed_slices(changed_messages) -%}
    {%- if not (execute and is_incremental()) -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set snapshots = run_query(
        "select snapshot_id from " ~ this ~ ".refs where name = 'main'"
    ).rows -%}
    {%- set changed = run_query(
        'select distinct _kafka_partition, _kafka_offset div ' ~ slice_length()
        ~ ' as slice from (' ~ changed_messages ~ ') order by _kafka_partition, slice'
    ).rows -%}
    {%- set condition = in_slices(changed) -%}
    {%- do graph.nodes[model.unique_id].update(
        {'changed_slices': condition, 'snapshot': snapshots[0][0]}
    ) -%}
    {{ return(condition) }}
{%- endmacro %}

{#- dbt-spark would replace only the slices that still have a row. Iceberg refuses the
    commit if another one has changed the same slices since they were chosen. -#}
{% macro get_insert_overwrite_sql(
    source_relation, target_relation, existing_relation
) -%}
    {%- set node = graph.nodes[model.unique_id] -%}
    {%- set columns = adapter.get_columns_in_relation(target_relation) -%}
    {%- if not node.changed_slices -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ' is incremental, so it has to filter by in_changed_slices'
        ) -%}
    {%- endif -%}
    {%- if node.changed_slices == 'false' -%}
        select 'nothing has changed'
    {%- else -%}
        insert into {{ target_relation }}
        with (
            'isolation-level' = 'serializable',
            'validate-from-snapshot-id' = '{{ node.snapshot }}'
        )
        replace where {{ node.changed_slices }}
        select {{ columns | map(attribute='quoted') | join(', ') }}
        from {{ source_relation }}
    {%- endif -%}
{%- endmacro %}
