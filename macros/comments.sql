{#- Descriptions reach the tables (persist_docs) without a commit of their own: the table
    is created from a temporary view whose columns carry the comments. dbt-spark's way is
    one ALTER a column, each a commit. -#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {%- set compiled_code = get_select_subquery(compiled_code) -%}
        {%- endif -%}
        {%- if config.persist_column_docs() and model.columns -%}
            {#- A contract has put the columns into the order of the yml already. -#}
            {%- set columns = model.columns.keys() if config.get('contract').enforced
                else get_columns_in_query(compiled_code) -%}
            {%- set commented = spark__make_temp_relation(relation, '__commented') -%}
            {%- call statement('create_commented_view') -%}
                create or replace temporary view {{ commented }}
                ({{ get_persist_docs_column_list(model.columns, columns) }})
                as {{ compiled_code }}
            {%- endcall -%}
            {%- set compiled_code = 'select * from ' ~ commented -%}
        {%- endif -%}
        create or replace table {{ relation }}
        {{ file_format_clause() }}
        {{ options_clause() }}
        {{ tblproperties_clause() }}
        {{ partition_cols(label="partitioned by") }}
        {{ location_clause() }}
        {{ comment_clause() }}
        as {{ compiled_code }}
    {%- endif -%}
{%- endmacro %}

{#- What is left to say after that, on an incremental run whose yml has changed: one
    statement a table, none when nothing changed. -#}
{% macro spark__alter_column_comment(relation, column_dict) -%}
    {%- set existing = {} -%}
    {%- for row in run_query('describe table ' ~ relation).rows if row[0] not in existing -%}
        {%- do existing.update({row[0]: row[2] or ''}) -%}
    {%- endfor -%}
    {%- set changes = [] -%}
    {%- for name, column in column_dict.items() -%}
        {%- if column.description != existing.get(name) -%}
            {%- set comment = column.description | replace('\\', '\\\\') | replace("'", "\\'") -%}
            {%- do changes.append('alter column ' ~ name ~ " comment '" ~ comment ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if changes -%}
        {%- do run_query('alter table ' ~ relation ~ ' ' ~ changes | join(', ') | replace(', alter column', ',')) -%}
    {%- endif -%}
{%- endmacro %}
