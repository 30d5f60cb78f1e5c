{#- from_json is too lenient to check a message: it silently accepts a second value,
    text after the object, NaN and single quotes. So the text is wrapped in an array and
    in an object: text that is not exactly one strict JSON value breaks at least one of
    them. from_json also accepts a duplicate key, which try_parse_json rejects. -#}
{% macro syntax_reject_reason(text) -%}
    {%- set options -%}
        map('allowNonNumericNumbers', 'false', 'allowSingleQuotes', 'false')
    {%- endset -%}
    {#- Only what JSON counts as white space. -#}
    {%- set stripped = "trim(leading ' \\t\\n\\r' from " ~ text ~ ")" -%}
    case
        when {{ stripped }} = '' then 'empty'
        when not is_valid_utf8({{ text }}) then 'invalid_utf8'
        when
            coalesce(size(from_json(concat('[', {{ text }}, ']'), 'array<string>', {{ options }})), 0) != 1
            or from_json(concat('{"v":', {{ text }}, '}'), 'map<string,string>', {{ options }}) is null
            then 'invalid_json'
        when not startswith({{ stripped }}, '{') then 'not_an_object'
        when try_parse_json({{ text }}) is null then 'duplicate_key'
    end
{%- endmacro %}

{% macro has_structure_as_identifier(identifiers) -%}
    (
        {{ is_structure(identifiers ~ '.keen_id') }}
        or {{ is_structure(identifiers ~ '.exam_name') }}
        or {{ is_structure(identifiers ~ '.base_exam_id') }}
        or {{ is_structure(identifiers ~ '.user_exam_id') }}
        or {{ is_structure(identifiers ~ '.sequences.id') }}
        or exists(
            {{ identifiers }}.sequences.questions,
            question -> {{ is_structure('question.id') }}
            or exists(question.options, option -> {{ is_structure('option.id') }})
        )
    )
{%- endmacro %}

{% macro is_structure(variant) -%}
    (
        {{ is_of_type(variant, 'map<string, variant>') }}
        or {{ is_of_type(variant, 'array<variant>') }}
    )
{%- endmacro %}

{% macro is_of_type(variant, type) -%}
    try_variant_get({{ variant }}, '$', '{{ type }}') is not null
{%- endmacro %}

{% macro has_inconsistent_counts(counts) -%}
    least(
        {{ counts }}.total,
        {{ counts }}.correct,
        {{ counts }}.incorrect,
        {{ counts }}.incomplete,
        {{ counts }}.submitted,
        {{ counts }}.unanswered
    ) < 0
    or greatest(
        {{ counts }}.correct,
        {{ counts }}.incorrect,
        {{ counts }}.incomplete,
        {{ counts }}.unanswered
    ) > {{ counts }}.total
{%- endmacro %}
