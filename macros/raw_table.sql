{#- Incremental models keep the messages of earlier builds. Those of another raw table,
    or those that a rollback took out of it, would mix with the present ones. -#}
{% macro stop_if_raw_table_was_replaced() -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set raw = source('raw', 'assessment_attempts') -%}
        {%- set keeping = [] -%}
        {%- for node in graph.nodes.values()
            if node.config.materialized == 'incremental'
            and '_kafka_offset' in node.columns -%}
            {%- do keeping.append(node) -%}
        {%- endfor -%}
        {%- set selected = keeping
            | selectattr('unique_id', 'in', selected_resources) | list -%}
        {%- set rebuilt = selected if flags.FULL_REFRESH else [] -%}
        {%- set raw_id = raw_table_id() if selected -%}
        {%- set built = [] -%}
        {%- for node in keeping if selected and node not in rebuilt -%}
            {%- do built.append(load_relation(
                api.Relation.create(schema=node.schema, identifier=node.alias)
            )) -%}
        {%- endfor -%}
        {%- set built = built | select | list -%}
        {%- set replaced = [] -%}
        {%- for table in built -%}
            {%- set properties = table_properties(table) -%}
            {%- if
                properties.get('assessments.slice-length') != slice_length() | string
            -%}
                {%- do exceptions.raise_compiler_error(
                    table ~ ' is kept in other slices than models are built in now: run '
                    ~ '`dbt build --full-refresh`'
                ) -%}
            {%- endif -%}
            {%- if properties.get('assessments.raw-table-id') != raw_id -%}
                {%- do replaced.append(table) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for table in replaced or tables_beyond_raw(built) -%}
            {%- do exceptions.raise_compiler_error(
                table ~ ' holds messages that ' ~ raw ~ ' does not: that table was '
                ~ 'created again or rolled back. If it is as it should be, run '
                ~ '`dbt build --full-refresh`'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#- dbt-spark calls it for each table that it creates. -#}
{% macro spark__tblproperties_clause() -%}
    {%- set properties = dict(config.get('tblproperties') or {}) -%}
    {%- if config.get('materialized') == 'incremental' -%}
        {%- do properties.update({
            'assessments.raw-table-id': raw_table_id(),
            'assessments.slice-length': slice_length(),
        }) -%}
    {%- endif -%}
    {%- for name, value in properties.items() %}
        {{- 'tblproperties (' if loop.first }} '{{ name }}' = '{{ value }}'
        {{- ')' if loop.last else ',' }}
    {%- endfor -%}
{%- endmacro %}

{% macro accepted_losses() -%}
    {%- if execute -%}
        {%- set raw = source('raw', 'assessment_attempts') -%}
        {%- set losses = table_properties(raw).get('ingest.accepted-losses', '[]') -%}
        {{ return(fromjson(losses)) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{% macro raw_table_id() -%}
    {%- set raw = source('raw', 'assessment_attempts') -%}
    {{ return(table_properties(raw).get('ingest.table-id')) }}
{%- endmacro %}

{% macro table_properties(table) -%}
    {%- set properties = {} -%}
    {%- for row in run_query('show tblproperties ' ~ table).rows -%}
        {%- do properties.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {{ return(properties) }}
{%- endmacro %}

{% macro tables_beyond_raw(tables) -%}
    {%- if not tables -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set newest = last_offsets(tables) -%}
    {%- set conditions = [] -%}
    {%- for _, partition, offset in newest -%}
        {%- do conditions.append(
            '(partition = ' ~ partition ~ ' and offset = ' ~ offset ~ ')'
        ) -%}
    {%- endfor -%}
    {%- set found = run_query(
        'select distinct partition, offset from ' ~ source('raw', 'assessment_attempts')
        ~ ' where ' ~ (conditions | unique | join(' or ') or 'false')
    ).rows | map('list') | list -%}
    {%- set beyond_raw = [] -%}
    {%- for table, partition, offset in newest if [partition, offset] not in found -%}
        {%- do beyond_raw.append(table) -%}
    {%- endfor -%}
    {{ return(beyond_raw) }}
{%- endmacro %}
