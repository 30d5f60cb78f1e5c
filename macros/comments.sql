{#- By default, persist_docs of dbt-spark runs one ALTER per column, each a commit. -#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {%- set compiled_code = get_select_subquery(compiled_code) -%}
        {%- endif -%}
        {%- if config.persist_column_docs() and model.columns -%}
            {#- An enforced contract has already put the columns in the yml's order. -#}
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

{% macro spark__persist_docs(relation, model, for_relation, for_columns) -%}
    {#- A table that was just created already has its comments. -#}
    {%- set is_asked = for_columns and config.persist_column_docs() -%}
    {%- if is_asked and config.get('materialized') != 'table' -%}
        {%- set existing = {} -%}
        {%- set described = run_query('describe table ' ~ relation) -%}
        {%- for row in described.rows if row[0] not in existing -%}
            {%- do existing.update({row[0]: row[2] or ''}) -%}
        {%- endfor -%}
        {%- set changes = [] -%}
        {%- for name, column in model.columns.items() -%}
            {%- if column.description != existing.get(name) -%}
                {%- set text = column.description | replace('\\', '\\\\') -%}
                {%- set comment = " comment '" ~ text | replace("'", "\\'") ~ "'" -%}
                {%- do changes.append(name ~ comment) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if changes -%}
            {%- set columns = changes | join(', ') -%}
            {%- do run_query('alter table ' ~ relation ~ ' alter column ' ~ columns) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
