{#- from_json is too kind to judge a message: it takes a second value, text after the
    object, NaN and single quotes in silence. Wrapped in an array and in an object, text
    that is not exactly one strict JSON value breaks at least one of the two. -#}
{% macro is_one_json_value(text) -%}
    (
        size(from_json(concat('[', {{ text }}, ']'), 'array<string>', {{ strict_json() }})) = 1
        and from_json(concat('{"v":', {{ text }}, '}'), 'map<string,string>', {{ strict_json() }})
            is not null
    )
{%- endmacro %}

{% macro strict_json() -%}
    map('allowNonNumericNumbers', 'false', 'allowSingleQuotes', 'false')
{%- endmacro %}

{#- White space as JSON has it: space, tab, line feed, carriage return. -#}
{% macro without_leading_white_space(text) -%}
    trim(leading ' \t\n\r' from {{ text }})
{%- endmacro %}

{#- True for a JSON object or array; false for a scalar, null for none. -#}
{% macro is_structure(variant) -%}
    (schema_of_variant({{ variant }}) like 'OBJECT%' or schema_of_variant({{ variant }}) like 'ARRAY%')
{%- endmacro %}
