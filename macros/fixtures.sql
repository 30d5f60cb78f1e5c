{#-
    Rows of a unit test as a list of values. dbt writes a select per row, and Spark
    compiles code for each.
-#}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- set is_deferred = defer_relation and not load_relation(this) -%}
    {%- set relation = defer_relation if is_deferred else this -%}
    {%- set types = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
    {%- endfor -%}
    {%- if not types -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ ", an input of a unit test, has not been built"
        ) -%}
    {%- endif -%}
    {{ fixture_values(rows, types.keys(), types) }}
{%- endmacro %}

{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) -%}
    {%- set names = rows[0] if rows else column_name_to_data_types -%}
    {%- for row in rows if row.keys() | sort != names.keys() | sort -%}
        {%- do exceptions.raise_compiler_error(
            'the rows that a unit test expects have to name the same columns: '
            ~ row.keys() | join(', ') ~ ' is not ' ~ names.keys() | join(', ')
        ) -%}
    {%- endfor -%}
    {{ fixture_values(rows, names, column_name_to_data_types) }}
{%- endmacro %}

{% macro fixture_values(rows, names, types) -%}
    {%- set nulls = {} -%}
    {%- for name in names -%}
        {%- do nulls.update({name | lower: safe_cast('null', types[name | lower])}) -%}
    {%- endfor -%}
    select * from values
    {%- for row in rows or [{}] %}
        ({{ dict(nulls, **format_row(row, types)).values() | join(', ') }})
        {{- ',' if not loop.last }}
    {%- endfor %}
    as fixture (`{{ nulls | join('`, `') }}`)
    {{- ' limit 0' if not rows }}
{%- endmacro %}
