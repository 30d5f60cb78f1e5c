{#- dbt-spark drops a seed, creates it again and inserts its rows: a build beside it
    would read no rows. These three replace table and rows in one statement. -#}
{% macro spark__create_csv_table(model, agate_table) -%}
    {%- set types = config.get('column_types', {}) -%}
    {%- set rows = agate_table.rows -%}
    {%- set bindings = [] -%}
    {%- set sql -%}
        create or replace table {{ this }}
        {{ file_format_clause() }}
        {{ comment_clause() | replace('%', '%%') }}
        as select
        {%- for name in agate_table.column_names %}
            cast(column_{{ loop.index }} as
            {{ types.get(name, adapter.convert_type(agate_table, loop.index0)) }}) as {{ name }}
            {{- ',' if not loop.last }}
        {%- endfor %}
        from values
        {%- for row in rows or [agate_table.column_names] %}
            {%- do bindings.extend(row) %}
            ({% for _ in row %}{{ get_binding_char() }}{{ ', ' if not loop.last }}{% endfor %})
            {{- ',' if not loop.last }}
        {%- endfor %}
        as rows (
        {%- for _ in agate_table.column_names -%}
            column_{{ loop.index }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        )
        {{ 'where false' if not rows }}
    {%- endset -%}
    {%- do adapter.add_query(sql, bindings=bindings, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}

{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {{ return(create_csv_table(model, agate_table)) }}
{%- endmacro %}

{% macro spark__load_csv_rows(model, agate_table) -%}
    {{ return('') }}
{%- endmacro %}

{#- With --full-refresh, dbt-spark drops an incremental table before it replaces it,
    and readers would find none. -#}
{% macro spark__drop_relation(relation) -%}
    {%- if not (flags.FULL_REFRESH and relation.is_iceberg) -%}
        {%- call statement('drop_relation', auto_begin=False) -%}
            drop {{ relation.type }} if exists {{ relation }}
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}

{#- The table of a model that has become a view is dropped all the same. -#}
{% macro spark__handle_existing_table(full_refresh, old_relation) -%}
    {%- call statement('drop_relation', auto_begin=False) -%}
        drop table if exists {{ old_relation }}
    {%- endcall -%}
{%- endmacro %}
